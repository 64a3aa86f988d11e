from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from lambdas.shared.thresholds.thresholds import Bounds, Crossing, Rule, Thresholds, ThresholdsError, Valid
from tests import ROOT

SEED = ROOT / "thresholds.json"


def parse(document: Any) -> Thresholds:
    return Thresholds.parse(json.dumps({"version": 1, **document}))


def rule(**members: Any) -> Rule:
    found = parse({"metrics": {"t": members}}).rule_for("d", "t")
    assert found is not None
    return found


ALL = {"silent_after": {"*": "15m"}}


def test_the_seed_document_is_good() -> None:
    thresholds = Thresholds.parse(SEED.read_bytes())
    assert thresholds.rule_for("boiler-7", "temperature") == Rule(
        unit="Cel",
        warning=Bounds(above=70),
        critical=Bounds(above=85),
        clear=Bounds(below=65),
        hold=timedelta(0),
        remind_every=timedelta(hours=4),
        source="metrics.temperature",
    )
    assert thresholds.silent_after("anything") == timedelta(minutes=15)


def test_text_bytes_and_a_bom_read_alike() -> None:
    text = SEED.read_text()
    for document in (text, text.encode(), b"\xef\xbb\xbf" + text.encode()):
        assert Thresholds.parse(document).rule_for("d", "humidity") is not None


@pytest.mark.parametrize(
    ("value", "crossing"),
    [
        (70, None),
        (70.1, ("warning", "above", 70)),
        (85, ("warning", "above", 70)),
        (85.1, ("critical", "above", 85)),
        (10, None),
        (9, ("warning", "below", 10)),
        (0, ("warning", "below", 10)),
        (-1, ("critical", "below", 0)),
    ],
)
def test_comparison_is_strict_and_critical_comes_before_warning(
    value: float, crossing: tuple[Any, Any, Any] | None
) -> None:
    bounds = rule(warning={"above": 70, "below": 10}, critical={"above": 85, "below": 0})
    expected = crossing and Crossing(severity=crossing[0], bound=crossing[1], limit=crossing[2])
    assert bounds.crossing(value) == expected


@pytest.mark.parametrize(
    ("value", "clear"), [(64.9, True), (65, False), (71, False), (15.1, True), (15, False), (5, False)]
)
def test_a_value_is_clear_past_both_clear_limits(value: float, clear: bool) -> None:
    assert rule(warning={"above": 70, "below": 10}, clear={"below": 65, "above": 15}).is_clear(value) is clear


@pytest.mark.parametrize(("value", "clear"), [(70, True), (70.1, False), (10, True), (9.9, False)])
def test_without_clear_limits_a_value_within_bounds_is_clear(value: float, clear: bool) -> None:
    assert rule(warning={"above": 70, "below": 10}).is_clear(value) is clear


def test_one_clear_limit_says_nothing_of_the_other_side() -> None:
    bounds = rule(warning={"above": 70, "below": 10}, clear={"below": 65})
    assert (bounds.is_clear(11), bounds.is_clear(9), bounds.is_clear(66)) == (True, False, False)


def test_the_most_specific_rule_replaces_the_default_whole() -> None:
    thresholds = parse(
        {
            "metrics": {"t": {"unit": "Cel", "warning": {"above": 70}, "clear": {"below": 60}, "for": "5m"}},
            "devices": {
                "*": {"t": {"warning": {"above": 1}}},
                "freezer-*": {"t": {"warning": {"above": 2}}, "h": {"warning": {"above": 20}}},
                "freezer-1?": {"t": {"warning": {"above": 3}, "unit": "K"}},
                "freezer-1*": {"t": {"warning": {"above": 4}}},
                "freezer-12": {"t": {"critical": {"above": 5}}},
            },
        }
    )

    def source(device: str, metric: str = "t") -> str | None:
        found = thresholds.rule_for(device, metric)
        return found.source if found else None

    assert source("boiler") == "devices.*.t"
    assert source("freezer-7") == "devices.freezer-*.t"
    assert source("freezer-111") == "devices.freezer-1*.t"
    assert source("freezer-13") == "devices.freezer-1*.t"
    assert source("freezer-12") == "devices.freezer-12.t"
    assert source("freezer-12", "h") == "devices.freezer-*.h"
    assert source("boiler", "h") is None
    replaced = thresholds.rule_for("freezer-12", "t")
    assert replaced == Rule(unit="Cel", critical=Bounds(above=5), source="devices.freezer-12.t")
    exact = parse({"devices": {"freezer-1?": {"t": {"warning": {"above": 3}, "unit": "K"}}}}).rule_for(
        "freezer-13", "t"
    )
    assert exact is not None
    assert exact.unit == "K"


