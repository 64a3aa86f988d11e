"""What a run came to, against what it must have come to. Pure but for the items and mails it is handed.

In: the expectations of what was sent; the items, rejects, mails and ledger that were found. Out: a `Summary`, whose
`problems` are empty when the two agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
    """What was sent, and what came of it. `alerts_*` and `emails` leave the storm out, which has its own count.

    `alerts_sent` counts what was told, by an e-mail of its own or in a digest.
    """

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
    alerts_in_digests: int
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
    digested, wanted = in_ledger(found.ledger, "DIGESTED"), Counter(expected.mails)
    every = delivered(found.mails) + digested
    mails = foretold(every, expected, besides=storm_devices)
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
        alerts_in_digests=foretold(digested, expected, besides=storm_devices).total(),
        emails=_by_kind(wanted, mails),
        duplicate_emails=sum(count - 1 for count in mails.values()),
        emails_not_judged=sum(count for mail, count in every.items() if not expected.foretells(mail)),
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


def delivered(mails: Iterable[Mail]) -> Counter[ExpectedMail]:
    """Return the e-mails as `expectations` names them, from their message attributes; a digest stands for others."""
    found: Counter[ExpectedMail] = Counter()
    for mail in mails:
        kind, severity, device, metric = (mail.attributes[name] for name in ("kind", "severity", "device_id", "metric"))
        if kind == "rejected":
            found[ExpectedMail(kind, "-", device)] += 1
        elif kind != "digest":
            found[ExpectedMail(kind, severity, f"{device} {metric}")] += 1
    return found


def in_ledger(ledger: Iterable[dict[str, Any]], *statuses: str) -> Counter[ExpectedMail]:
    """Return the ledger's messages of these statuses, named alike from its keys (lambdas/alert/ledger.py)."""
    found: Counter[ExpectedMail] = Counter()
    for item in ledger:
        first, _, rest = item["alert_key"].partition("#")
        for message in item.get("outbox", ()):
            kind = message["kind"]
            if message["status"] not in statuses or kind == "digest":
                continue
            if first == "rejected":
                found[ExpectedMail(kind, "-", rest.rpartition("#")[0])] += 1
            elif first == "silent":
                found[ExpectedMail(kind, "none", f"{rest.rpartition('#')[2]} -")] += 1
            else:
                found[ExpectedMail(kind, message["severity"], f"{first} {rest}")] += 1
    return found


def foretold(mails: Counter[ExpectedMail], expected: Expected, *, besides: set[str]) -> Counter[ExpectedMail]:
    """Return those that `expected` can foretell and that are not about the devices `besides`."""
    return Counter(
        {
            mail: count
            for mail, count in mails.items()
            if mail.subject.split(" ")[0] not in besides and expected.foretells(mail)
        }
    )


def _by_kind(wanted: Counter[ExpectedMail], sent: Counter[ExpectedMail]) -> dict[str, dict[str, int]]:
    def count(mails: Counter[ExpectedMail], kind: str) -> int:
        return sum(number for mail, number in mails.items() if mail.kind == kind)

    kinds = sorted({mail.kind for mail in (*wanted, *sent)})
    return {kind: {"expected": count(wanted, kind), "sent": count(sent, kind)} for kind in kinds}


def _unless(holds: bool, problem: str) -> list[str]:
    return [] if holds else [problem]
