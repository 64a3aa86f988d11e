"""Compares the result of a run with what was expected.

The expectations follow from what was sent; the result is the items, rejects, mails and ledger that were found. The
`problems` of the `FleetSummary` are empty when the two agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.alert.mail.formatting import counted
from sensorctl.embedded.mailbox import Mail
from sensorctl.run.judging import RunSummary, differences, problem_if_not, tally
from sensorctl.run.observed import Observed
from sensorctl.simulate.expectations import Expected, ExpectedMail, keys_of


@dataclass(frozen=True, kw_only=True)
class Storm:
    """How many alerts opened at once, and how they were announced: each by a mail of its own or in a digest."""

    alerts: int
    mailed: int
    in_digests: int
    digests: int


@dataclass(frozen=True, kw_only=True)
class FleetSummary(RunSummary):
    """A fleet's run. `alerts_*` and `emails` leave the storm out, which has its own count.

    `alerts_sent` counts what was announced, by an e-mail of its own or in a digest.
    """

    seed: int
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


def judge(
    expected: Expected,
    observed: Observed,
    *,
    storm_devices: set[str],
    emails_per_minute: int,
    seed: int,
    first_alert_s: float | None,
    seconds: float,
) -> FleetSummary:
    """Compare what was observed with what was expected."""
    stored = keys_of(observed.items)
    digested, wanted = in_ledger(observed.ledger, "DIGESTED"), Counter(expected.mails)
    announcements = delivered(observed.mails) + digested
    mails = predictable(announcements, expected, besides=storm_devices)
    storm = storm_of(observed.mails, observed.ledger, storm_devices)
    breaching = sum(1 for item in observed.items if item.get("breaches"))
    busiest = max(Counter(mail.sent_at.strftime("%H:%M") for mail in observed.mails).values(), default=0)
    announced = storm.mailed + storm.in_digests
    problems = [
        *differences("e-mails missing", wanted - mails),
        *differences("e-mails too many", mails - wanted),
        *problem_if_not(
            breaching == expected.breaching,
            f"{counted(breaching, 'reading')} marked as breaching, not {expected.breaching}",
        ),
        *problem_if_not(
            storm.alerts == len(storm_devices),
            f"{counted(storm.alerts, 'alert')} of the storm, not {len(storm_devices)}",
        ),
        *problem_if_not(
            announced == storm.alerts,
            f"{counted(announced, 'alert')} of the storm mailed, not each of {storm.alerts} once",
        ),
        *problem_if_not(
            busiest <= emails_per_minute + 1,
            f"{counted(busiest, 'e-mail')} in one minute, over {emails_per_minute} + 1",
        ),
    ]
    return FleetSummary(
        **tally(expected, observed, stored=stored, seconds=seconds, problems=problems),
        seed=seed,
        readings_sent=len(expected.readings) + expected.rejects.total(),
        breaches_expected=expected.breaching,
        breaches_stored=breaching,
        alerts_expected=wanted.total(),
        alerts_sent=mails.total(),
        alerts_in_digests=predictable(digested, expected, besides=storm_devices).total(),
        emails=_by_kind(wanted, mails),
        duplicate_emails=sum(count - 1 for count in mails.values()),
        emails_not_judged=sum(count for mail, count in announcements.items() if not expected.is_predictable(mail)),
        storm=storm,
        most_emails_in_a_minute=busiest,
        traces=len({item["trace_id"] for item in observed.items if item.get("trace_id")}),
        seconds_to_first_alert=first_alert_s,
    )


def storm_of(mails: Sequence[Mail], ledger: Iterable[dict[str, Any]], devices: set[str]) -> Storm:
    """Return how the alerts of `devices` were announced."""
    alerts = [item for item in ledger if item["alert_key"].partition("#")[0] in devices]
    messages = [message for item in alerts for message in item.get("outbox", ())]
    return Storm(
        alerts=len({item["alert_key"] for item in alerts}),
        mailed=sum(1 for mail in mails if mail.attributes.get("device_id") in devices),
        in_digests=sum(1 for message in messages if message["status"] == "DIGESTED"),
        digests=sum(1 for mail in mails if mail.attributes.get("kind") == "digest"),
    )


def delivered(mails: Iterable[Mail]) -> Counter[ExpectedMail]:
    """Return the e-mails as `expectations` names them, from their message attributes; a digest lists several."""
    found: Counter[ExpectedMail] = Counter()
    for mail in mails:
        kind, severity, device, metric = (mail.attributes[name] for name in ("kind", "severity", "device_id", "metric"))
        if kind in {"rejected", "flood"}:
            found[ExpectedMail(kind, "-", device)] += 1
        elif kind != "digest":
            found[ExpectedMail(kind, severity, f"{device} {metric}")] += 1
    return found


def in_ledger(ledger: Iterable[dict[str, Any]], *statuses: str) -> Counter[ExpectedMail]:
    """Return the ledger's messages of these statuses, named alike from its keys."""
    found: Counter[ExpectedMail] = Counter()
    for item in ledger:
        first, _, rest = item["alert_key"].partition("#")
        for message in item.get("outbox", ()):
            kind = message["kind"]
            if message["status"] not in statuses or kind == "digest":
                continue
            if first in {"rejected", "flood"}:
                found[ExpectedMail(kind, "-", rest.rpartition("#")[0])] += 1
            elif first == "silent":
                found[ExpectedMail(kind, "none", f"{rest.rpartition('#')[2]} -")] += 1
            else:
                found[ExpectedMail(kind, message["severity"], f"{first} {rest}")] += 1
    return found


def predictable(mails: Counter[ExpectedMail], expected: Expected, *, besides: set[str]) -> Counter[ExpectedMail]:
    """Return those that are predictable and not about the devices `besides`."""
    return Counter(
        {
            mail: count
            for mail, count in mails.items()
            if mail.subject.split(" ")[0] not in besides and expected.is_predictable(mail)
        }
    )


def _by_kind(wanted: Counter[ExpectedMail], sent: Counter[ExpectedMail]) -> dict[str, dict[str, int]]:
    def count(mails: Counter[ExpectedMail], kind: str) -> int:
        return sum(number for mail, number in mails.items() if mail.kind == kind)

    kinds = sorted({mail.kind for mail in (*wanted, *sent)})
    return {kind: {"expected": count(wanted, kind), "sent": count(sent, kind)} for kind in kinds}