def test_case_matters_and_dots_are_dots() -> None:
    thresholds = parse({"devices": {"a.b*": {"t": {"warning": {"above": 1}}}}})
    assert [thresholds.rule_for(device, "t") is not None for device in ("a.b1", "axb1", "A.b1", "xa.b1")] == [
        True,
        False,
        False,
        False,
    ]


def test_the_most_specific_silence_wins() -> None:
    thresholds = parse({"silent_after": {"*": "15m", "meter-*": "2h", "meter-7": "1d"}})
    assert [thresholds.silent_after(device) for device in ("boiler", "meter-1", "meter-7")] == [
        timedelta(minutes=15),
        timedelta(hours=2),
        timedelta(days=1),
    ]
    assert parse({}).silent_after("boiler") is None
    assert parse({"silent_after": {"*": "1m"}}).silent_after("boiler") == timedelta(minutes=1)


@pytest.mark.parametrize("tag", ["site", "plant.line-2", "Building_7"])
def test_a_tag_may_route(tag: str) -> None:
    assert parse({"route_by": tag}).route_by == tag
    assert parse({}).route_by is None


def test_durations() -> None:
    bounds = rule(warning={"above": 1}, **{"for": "90s", "remind_every": "1d"})
    assert (bounds.hold, bounds.remind_every) == (timedelta(seconds=90), timedelta(days=1))
    assert rule(warning={"above": 1}, **{"for": "366d"}).hold == timedelta(days=366)


@pytest.mark.parametrize("limit", [1e-130, -1e-130, 9.9e125, -9.9e125, 0, 10**38 - 1, 10**40])
def test_a_limit_may_be_any_number_that_dynamodb_keeps(limit: float) -> None:
    assert rule(warning={"above": limit}).warning == Bounds(above=limit)


def test_what_was_found_is_remembered_and_memory_of_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.shared.thresholds.thresholds._CACHED_RULES", 10)
    thresholds = parse({"devices": {"d*": {"t": {"warning": {"above": 1}}}}})
    for number in range(100):
        found = thresholds.rule_for(f"d{number}", "t")
        assert found is not None
        assert thresholds.rule_for(f"d{number}", "t") is found
        assert len(thresholds._found) <= 10


