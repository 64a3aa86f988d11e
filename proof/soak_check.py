"""What must hold after a soak, judged by what is in the tables and the inbox; it knows nothing of the handlers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from proof.killer import Kill
from sensorctl.embedded.mailbox import Mail
from sensorctl.expectations import Expected, reading_key

# Between SNS accepting a message and the mark SENT: a worker that dies there publishes again once its lease is over.
_LEASE = timedelta(minutes=5)
_SLACK = timedelta(seconds=5)
_TOLD = {"SENT", "DIGESTED"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Sentences; all but `repeats` must be empty or nought."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    repeats: int


def check(
    expected: Expected,
    *,
    items: list[dict[str, Any]],
    ledger: list[dict[str, Any]],
    mails: list[Mail],
    rejected: Counter[str],
    alert_kills: list[Kill],
) -> Verdict:
    """Compare what is there with what was sent."""
    lost, doubled = [], []
    stored = Counter(_key(item) for item in items)
    lost += [f"reading of {key[0]} at {key[1]} is not stored" for key in sorted(expected.readings - stored.keys())]
    lost += [f"{n} records rejected as {reason}" for reason, n in (expected.rejects - rejected).items()]
    doubled += [f"reading of {key[0]} at {key[1]} is stored {n} times" for key, n in stored.items() if n > 1]
    doubled += [
        f"reading of {key[0]} at {key[1]}, which nobody sent" for key in sorted(stored.keys() - expected.readings)
    ]
    lost += _untold(expected, ledger)
    repeats, unexplained = _repeats(mails, alert_kills)
    return Verdict(lost=tuple(lost), doubled=(*doubled, *unexplained), repeats=repeats)


def _untold(expected: Expected, ledger: list[dict[str, Any]]) -> list[str]:
    """Every device and metric that was to open an alert has one whose every message was told."""
    wanted = {mail.subject.replace(" ", "#") for mail in expected.mails if mail.kind in ("opened", "escalated")}
    found = {item["alert_key"]: item for item in ledger}
    problems = [f"no alert of {key}" for key in sorted(wanted - found.keys())]
    for key, item in sorted(found.items()):
        waiting = [message["status"] for message in item.get("outbox", ()) if message["status"] not in _TOLD]
        problems += [f"a message of {key} is still {status}" for status in waiting]
        if key in wanted and not item.get("outbox"):
            problems.append(f"nobody was told of {key}")
    return problems


def _repeats(mails: list[Mail], kills: list[Kill]) -> tuple[int, list[str]]:
    """Return how many e-mails came again because a worker died in the window, and those that nothing explains."""
    copies: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for mail in mails:
        copies[mail.address, mail.subject, mail.body].append(mail.sent_at)
    repeats, unexplained = 0, []
    for (_, subject, _), times in copies.items():
        for first, again in zip(sorted(times), sorted(times)[1:], strict=False):
            if any(first - _SLACK <= kill.at <= first + _LEASE and kill.at <= again for kill in kills):
                repeats += 1
            else:
                unexplained.append(f"e-mail {subject!r} at {first:%H:%M:%S} and {again:%H:%M:%S}")
    return repeats, unexplained


def _key(item: dict[str, Any]) -> Any:
    at = datetime.fromisoformat(item["reading_id"].partition("#")[0])
    return reading_key(item["device_id"], at, {name: float(value) for name, value in item["metrics"].items()})
