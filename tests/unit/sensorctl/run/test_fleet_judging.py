import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.embedded.mailbox import Mail
from sensorctl.run.fleet_judging import FleetSummary, delivered, in_ledger, judge
from sensorctl.run.observed import Observed
from sensorctl.simulate.expectations import Expected, ExpectedMail
from sensorctl.simulate.fleet import SentObject, SentReading
from tests import ROOT

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
THRESHOLDS = Thresholds.parse((ROOT / "thresholds.json").read_bytes())
READING = SentReading(device_id="boiler-7", timestamp=AT, metrics={"temperature": 92.5})
ITEM: dict[str, Any] = {
    "device_id": "boiler-7",
    "reading_id": "2026-11-22T10:00:00.000000Z#0123456789abcdef",
    "metrics": {"temperature": 92.5},
    "breaches": [{"metric": "temperature", "severity": "critical"}],
    "trace_id": "1-6b03399a-" + "0" * 24,
}
MAIL = Mail(
    message_id="m",
    address="you@example.com",
    subject="s",
    body="b",
    sent_at=AT,
    attributes={"kind": "opened", "severity": "critical", "device_id": "boiler-7", "metric": "temperature"},
)
GOOD = Observed(items=[ITEM], rejected=[], mails=[MAIL], ledger=[], failed_events=0)


def summary(
    found: Observed, *, storm: frozenset[str] = frozenset(), budget: int = 30, thresholds: Thresholds = THRESHOLDS
) -> FleetSummary:
    expected = Expected(thresholds)
    expected.add([SentObject(key="boiler-7/a.json", body=b"", readings=(READING,))])
    return judge(
        expected, found, storm_devices=set(storm), emails_per_minute=budget, seed=1, first_alert_s=1.0, seconds=2.0
    )


def problems(found: Observed, *, storm: frozenset[str] = frozenset(), budget: int = 30) -> list[str]:
    return summary(found, storm=storm, budget=budget).problems


def test_what_is_as_it_was_sent_has_no_problems() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (replace(GOOD, items=[]), "readings missing: 1"),
        (replace(GOOD, items=[{**ITEM, "metrics": {"temperature": 92.4}}]), "readings stored that nobody sent: 1"),
        (replace(GOOD, items=[{**ITEM, "breaches": []}]), "0 readings marked as breaching, not 1"),
        (replace(GOOD, mails=[]), "e-mails missing: 1"),
        (replace(GOOD, mails=[MAIL, MAIL]), "e-mails too many: 1"),
        (replace(GOOD, failed_events=2), "2 events wait in failure queues"),
    ],
)
def test_each_disagreement_is_named(found: Observed, problem: str) -> None:
    assert any(line.startswith(problem) for line in problems(found)), problems(found)


def test_a_storm_must_be_mailed_alert_by_alert_or_in_a_digest() -> None:
    messages = [{"status": "DIGESTED", "kind": "opened", "severity": "warning"}]
    in_digest = replace(GOOD, ledger=[{"alert_key": "cell-01#temperature", "outbox": messages}])
    untold = replace(GOOD, ledger=[{"alert_key": "cell-01#temperature", "outbox": []}])
    assert problems(in_digest, storm=frozenset({"cell-01"})) == []
    assert problems(untold, storm=frozenset({"cell-01"})) == ["0 alerts of the storm mailed, not each of 1 once"]


def test_more_mail_in_a_minute_than_the_budget_and_a_digest_is_a_problem() -> None:
    storm = [replace(MAIL, attributes={**MAIL.attributes, "device_id": "cell-01"}) for _ in range(3)]
    found = replace(GOOD, mails=[MAIL, *storm])
    assert "4 e-mails in one minute, over 2 + 1" in problems(found, budget=2)


@pytest.mark.parametrize("mails", [[], [MAIL]], ids=["still pending", "opened"])
def test_an_alert_that_waits_out_a_for_is_not_judged(mails: list[Mail]) -> None:
    held = Thresholds.parse(b'{"version": 1, "metrics": {"temperature": {"warning": {"above": 70}, "for": "5m"}}}')
    judged = summary(replace(GOOD, mails=mails), thresholds=held)
    assert (judged.problems, judged.emails_not_judged) == ([], len(mails))
    digest = [in_digest("boiler-7#temperature", "opened", "critical")]
    judged = summary(replace(GOOD, mails=[], ledger=digest), thresholds=held)
    assert (judged.alerts_sent, judged.alerts_in_digests, judged.emails_not_judged) == (0, 0, 1)


def test_a_reminder_is_not_judged() -> None:
    reminder = replace(MAIL, attributes={**MAIL.attributes, "kind": "reminder"})
    judged = summary(replace(GOOD, mails=[MAIL, reminder]))
    assert (judged.problems, judged.emails_not_judged) == ([], 1)


def test_a_resolved_alert_that_nobody_expects_is_still_a_problem() -> None:
    resolved = replace(MAIL, attributes={**MAIL.attributes, "kind": "resolved"})
    assert problems(replace(GOOD, mails=[MAIL, resolved])) != []


def in_digest(key: str, kind: str, severity: str | None = None) -> dict[str, Any]:
    message = {"kind": kind, "status": "DIGESTED", **({"severity": severity} if severity else {})}
    return {"alert_key": key, "outbox": [message]}


def test_what_a_digest_lists_is_mailed() -> None:
    found = replace(GOOD, mails=[], ledger=[in_digest("boiler-7#temperature", "opened", "critical")])
    judged = summary(found)
    assert (judged.problems, judged.alerts_sent, judged.alerts_in_digests) == ([], 1, 1)


def test_what_was_mailed_by_itself_and_in_a_digest_was_mailed_twice() -> None:
    found = replace(GOOD, ledger=[in_digest("boiler-7#temperature", "opened", "critical")])
    assert problems(found)[0].startswith("e-mails too many: 1")


def test_the_ledger_and_the_inbox_name_a_message_alike() -> None:
    ledger = [
        in_digest("boiler-7#temperature", "opened", "critical"),
        in_digest("silent#device#pump-3", "silent"),
        in_digest("rejected#gateway-5#2026-11-22T10Z", "rejected"),
        in_digest("digest#minute#2026-11-22T10:00Z", "digest"),
    ]
    attributes = [
        MAIL.attributes,
        {"kind": "silent", "severity": "none", "device_id": "pump-3", "metric": "-"},
        {"kind": "rejected", "severity": "none", "device_id": "gateway-5", "metric": "-"},
        {"kind": "digest", "severity": "critical", "device_id": "-", "metric": "-"},
    ]
    named = in_ledger(ledger, "DIGESTED")
    assert named == delivered([replace(MAIL, attributes=mail) for mail in attributes])
    assert named.total() == 3


@pytest.mark.parametrize(("silent_after", "predictable"), [("1m", False), ("15m", True)])
def test_a_silence_is_predictable_when_readings_are_not_too_old_for_it_as_they_come(
    silent_after: str, predictable: bool
) -> None:
    document = {"version": 1, "metrics": {}, "silent_after": {"*": silent_after}}
    expected = Expected(Thresholds.parse(json.dumps(document).encode()), lag=timedelta(minutes=13))
    expected.add([SentObject(key="boiler-7/a.json", body=b"", readings=(READING,))])
    expected.sweep(now=AT + timedelta(minutes=20))
    assert expected.mails == ([ExpectedMail("silent", "none", "boiler-7 -")] if predictable else [])
    assert expected.is_predictable(ExpectedMail("back", "none", "boiler-7 -")) is predictable