WARM = {"warning": {"above": 70}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", r"^thresholds\.json: is not JSON"),
        ("[]", r"the document must be a JSON object, not \[\]"),
        (b"\xff", "is not JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("[NaN]", "NaN is not a JSON number"),
        ("{}", "version must be 1, not null"),
        ({"version": True}, "version must be 1, not true"),
        ({"version": 2}, "version must be 1, not 2"),
        ('{"version": 1, "metrics": {}, "metrics": {}}', '"metrics" stands twice in one object'),
        ({"metric": {}}, "metric is unknown; known here: version, metrics, devices, silent_after, behind, route_by"),
        ({"metrics": []}, r"metrics must be a JSON object, not \[\]"),
        ({"metrics": {"a b": WARM}}, 'metrics holds "a b", which is no metric name'),
        ({"metrics": {"t*": WARM}}, r'metrics holds "t\*", which is no metric name: .* a letter or digit$'),
        ({"metrics": {"t": 70}}, "metrics.t must be a JSON object, not 70"),
        ({"metrics": {"t": {}}}, "metrics.t needs warning or critical bounds"),
        ({"metrics": {"t": {"clear": {"below": 1}}}}, "metrics.t needs warning or critical bounds"),
        ({"metrics": {"t": {**WARM, "abov\ne": 1}}}, r"metrics\.t\.abov\\ne is unknown"),
        ({"metrics": {"t": {**WARM, "unit": "a b"}}}, r"metrics\.t\.unit must be .* not \"a b\""),
        ({"metrics": {"t": {**WARM, "unit": 5}}}, r"metrics\.t\.unit"),
        ({"metrics": {"t": {"warning": {}}}}, "metrics.t.warning needs above, below or both"),
        (
            {"metrics": {"t": {"warning": {"over": 1}}}},
            r"metrics\.t\.warning\.over is unknown; known here: above, below",
        ),
        ({"metrics": {"t": {"warning": {"above": "70"}}}}, r'metrics\.t\.warning\.above must be a number .*, not "70"'),
        ({"metrics": {"t": {"warning": {"above": True}}}}, r"metrics\.t\.warning\.above must be a number"),
        ('{"version": 1, "metrics": {"t": {"warning": {"above": 1e400}}}}', r"above must be a number .* not Infinity"),
        ({"metrics": {"t": {"warning": {"above": 1e-200}}}}, r"above must be a number"),
        ({"metrics": {"t": {"warning": {"above": 10**38 + 1}}}}, r"above must be a number"),
        (
            {"metrics": {"t": {**WARM, "critical": {"above": 60}}}},
            r"metrics\.t\.warning\.above \(70\) must be under critical\.above \(60\)",
        ),
        (
            {"metrics": {"t": {"warning": {"below": 5}, "critical": {"below": 10}}}},
            r"metrics\.t\.critical\.below \(10\) must be under warning\.below \(5\)",
        ),
        (
            {"metrics": {"t": {"warning": {"above": 5, "below": 10}}}},
            r"metrics\.t\.warning\.below \(10\) must be under warning\.above \(5\)",
        ),
        (
            {"metrics": {"temperature": {**WARM, "clear": {"below": 72}}}},
            r"thresholds\.json: metrics\.temperature\.clear\.below \(72\) must be under warning\.above \(70\)",
        ),
        (
            {"metrics": {"t": {"warning": {"below": 20}, "clear": {"above": 20}}}},
            r"metrics\.t\.warning\.below \(20\) must be under clear\.above \(20\)",
        ),
        (
            {"metrics": {"t": {"warning": {"above": 9, "below": 1}, "clear": {"above": 8, "below": 2}}}},
            r"metrics\.t\.clear\.above \(8\) must be under clear\.below \(2\)",
        ),
        (
            {"metrics": {"t": {**WARM, "clear": {"above": 60}}}},
            r"metrics\.t\.clear\.above \(60\) has no below bound whose alert it could end",
        ),
        ({"metrics": {"t": {**WARM, "for": "5 minutes"}}}, r"metrics\.t\.for must be a duration such as 90s, .* 0s"),
        (
            {"metrics": {"t": {"warning": {"below": 5}, "clear": {"below": 9}}}},
            r"metrics\.t\.clear\.below \(9\) has no above bound whose alert it could end",
        ),
        ({"metrics": {"t": {**WARM, "for": 5}}}, r"metrics\.t\.for must be a duration .* not 5$"),
        ({"metrics": {"t": {**WARM, "for": "367d"}}}, r"metrics\.t\.for must be a duration .* to 366d"),
        ({"metrics": {"t": {**WARM, "for": "999999999d"}}}, r"metrics\.t\.for must be a duration"),
        ({"metrics": {"t": {**WARM, "remind_every": "1s"}}}, r"metrics\.t\.remind_every must be a duration .* 60s"),
        ({"metrics": {"t": {**WARM, "valid": 5}}}, "metrics.t.valid must be a JSON object, not 5"),
        ({"metrics": {"t": {**WARM, "valid": {}}}}, "metrics.t.valid needs above, below or not"),
        ({"metrics": {"t": {**WARM, "valid": {"from": 1}}}}, r"valid\.from is unknown; known here: above, below, not"),
        ({"metrics": {"t": {**WARM, "valid": {"above": "1"}}}}, r"metrics\.t\.valid\.above must be a number"),
        (
            {"metrics": {"t": {**WARM, "valid": {"not": 85}}}},
            r"valid\.not must be an array of at most 20 numbers, not 85",
        ),
        ({"metrics": {"t": {**WARM, "valid": {"not": [85, None]}}}}, r"metrics\.t\.valid\.not\[1\] must be a number"),
        ({"metrics": {"t": {**WARM, "valid": {"not": [1] * 21}}}}, "must be an array of at most 20 numbers"),
        (
            {"metrics": {"t": {**WARM, "valid": {"below": 70}}}},
            r"metrics\.t\.warning\.above \(70\) must be under valid\.below \(70\)",
        ),
        (
            {"metrics": {"t": {**WARM, "clear": {"below": 5}, "valid": {"above": 5}}}},
            r"metrics\.t\.valid\.above \(5\) must be under clear\.below \(5\)",
        ),
        (
            {"metrics": {"t": {**WARM, "valid": {"above": 80, "below": 60}}}},
            r"valid\.above \(80\) must be under warning",
        ),
        (
            {"devices": {"": {"t": WARM}}},
            r'devices holds "", which is no device id or pattern: .*; \* and \? stand for any characters and any one$',
        ),
        ({"devices": {"a[b]": {"t": WARM}}}, r"devices holds .* which is no device id or pattern"),
        ({"devices": {"d*": {"a b": WARM}}}, r'devices\.d\* holds "a b"'),
        ({"devices": {"d*": {"t": {}}}}, r"devices\.d\*\.t needs warning or critical bounds"),
        ({"silent_after": {"*": "59s"}}, r"silent_after\.\* must be a duration"),
        ({"silent_after": {"*": "0s"}}, r"silent_after\.\* must be a duration"),
        ({"route_by": "kind"}, r'route_by must not be "kind", which every alert has anyway'),
        ({"route_by": "the site"}, r'route_by must name one tag, such as "site" .*, not "the site"'),
        ({"route_by": "aws.site"}, "route_by must name one tag"),
        ({"route_by": "a..b"}, "route_by must name one tag"),
        ({"route_by": "s" * 129}, "route_by must name one tag"),
        ({"route_by": None}, "route_by must name one tag, .*, not null"),
        ({"silent_after": "15m"}, r'silent_after must be a JSON object, not "15m"'),
        ({"behind": {"a": "b-*"}, **ALL}, r'behind\.a must be the id of a gateway, which is no pattern, not "b-\*"'),
        ({"behind": {"a": "b"}}, r"behind\.a needs silent_after for b, or nobody would hear that it is silent"),
        ({"behind": {"b": "b"}, **ALL}, r"behind puts b behind itself"),
        ({"behind": {"a-*": "b-1", "b-*": "a-1"}, **ALL}, r"behind puts a-1 behind itself"),
    ],
)
def test_a_bad_document_is_one_sentence_with_the_path_the_value_and_the_rule(document: Any, message: str) -> None:
    text = json.dumps({"version": 1, **document}) if isinstance(document, dict) else document
    with pytest.raises(ThresholdsError, match=message) as raised:
        Thresholds.parse(text)
    assert str(raised.value).startswith("thresholds.json: ")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


