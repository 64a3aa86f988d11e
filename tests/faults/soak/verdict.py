"""What must hold after a soak, judged by what is in the tables and the inbox; it imports no handlers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sensorctl.embedded.mailbox import Mail
from sensorctl.run.observed import Observed
from sensorctl.simulate.expectations import Expected, keys_of
from tests.faults.soak.killer import Kill

SETTLED = frozenset(("SENT", "DIGESTED"))
# Between SNS accepting a message and the mark SENT: a worker that dies there publishes again once its lease is over.
_LEASE = timedelta(minutes=5)
_SLACK = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Sentences; all but `allowed_repeats` must be empty."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    allowed_repeats: int


def check(expected: Expected, observed: Observed, *, alert_kills: list[Kill]) -> Verdict:
    """Compare what is there with what was sent."""
    stored = keys_of(observed.items)
    rejected = Counter(record.reason for record in observed.rejected)
    lost = [f"reading of {key[0]} at {key[1]} is not stored" for key in sorted(expected.readings - stored.keys())]
    lost += [f"{n} records rejected as {reason}" for reason, n in (expected.rejects - rejected).items()]
    duplicated = [f"reading of {key[0]} at {key[1]} is stored {n} times" for key, n in stored.items() if n > 1]
    duplicated += [
        f"reading of {key[0]} at {key[1]}, which nobody sent" for key in sorted(stored.keys() - expected.readings)
    ]
    repeats, unexplained = _repeats(observed.mails, alert_kills)
    return Verdict(
        lost=(*lost, *_not_mailed(expected, observed.ledger)),
        duplicated=(*duplicated, *unexplained),
        allowed_repeats=repeats,
    )


def _not_mailed(expected: Expected, ledger: list[dict[str, Any]]) -> list[str]:
    """Find alerts that are missing or have messages not sent yet."""
    wanted = {mail.subject.replace(" ", "#") for mail in expected.mails if mail.kind in ("opened", "escalated")}
    found = {item["alert_key"]: item.get("outbox", ()) for item in ledger}
    problems = [f"no alert of {key}" for key in sorted(wanted - found.keys())]
    for key, outbox in sorted(found.items()):
        waiting = [message["status"] for message in outbox if message["status"] not in SETTLED]
        problems += [f"a message of {key} is still {status}" for status in waiting]
        if key in wanted and not outbox:
            problems.append(f"no e-mail about {key}")
    return problems


def _repeats(mails: list[Mail], kills: list[Kill]) -> tuple[int, list[str]]:
    """Return how many e-mails came again because a worker died in the window, and those that nothing explains."""
    copies: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for mail in mails:
        copies[mail.address, mail.subject, mail.body].append(mail.sent_at)
    repeats, unexplained = 0, []
    for (_, subject, _), times in copies.items():
        for first, again in zip(sorted(times), sorted(times)[1:], strict=False):
            if any(first - _SLACK <= kill.at <= min(first + _LEASE, again) for kill in kills):
                repeats += 1
            else:
                unexplained.append(f"e-mail {subject!r} at {first:%H:%M:%S} and {again:%H:%M:%S}")
    return repeats, unexplained
