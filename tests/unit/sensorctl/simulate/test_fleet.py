import gzip
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.shared.thresholds.thresholds import Rule, Thresholds
from sensorctl.simulate.expectations import Expected, ExpectedMail
from sensorctl.simulate.fleet import (
    ROUNDS,
    STORM_DEVICES,
    SentObject,
    SentReading,
    beacon_upload,
    fleet,
    simulate,
    storm,
)
from tests import ROOT

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
THRESHOLDS = Thresholds.parse((ROOT / "thresholds.json").read_bytes())


def rounds(seed: int = 1) -> list[list[SentObject]]:
    return list(simulate(fleet(), seed=seed, start=START))


def expected(seed: int = 1) -> Expected:
    result = Expected(THRESHOLDS)
    for uploads in rounds(seed):
        result.add(uploads)
    return result


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert rounds(1) == rounds(1)
    assert rounds(1) != rounds(2)


def test_twenty_devices_send_ten_minutes_of_readings_five_seconds_apart() -> None:
    readings = {(r.device_id, r.timestamp) for uploads in rounds() for u in uploads for r in u.readings}
    assert len({device for device, _ in readings}) == 20
    assert len(readings) == 20 * 120
    times = sorted(timestamp for device, timestamp in readings if device == "boiler-7")
    assert {(b - a).total_seconds() for a, b in itertools.pairwise(times)} == {5.0}


def test_each_good_object_holds_exactly_the_readings_it_says() -> None:
    for upload in (u for uploads in rounds() for u in uploads if not u.rejects):
        body = gzip.decompress(upload.body) if upload.key.endswith(".gz") else upload.body
        held = json.loads(body) if upload.key.endswith(".json") else [json.loads(line) for line in body.splitlines()]
        assert held == [reading.to_json() for reading in upload.readings]


@pytest.mark.parametrize("seed", range(1, 6))
def test_any_seed_has_the_same_story(seed: int) -> None:
    result = expected(seed)
    assert sorted(result.mails) == sorted(
        [
            ExpectedMail("opened", "warning", "boiler-7 temperature"),
            ExpectedMail("escalated", "critical", "boiler-7 temperature"),
            ExpectedMail("opened", "warning", "pump-3 temperature"),
            ExpectedMail("rejected", "-", "gateway-5"),
        ]
    )
    assert result.duplicates_sent == 120
    assert result.rejects == {
        "not_json": 1, "bad_encoding": 1, "invalid_timestamp": 1, "no_metrics": 2, "bad_gzip": 1
    }  # fmt: skip
    assert result.bad_values == {"invalid_value": 1}


def test_warning_and_critical_never_come_in_one_object() -> None:
    for number, uploads in enumerate(rounds()):
        values = [r.metrics["temperature"] for u in uploads for r in u.readings if r.device_id == "boiler-7"]
        severities = {crossing.severity for v in values if (crossing := _boiler().crossing(v))}
        assert len(severities) <= 1, f"round {number} of {ROUNDS}"


def test_after_the_rounds_the_boiler_is_clear_and_the_pump_is_not() -> None:
    result = expected()
    sent = len(result.mails)
    result.sweep(now=START + timedelta(minutes=11))
    assert result.mails[sent:] == [ExpectedMail("resolved", "critical", "boiler-7 temperature")]


def test_a_reading_past_the_opposite_limit_is_one_e_mail_more() -> None:
    two_sided = '{"version": 1, "metrics": {"temperature": {"critical": {"above": 12, "below": 0}}}}'
    result = Expected(Thresholds.parse(two_sided))
    for minute, values in enumerate([(13, 14), (-6,), (13,), (-7, 5)]):
        at = START + timedelta(minutes=minute)
        readings = tuple(
            SentReading(device_id="fridge-2", timestamp=at, metrics={"temperature": value}) for value in values
        )
        result.add([SentObject(key="incoming/fridge-2/a.json", body=b"", readings=readings)])
    result.sweep(now=START + timedelta(minutes=5))
    assert [(mail.kind, mail.severity) for mail in result.mails] == [
        ("opened", "critical"),
        ("crossed", "critical"),
        ("resolved", "critical"),
    ]


def test_a_device_goes_silent_once_and_comes_back_once() -> None:
    result = Expected(THRESHOLDS)
    result.add([beacon_upload(at=START)])
    for minutes in (14, 16, 17):
        result.sweep(now=START + timedelta(minutes=minutes))
    result.add([beacon_upload(at=START + timedelta(minutes=18))])
    result.sweep(now=START + timedelta(minutes=19))
    assert [mail.kind for mail in result.mails] == ["silent", "back"]


def test_a_storm_is_one_object_in_which_every_cell_breaches() -> None:
    result = Expected(THRESHOLDS)
    result.add([storm(at=START)])
    assert {mail.subject.split()[0] for mail in result.mails} == set(STORM_DEVICES)
    assert result.breaching == len(STORM_DEVICES)


def _boiler() -> Rule:
    rule = THRESHOLDS.rule_for("boiler-7", "temperature")
    assert rule is not None
    return rule