def test_valid_is_what_lies_between_its_ends_and_is_not_left_out() -> None:
    found = rule(warning={"above": 70}, valid={"above": -127, "below": 125, "not": [85, 0]}).valid
    assert found == Valid(above=-127, below=125, excluded=(85, 0))
    assert [value for value in (-127, -126.9, 0, 84.9, 85, 85.0, 124, 125) if found.holds(value)] == [-126.9, 84.9, 124]
    assert rule(warning={"above": 70}, valid={"not": [85]}).valid == Valid(excluded=(85,))
    assert rule(warning={"above": 70}, valid={"not": list(range(20))}).valid == Valid(excluded=tuple(range(20)))


@pytest.mark.parametrize(
    ("value", "unit", "own", "judged"),
    [
        (20, "Cel", 20, 20),
        (293.15, "K", 20, 20),
        (20, None, 20, 20),
        (20, "", 20, 20),
        (20, "bar", None, None),
        (85, "Cel", 85, None),
        (358.15, "K", 85, None),
    ],
)
def test_a_value_is_judged_in_the_unit_of_its_rule(
    value: float, unit: str | None, own: float | None, judged: float | None
) -> None:
    bounds = rule(warning={"above": 70}, unit="Cel", valid={"not": [85]})
    assert (bounds.in_its_unit(value, unit), bounds.judged(value, unit)) == (own, judged)


