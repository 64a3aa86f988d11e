"""The packs in the first tests are the examples of RFC 8428, section 5.1."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from lambdas.ingest.decoding.reading import Problem, RecordError
from lambdas.ingest.decoding.senml import SenmlReader, split_name
from lambdas.ingest.decoding.values.timestamps import texts
from tests.unit.ingest.ingest_kit import NOW, decode, plain


def resolved(pack: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    decoded = decode(json.dumps(pack).encode())
    assert decoded.form == "senml"
    return [plain(reading)[:4] for reading in decoded.readings]


def ago(seconds: float) -> str:
    return texts([NOW - timedelta(seconds=seconds)])[0]


def test_single_datapoint() -> None:
    assert resolved([{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}]) == [
        ("urn:dev:ow", ago(0), {"10e2073a01080063": 23.1}, {"10e2073a01080063": "Cel"})
    ]


def test_multiple_datapoints_now() -> None:
    assert resolved(
        [
            {"bn": "urn:dev:ow:10e2073a01080063:", "n": "voltage", "u": "V", "v": 120.1},
            {"n": "current", "u": "A", "v": 1.2},
        ]
    ) == [
        ("urn:dev:ow:10e2073a01080063", ago(0), {"voltage": 120.1}, {"voltage": "V"}),
        ("urn:dev:ow:10e2073a01080063", ago(0), {"current": 1.2}, {"current": "A"}),
    ]


def test_multiple_datapoints_with_base_time_unit_and_version() -> None:
    pack = [
        {
            "bn": "urn:dev:ow:10e2073a0108006:",
            "bt": 1.276020076001e09,
            "bu": "A",
            "bver": 5,
            "n": "voltage",
            "u": "V",
            "v": 120.1,
        },
        *({"n": "current", "t": -5 + step, "v": 1.2 + step / 10} for step in range(5)),
        {"n": "current", "v": 1.7},
    ]
    device = "urn:dev:ow:10e2073a0108006"
    assert resolved(pack) == [
        (device, "2010-06-08T18:01:16.001000Z", {"voltage": 120.1}, {"voltage": "V"}),
        *(
            (device, f"2010-06-08T18:01:{11 + step}.001000Z", {"current": 1.2 + step / 10}, {"current": "A"})
            for step in range(5)
        ),
        (device, "2010-06-08T18:01:16.001000Z", {"current": 1.7}, {"current": "A"}),
    ]


def test_multiple_measurements_with_a_position_at_times_of_its_own() -> None:
    pack: list[dict[str, Any]] = [
        {"bn": "urn:dev:ow:10e2073a01080063", "bt": 1.320067464e09, "bu": "%RH", "v": 20},
        {"u": "lon", "v": 24.30621},
        {"u": "lat", "v": 60.07965},
        {"t": 60, "v": 20.3},
        {"u": "%EL", "t": 150, "v": 98},
    ]
    assert resolved(pack) == [
        ("urn:dev:ow:10e2073a01080063", "2011-10-31T13:24:24.000000Z", {"RH": 20}, {"RH": "%RH"}),
        ("urn:dev:ow:10e2073a01080063", "2011-10-31T13:24:24.000000Z", {"lon": 24.30621}, {"lon": "lon"}),
        ("urn:dev:ow:10e2073a01080063", "2011-10-31T13:24:24.000000Z", {"lat": 60.07965}, {"lat": "lat"}),
        ("urn:dev:ow:10e2073a01080063", "2011-10-31T13:25:24.000000Z", {"RH": 20.3}, {"RH": "%RH"}),
        ("urn:dev:ow:10e2073a01080063", "2011-10-31T13:26:54.000000Z", {"EL": 98}, {"EL": "%EL"}),
    ]


def test_multiple_data_types_keep_the_number() -> None:
    pack = [
        {"bn": "urn:dev:ow:10e2073a01080063:", "n": "temp", "u": "Cel", "v": 23.1},
        {"n": "label", "vs": "Machine Room"},
        {"n": "open", "vb": False},
        {"n": "nfc-reader", "vd": "aGkgCg"},
    ]
    decoded = decode(json.dumps(pack).encode())
    assert [reading.metrics for reading in decoded.readings] == [{"temp": 23.1}, {"open": 0}]
    assert decoded.reasons == ["unsupported_value"] * 2


def test_collection_of_resources_changes_the_base_name_midway() -> None:
    pack = [
        {"bn": "2001:db8::2/", "bt": 1.320078429e09, "n": "temperature", "u": "Cel", "v": 25.2},
        {"n": "humidity", "u": "%RH", "v": 30},
        {"bn": "2001:db8::1/", "n": "temperature", "u": "Cel", "v": 12.3},
        {"n": "humidity", "u": "%RH", "v": 67},
    ]
    assert [(device, *values) for device, _, values, _ in resolved(pack)] == [
        ("2001:db8::2", "temperature"),
        ("2001:db8::2", "humidity"),
        ("2001:db8::1", "temperature"),
        ("2001:db8::1", "humidity"),
    ]
    assert {time for _, time, _, _ in resolved(pack)} == {"2011-10-31T16:27:09.000000Z"}


def test_base_values_are_added_and_integers_stay_exact() -> None:
    large = 10**37 + 1
    pack: list[dict[str, Any]] = [
        {"bn": "d:", "bv": large},
        {"n": "a", "v": 1},
        {"n": "b"},
        {"n": "c", "bv": 0.5, "v": 20},
    ]
    assert [values for _, _, values, _ in resolved(pack)] == [{"a": large + 1}, {"b": large}, {"c": 20.5}]


def test_a_sum_that_no_double_holds_is_out_of_range() -> None:
    for base, value in ((10**399, 0.5), (1e308, 1e308)):
        pack = [{"bn": "d:", "bv": base}, {"n": "a", "v": value}, {"bv": 0, "n": "b", "v": 1}]
        decoded = decode(json.dumps(pack).encode())
        assert (decoded.reasons, decoded.devices) == (["value_out_of_range"], ["d"])


@pytest.mark.parametrize(
    ("seconds", "time"), [(0, ago(0)), (-30.25, ago(30.25)), (2**30, "2004-01-10T13:37:04.000000Z"), (2**28, ago(0))]
)
def test_small_times_count_from_the_upload_and_large_ones_from_1970(seconds: float, time: str) -> None:
    assert resolved([{"n": "d:t", "v": 1, "t": seconds}])[0][1] == time


def test_base_fields_outlive_a_record_that_is_rejected() -> None:
    pack = [{"bn": "d:", "bt": 1.7e9, "n": "state", "vs": "on"}, {"n": "t", "v": 1}]
    assert [(device, values) for device, _, values, _ in resolved(pack)] == [("d", {"t": 1})]


@pytest.mark.parametrize("base", ['"bn": 7', '"bt": "soon"', '"bv": true', '"bver": "x"', '"bt": 1e400'])
def test_what_needs_a_base_field_that_could_not_be_read_is_rejected_until_it_is_set_again(base: str) -> None:
    field = base.split('"')[1]
    again = {"bn": "e:", "bt": 1.7e9, "bu": "V", "bv": 1, "bver": 10}[field]
    pack = f'[{{"bn": "d:", "n": "a", "v": 1}}, {{{base}, "n": "b", "v": 2}}, {{"n": "c", "v": 3}}, %s]'
    decoded = decode((pack % json.dumps({field: again, "n": "d", "v": 4})).encode())
    assert [list(reading.metrics) for reading in decoded.readings] == [["a"], ["d"]]
    assert (decoded.reasons, decoded.positions) == (["invalid_senml"] * 2, ["index 1", "index 2"])


@pytest.mark.parametrize("broken", ['{"bn": "e:", "n": "b" "v": 2}', '{"bn": "e:", "n" "b", "v": NaN}'])
def test_after_a_broken_record_with_base_fields_nothing_is_stored_under_the_old_ones(broken: str) -> None:
    pack = (
        '[{"bn": "d:", "n": "a", "v": 1}, %s, {"n": "c", "v": 3}, {"bn": "f:", "bt": 0, "bu": "V", "bv": 0, "bs": 0}]'
    )
    decoded = decode((pack % broken).encode())
    assert [list(reading.metrics) for reading in decoded.readings] == [["a"]]
    assert decoded.reasons == ["not_json", "invalid_senml"]


def test_a_broken_first_record_with_base_fields_is_remembered_too() -> None:
    for broken in ('{"bn": "e:", "n": "b" "v": 2}', '{"bn": "e:", "n": "b", "v": .5}'):
        decoded = decode(f'[{broken}, {{"n": "d:c", "v": 3}}]'.encode())
        assert (decoded.form, decoded.readings, decoded.reasons) == ("senml", [], ["not_json", "invalid_senml"])


def test_a_broken_record_without_base_fields_costs_no_other() -> None:
    decoded = decode(b'[{"bn": "d:", "n": "a", "v": 1}, {"n": "battery" "v": 2}, {"n": "c", "v": 3}]')
    assert [list(reading.metrics) for reading in decoded.readings] == [["a"], ["c"]]
    assert decoded.reasons == ["not_json"]


@pytest.mark.parametrize(("version", "accepted"), [(5, 2), (10, 2), (11, 0)])
def test_a_pack_of_a_later_version_is_refused(version: int, accepted: int) -> None:
    decoded = decode(json.dumps([{"bver": version, "bn": "d:", "n": "a", "v": 1}, {"n": "b", "v": 2}]).encode())
    assert (len(decoded.readings), len(decoded.rejects)) == (accepted, 2 - accepted)


def test_a_base_sum_makes_every_record_a_sum() -> None:
    decoded = decode(b'[{"bn": "d:", "bs": 3, "n": "a", "v": 1}, {"n": "b", "v": 2}]')
    assert decoded.reasons == ["unsupported_value"] * 2


def test_unknown_fields_are_ignored_unless_they_must_be_understood() -> None:
    decoded = decode(b'[{"n": "d:a", "v": 1, "l": [{"href": "x"}], "ut": 5, "x": "y"}, {"n": "d:b", "v": 1, "x_": 1}]')
    assert (decoded.devices, decoded.reasons) == (["d"], ["invalid_senml"])


@pytest.mark.parametrize(
    ("base", "name", "device", "metric"),
    [
        ("", "boiler-7:temperature", "boiler-7", "temperature"),
        ("", "boiler-7/temp_max", "boiler-7", "temp_max"),
        ("", "plant:boiler-7:pm2.5", "plant:boiler-7", "pm2.5"),
        ("", "2001:db8::2/3311/0/5850", "2001:db8::2/3311/0", "5850"),
        ("", "urn:dev:ow:264437f5000000ed_humidity", "urn:dev:ow:264437f5000000ed", "humidity"),
        ("", "urn:dev:ow:264437f5000000ed_a_humidity", "urn:dev:ow:264437f5000000ed_a", "humidity"),
        ("", "urn:dev:ow:264437f5000000ed:temp_max", "urn:dev:ow:264437f5000000ed", "temp_max"),
        ("boiler-7:temperature", "", "boiler-7", "temperature"),
        ("boiler-7:", "temp_max", "boiler-7", "temp_max"),
        ("site_a.boiler-7.", "temperature", "site_a.boiler-7", "temperature"),
        ("a4:c1:38:0b:1e:ff_", "temperature", "a4:c1:38:0b:1e:ff", "temperature"),
        ("boiler-7", "temperature", "boiler-7", "temperature"),
        ("urn:dev:ow:10e2073a01080063", "voltage", "urn:dev:ow:10e2073a01080063", "voltage"),
        ("urn:dev:ow:10e2073a01080063", "", "urn:dev:ow:10e2073a01080063", "value"),
        ("urn:dev:ow:10e2073a01080063:", "", "urn:dev:ow:10e2073a01080063", "value"),
    ],
)
def test_a_name_is_split_where_the_device_ends(base: str, name: str, device: str, metric: str) -> None:
    assert split_name(base, name, "") == (device, metric)


@pytest.mark.parametrize("name", ["temperature", "temp_max", "boiler-7.temperature"])
def test_a_name_without_a_separator_names_no_device(name: str) -> None:
    with pytest.raises(RecordError, match=f"'{name}' has no : or / between device and metric"):
        split_name("", name, "")


def test_base_fields_begin_and_end_with_their_array() -> None:
    packs = [
        b'[{"bn": "a:", "bt": 1.7e9, "bu": "Cel", "n": "t", "v": 1}, {"n": "u", "v": 2}]',
        b'[{"n": "b:t", "v": 3}]',
        b'[{"n": "t", "v": 4}]',
        b'{"bn": "c:", "n": "t", "v": 5}',
        b'{"n": "t", "v": 6}',
    ]
    for between in (b"", b"\n", b","):
        decoded = decode(between.join(packs))
        assert [(reading.device_id, reading.metrics) for reading in decoded.readings] == [
            ("a", {"t": 1}),
            ("a", {"u": 2}),
            ("b", {"t": 3}),
            ("c", {"t": 5}),
        ]
        assert (decoded.readings[2].units, decoded.readings[2].timestamp) == (None, NOW)
        assert decoded.reasons == ["invalid_device_id"] * 2


def test_a_value_may_be_a_text_or_a_boolean_and_a_unit_costs_nothing() -> None:
    decoded = decode(b'[{"n": "d:a", "v": "1.5"}, {"n": "d:b", "vb": true}, {"n": "d:c", "v": 1, "u": []}]')
    assert [reading.metrics for reading in decoded.readings] == [{"a": 1.5}, {"b": 1}, {"c": 1}]
    assert list(zip(decoded.reasons, decoded.members, strict=True)) == [("invalid_units", "units.c")]
    units = decode(b'[{"bu": "V", "bn": "d:"}, {"n": "a", "v": 1, "u": null}, {"n": "b", "v": 1, "u": 3}]').readings
    assert [reading.units for reading in units] == [{"a": "V"}, {"b": "3"}]


def test_a_pack_of_many_blocks_keeps_its_base_fields() -> None:
    pack = [{"bn": "d:", "bt": 1.7e9, "n": "m0", "v": 0}, *({"n": f"m{n}", "t": n, "v": n} for n in range(1, 9000))]
    decoded = decode(json.dumps(pack).encode())
    assert [list(reading.metrics.items()) for reading in decoded.readings] == [[(f"m{n}", n)] for n in range(9000)]
    assert decoded.largest_batch < 9000


@pytest.mark.parametrize(
    ("sent", "reason", "detail"),
    [
        ({"n": "d d:t", "v": 1}, "invalid_device_id", "the device in the name 'd d:t' is 'd d'; only"),
        ({"n": f"{'x' * 70}/:", "v": 1}, "invalid_metric", "a metric name is empty"),
        ({"n": f"!{'x' * 70}:t", "v": 1}, "invalid_device_id", f"the device in the name '!{'x' * 63}' is '!"),
        ({"n": "d:t t", "v": 1}, "invalid_metric", "a metric name is 't t'; only"),
        ({"n": 7, "v": 1}, "invalid_device_id", "the name (n) is not a string"),
        ({"v": 1}, "invalid_device_id", "it has no name (n, bn)"),
        ({"n": "x" * 70, "v": 1}, "invalid_device_id", f"the name '{'x' * 64}' has no : or / between device and"),
        ({"n": "d:t"}, "invalid_value", "t has no value (v)"),
        ({"n": "d:t", "v": "one"}, "invalid_value", "t is the text 'one', not a number"),
        ({"n": "d:t", "v": 1, "t": "soon"}, "invalid_timestamp", "the time (t) is not a number that a time can be"),
        ({"n": "d:t", "v": 1, "t": 1e30}, "invalid_timestamp", "the time is not between the years 1 and 9999"),
        ({"bt": 10**390, "n": "d:t", "v": 1, "t": 0.5}, "invalid_timestamp", "the time is not between the years 1"),
        ({"n": "d:t", "vs": "on"}, "unsupported_value", "a string (vs), data (vd) or a sum (s) cannot be stored"),
        ({"bs": 1, "n": "d:t", "v": 1}, "unsupported_value", "a sum (bs) cannot be stored; only a number (v) can"),
        ({"bver": 11, "n": "d:t", "v": 1}, "invalid_senml", "the pack has a version after 10, which a reader must"),
        ({"bt": "soon", "n": "d:t", "v": 1}, "invalid_senml", "the base field bt has a value of the wrong type"),
        ({"bn": 1, "bt": "", "bv": 0}, "invalid_senml", "the base field bt has a value of the wrong type"),
        ({"n": "d:t", "v": 1, "x_": 1}, "invalid_senml", "the field 'x_' must be understood, and is not"),
        ({"n": "d:t", "v": 1, f"{'x' * 70}_": 1}, "invalid_senml", f"the field '{'x' * 64}' must be understood, and"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_in_a_sentence(sent: dict[str, object], reason: str, detail: str) -> None:
    with pytest.raises(RecordError) as refused:
        SenmlReader(now=NOW).record(sent, [], array=1)
    found = refused.value.problem
    assert (found.reason, found.member) == (reason, None)
    assert found.detail.startswith(detail)


def test_the_field_that_could_not_be_read_is_named_to_the_records_behind_it() -> None:
    reader = SenmlReader(now=NOW)
    with pytest.raises(RecordError):
        reader.record({"bt": "soon"}, [], array=1)
    with pytest.raises(RecordError) as refused:
        reader.record({"n": "d:t", "v": 1}, [], array=1)
    detail = "the base field bt before this record could not be read"
    assert refused.value.problem == Problem("invalid_senml", detail)


def test_a_base_unit_of_any_kind_costs_itself_alone() -> None:
    pack = b'[{"bn": "d:", "bu": 3, "n": "a", "v": 1}, {"bu": [], "n": "b", "v": 1}, {"n": "c", "v": 1, "u": ""}]'
    decoded = decode(pack)
    assert [reading.units or {} for reading in decoded.readings] == [{"a": "3"}, {}, {}]
    assert list(zip(decoded.reasons, decoded.members, strict=True)) == [("invalid_units", "units.b")]


def test_a_unit_that_is_no_text_does_not_name_the_metric_of_a_urn() -> None:
    assert resolved([{"bn": "urn:dev:ow:1", "u": 3, "v": 1}])[0][2] == {"value": 1}


def test_a_base_value_of_one_is_added_and_a_text_is_not_added_to() -> None:
    assert resolved([{"bn": "d:", "bv": 1, "n": "a", "v": 2}, {"n": "b", "v": "5"}])[0][2] == {"a": 3}
    assert resolved([{"bn": "d:", "bv": 1, "n": "a", "v": 2}, {"n": "b", "v": "5"}])[1][2] == {"b": 5}
