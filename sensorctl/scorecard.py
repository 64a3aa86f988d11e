"""What a run came to, against what it must have come to. Pure but for the items and mails it is handed.

In: the expectations of what was sent; the items, rejects, mails and ledger that were found. Out: a `Summary`, whose
`problems` are empty when the two agree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sensorctl import observe, view
from sensorctl.embedded.mailbox import Mail
from sensorctl.expectations import Expected, ExpectedMail


@dataclass(frozen=True, kw_only=True)
class Storm:
    """How many alerts opened at once, and how people heard of them: each by a mail of its own or in a digest."""

    alerts: int
    mailed: int
    in_digests: int
    digests: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was sent, and what came of it. `alerts_*` and `emails` leave the storm out, which has its own count."""

    seed: int
    readings_sent: int
    duplicates_sent: int
    readings_stored: int
    stored_more_than_once: int
    records_rejected_expected: int
    records_rejected: int
    breaches_expected: int
    breaches_stored: int
    alerts_expected: int
    alerts_sent: int
    emails: dict[str, dict[str, int]]
    duplicate_emails: int
    emails_not_judged: int
    storm: Storm
    most_emails_in_a_minute: int
    traces: int
    seconds_to_first_alert: float | None
    seconds_total: float
    problems: list[str]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was read back: reading items, quarantine lines, delivered mails, ledger items, events in failure queues."""

    items: list[dict[str, Any]]
    rejected: list[observe.RejectedRecord]
    mails: list[Mail]
    ledger: list[dict[str, Any]]
    failed_events: int


def judge(
    expected: Expected,
    found: Found,
    *,
    storm_devices: set[str],
    emails_per_minute: int,
    seed: int,
    first_alert_s: float | None,
    seconds: float,
) -> Summary:
    """Compare what was found with what was expected."""
    stored = observe.keys_of(found.items)
    rejected = Counter(record.reason for record in found.rejected)
    every, wanted = _mails(found.mails, storm_devices), Counter(expected.mails)
    mails = Counter({mail: count for mail, count in every.items() if expected.foretells(mail)})
    storm = storm_of(found, storm_devices)
    breaching = sum(1 for item in found.items if item.get("breaches"))
    busiest = max(Counter(mail.sent_at.strftime("%H:%M") for mail in found.mails).values(), default=0)
    told = storm.mailed + storm.in_digests
    problems = [
        *view.differences("readings missing", expected.readings - stored.keys()),
        *view.differences("readings stored that nobody sent", stored.keys() - expected.readings),
        *view.count_differences("records rejected as", expected.rejects, rejected),
        *view.differences("e-mails missing", wanted - mails),
        *view.differences("e-mails too many", mails - wanted),
        *_unless(
            breaching == expected.breaching, f"{breaching} readings marked as breaching, not {expected.breaching}"
        ),
        *_unless(storm.alerts == len(storm_devices), f"{storm.alerts} alerts of the storm, not {len(storm_devices)}"),
        *_unless(told == storm.alerts, f"{told} alerts of the storm told, not each of {storm.alerts} once"),
        *_unless(busiest <= emails_per_minute + 1, f"{busiest} e-mails in one minute, over {emails_per_minute} + 1"),
        *_unless(found.failed_events == 0, f"{found.failed_events} events wait in failure queues"),
    ]
    return Summary(
        seed=seed,
        readings_sent=len(expected.readings) + expected.rejects.total(),
        duplicates_sent=expected.duplicates_sent,
        readings_stored=len(found.items),
        stored_more_than_once=sum(count - 1 for count in stored.values()),
        records_rejected_expected=expected.rejects.total(),
        records_rejected=rejected.total(),
        breaches_expected=expected.breaching,
        breaches_stored=breaching,
        alerts_expected=wanted.total(),
        alerts_sent=mails.total(),
        emails=_by_kind(wanted, mails),
        duplicate_emails=sum(count - 1 for count in mails.values()),
        emails_not_judged=every.total() - mails.total(),
        storm=storm,
        most_emails_in_a_minute=busiest,
        traces=len({item["trace_id"] for item in found.items if item.get("trace_id")}),
        seconds_to_first_alert=first_alert_s,
        seconds_total=round(seconds, 2),
        problems=problems,
    )


def storm_of(found: Found, devices: set[str]) -> Storm:
    """Return how the alerts of `devices` were told."""
    messages = [
        message
        for item in found.ledger
        if item["alert_key"].partition("#")[0] in devices
        for message in item.get("outbox", ())
    ]
    return Storm(
        alerts=len({item["alert_key"] for item in found.ledger if item["alert_key"].partition("#")[0] in devices}),
        mailed=sum(1 for mail in found.mails if mail.attributes.get("device_id") in devices),
        in_digests=sum(1 for message in messages if message["status"] == "DIGESTED"),
        digests=sum(1 for mail in found.mails if mail.attributes.get("kind") == "digest"),
    )


def as_expected(mail: Mail) -> ExpectedMail:
    """Return the mail as `expectations` names it, from its message attributes."""
    kind, device = mail.attributes["kind"], mail.attributes["device_id"]
    if kind == "rejected":
        return ExpectedMail(kind, "-", device)
    return ExpectedMail(kind, mail.attributes["severity"], f"{device} {mail.attributes['metric']}")


def _mails(mails: list[Mail], storm_devices: set[str]) -> Counter[ExpectedMail]:
    return Counter(
        as_expected(mail)
        for mail in mails
        if mail.attributes["kind"] != "digest" and mail.attributes["device_id"] not in storm_devices
    )


def _by_kind(wanted: Counter[ExpectedMail], sent: Counter[ExpectedMail]) -> dict[str, dict[str, int]]:
    def count(mails: Counter[ExpectedMail], kind: str) -> int:
        return sum(number for mail, number in mails.items() if mail.kind == kind)

    kinds = sorted({mail.kind for mail in (*wanted, *sent)})
    return {kind: {"expected": count(wanted, kind), "sent": count(sent, kind)} for kind in kinds}


def _unless(holds: bool, problem: str) -> list[str]:
    return [] if holds else [problem]