def test_a_rule_without_a_unit_takes_values_as_they_are() -> None:
    bounds = rule(warning={"above": 70})
    assert bounds.in_its_unit(20, "bar") == bounds.judged(20, "bar") == bounds.judged(20, None) == 20


def test_the_message_names_the_document() -> None:
    with pytest.raises(ThresholdsError, match=r"^/sensor-fanout/dev/thresholds: version must be 1"):
        Thresholds.parse("{}", name="/sensor-fanout/dev/thresholds")


def test_a_device_is_behind_the_gateway_of_its_most_specific_pattern_and_those_above_it() -> None:
    limits = {"*": "2h", "press-*": "15m", "uplink": "5m"}
    gateways = {"*": "uplink", "press-*": "gateway-3", "press-9": "uplink"}
    thresholds = parse({"silent_after": limits, "behind": gateways})
    found = {name: thresholds.gateways.of(name) for name in ("press-1", "press-9", "gateway-3", "uplink", "lamp")}
    assert found == {
        "press-1": ("gateway-3", "uplink"),
        "press-9": ("uplink",),
        "gateway-3": ("uplink",),
        "uplink": (),
        "lamp": ("uplink",),
    }
    assert thresholds.shortest_silence("press-1") == timedelta(minutes=5)
    assert parse({"silent_after": limits}).shortest_silence("press-1") == timedelta(minutes=15)


def test_a_gateways_devices_are_found_by_what_their_names_begin_with() -> None:
    behind = {"press-1*": "gateway-3", "press-*-a": "gateway-3", "hall-?": "gateway-3", "gateway-3": "uplink"}
    gateways = parse({**ALL, "behind": behind}).gateways
    assert gateways.prefixes("gateway-3") == ("gateway-3", "hall-", "press-")
    assert gateways.prefixes("uplink") == ("gateway-3", "hall-", "press-", "uplink")
    assert parse({**ALL, "behind": {"*": "uplink"}}).gateways.prefixes("uplink") == ("",)


def test_a_rule_may_delay_its_all_clear_escalate_and_name_a_runbook() -> None:
    link = "See https://w.example/1"
    read = rule(warning={"above": 1}, clear_for="15m", escalate_after="30m", runbook=f" {link} ")
    assert (read.clear_for, read.escalate_after) == (timedelta(minutes=15), timedelta(minutes=30))
    assert read.runbook == link
    plain = rule(warning={"above": 1})
    assert (plain.clear_for, plain.escalate_after, plain.runbook) == (timedelta(0), None, None)


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("clear_for", "soon", r"metrics\.t\.clear_for must be a duration such as .* from 0s to 366d"),
        ("escalate_after", "59s", r"metrics\.t\.escalate_after must be a duration such as .* from 60s"),
        ("runbook", "a\nb", r"metrics\.t\.runbook must be one line of text, such as a link, of at most 300 char"),
        ("runbook", "x" * 301, r"metrics\.t\.runbook must be one line"),
        ("runbook", " ", r"metrics\.t\.runbook must be one line"),
        ("runbook", 7, r"metrics\.t\.runbook must be one line"),
    ],
)
def test_a_mistake_in_what_people_do_is_one_sentence(member: str, value: object, sentence: str) -> None:
    with pytest.raises(ThresholdsError, match=sentence):
        rule(warning={"above": 1}, **{member: value})
    assert rule(warning={"above": 1}, runbook="x" * 300, clear_for="0s", escalate_after="60s")
