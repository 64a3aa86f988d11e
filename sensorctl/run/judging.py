"""What every run must end with: each reading stored once, each reject for its reason, and no event failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.alert.mail.formatting import counted
from sensorctl.readings.stored import by_reason
from sensorctl.run.observed import Observed


class SentContent(Protocol):
    """What was sent: distinct readings, and rejects by reason."""

    duplicates_sent: int
    rejects: Counter[str]
    bad_values: Counter[str]

    @property
    def readings(self) -> Set[Any]:
        """A key for each distinct reading."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What was sent and the result; `problems` is empty when the two agree."""

    readings_sent: int
    duplicates_sent: int
    readings_stored: int
    stored_more_than_once: int
    records_rejected_expected: int
    records_rejected: int
    values_rejected_expected: int
    values_rejected: int
    seconds_total: float
    problems: list[str]


def tally(
    sent: SentContent, observed: Observed, *, stored: Counter[Any], seconds: float, problems: Iterable[str]
) -> dict[str, Any]:
    """Return the fields of a summary but for `readings_sent`; `problems` are those of the run's own kind."""
    records, values = by_reason(observed.rejected)
    waiting = counted(observed.failed_events, "event waits", "events wait")
    return {
        "duplicates_sent": sent.duplicates_sent,
        "readings_stored": len(observed.items),
        "stored_more_than_once": sum(count - 1 for count in stored.values()),
        "records_rejected_expected": sent.rejects.total(),
        "records_rejected": records.total(),
        "values_rejected_expected": sent.bad_values.total(),
        "values_rejected": values.total(),
        "seconds_total": round(seconds, 2),
        "problems": [
            *differences("readings missing", sent.readings - stored.keys()),
            *differences("readings stored that nobody sent", stored.keys() - sent.readings),
            *_count_differences("records rejected as", sent.rejects, records),
            *_count_differences("values rejected as", sent.bad_values, values),
            *problem_if_not(
                observed.failed_events == 0,
                f"{waiting} in failure queues",
            ),
            *problems,
        ],
    }


def problem_if_not(ok: bool, problem: str) -> list[str]:
    """Return the problem, or nothing if all is well."""
    return [] if ok else [problem]


def differences(what: str, things: Iterable[object]) -> list[str]:
    """Return one line that counts `things` and names the first, or none when there are none."""
    names = sorted(map(str, things))
    return [f"{what}: {len(names)}, for example {names[0]}"] if names else []


def _count_differences(what: str, expected: Counter[str], found: Counter[str]) -> list[str]:
    return [
        f"{what} {name}: {found[name]}, not {expected[name]}"
        for name in sorted(expected.keys() | found.keys())
        if expected[name] != found[name]
    ]
