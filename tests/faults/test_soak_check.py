"""The checker of the soak sees what it is there for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.embedded.mailbox import Mail
from sensorctl.run.observed import Observed
from sensorctl.simulate.expectations import Expected
from sensorctl.simulate.fleet import SentReading, as_ndjson
from tests.faults.soak.killer import Kill
from tests.faults.soak.verdict import Verdict, check

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
THRESHOLDS = Thresholds.parse('{"version": 1, "metrics": {"temperature": {"warning": {"above": 70}}}}')


def sent() -> Expected:
    expected = Expected(THRESHOLDS)
    for at, value in ((NOON, 20.0), (NOON + timedelta(seconds=5), 99.0)):
        reading = SentReading(device_id="boiler-7", timestamp=at, metrics={"temperature": value})
        expected.add(as_ndjson([reading], 0))
    return expected


def item(seconds: int, value: float) -> dict[str, Any]:
    at = NOON + timedelta(seconds=seconds)
    return {"device_id": "boiler-7", "reading_id": f"{at.isoformat()}#0", "metrics": {"temperature": value}}


def alert(*statuses: str) -> dict[str, Any]:
    return {"alert_key": "boiler-7#temperature", "outbox": [{"status": status} for status in statuses]}


def mail(*, seconds: int = 0, subject: str = "[WARNING] boiler-7") -> Mail:
    return Mail(
        message_id="m",
        address="you@example.com",
        subject=subject,
        body="b",
        attributes={},
        sent_at=NOON + timedelta(seconds=seconds),
    )


def verdict(*, alert_kills: tuple[Kill, ...] = (), **differing: Any) -> Verdict:
    facts: dict[str, Any] = {
        "items": [item(0, 20.0), item(5, 99.0)],
        "ledger": [alert("SENT")],
        "mails": [mail()],
        "rejected": [],
        "failed_events": 0,
    }
    return check(sent(), Observed(**{**facts, **differing}), alert_kills=[*alert_kills])


def test_what_is_as_it_was_sent_passes() -> None:
    assert verdict() == Verdict(lost=(), duplicated=(), allowed_repeats=0)


def test_a_missing_a_second_and_an_unsent_reading_are_seen() -> None:
    assert len(verdict(items=[item(0, 20.0)]).lost) == 1
    assert len(verdict(items=[item(0, 20.0), item(5, 98.0)]).lost) == 1
    assert len(verdict(items=[item(0, 20.0), item(5, 99.0), item(5, 99.0)]).duplicated) == 1
    assert len(verdict(items=[item(0, 20.0), item(5, 99.0), item(9, 1.0)]).duplicated) == 1


def test_an_alert_that_was_never_mailed_is_lost() -> None:
    assert verdict(ledger=[]).lost == ("no alert of boiler-7#temperature",)
    assert verdict(ledger=[alert()]).lost == ("no e-mail about boiler-7#temperature",)
    assert verdict(ledger=[alert("SENT", "LEASED")]).lost == ("a message of boiler-7#temperature is still LEASED",)
    assert verdict(ledger=[alert("DIGESTED")]).lost == ()


def test_an_email_that_comes_twice_is_duplicated_unless_a_worker_died_in_the_window() -> None:
    twice = [mail(), mail(seconds=60)]
    assert len(verdict(mails=twice).duplicated) == 1
    in_time = verdict(mails=twice, alert_kills=(Kill(function="alert", at=NOON + timedelta(seconds=1)),))
    assert (in_time.duplicated, in_time.allowed_repeats) == ((), 1)
    for at in (NOON - timedelta(minutes=1), NOON + timedelta(minutes=2)):
        assert len(verdict(mails=twice, alert_kills=(Kill(function="alert", at=at),)).duplicated) == 1
    assert verdict(mails=[mail(), mail(subject="[WARNING] boiler-8")]).duplicated == ()
