"""What two documents would have mailed, compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.ingest.decoding.reading import Reading
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.backtest.comparison import Comparison
from sensorctl.backtest.simulation import mails
from sensorctl.backtest.uploads import Upload

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rules(**temperature: Any) -> Thresholds:
    document = {"version": 1, "metrics": {"temperature": temperature}, "silent_after": {"*": "15m"}}
    return Thresholds.parse(json.dumps(document))


def uploads(*values: float) -> list[Upload]:
    """Return a value a minute, from noon on."""
    times = [NOON + place * MINUTE for place in range(len(values))]
    return [
        Upload(at, "incoming/b/a.json", str(at), (Reading("b", at, {"temperature": value}),))
        for at, value in zip(times, values, strict=True)
    ]


def compared(values: Sequence[float], *, now: Thresholds, new: Thresholds) -> Comparison:
    comparison = Comparison()
    present, tried = mails("b", uploads(*values), documents=(now, new), until=NOON + len(values) * MINUTE)
    comparison.add("b", now=present, new=tried)
    return comparison


def test_an_alert_that_only_one_document_has_is_added_or_gone() -> None:
    values = [72, 50, 50, 92, 50, 50, -3, 50]
    now = rules(warning={"above": 70}, critical={"above": 85})
    new = rules(warning={"above": 80, "below": 0})
    found = compared(values, now=now, new=new)
    assert [(alert.severity, alert.worst and alert.worst.value) for alert in found.gone] == [("warning", 72)]
    assert [(alert.worst and alert.worst.value, alert.opened_at) for alert in found.added] == [(-3, NOON + 6 * MINUTE)]
    assert found.devices == {"b": (4, 4)}
    assert found.kinds == [("opened", 2, 2), ("resolved", 2, 2)]


def test_an_alert_that_opens_later_or_is_cut_in_two_is_the_same() -> None:
    values = [72, 82, 82, 72, 82, 60]
    found = compared(values, now=rules(warning={"above": 70}), new=rules(warning={"above": 80}))
    assert (found.gone, found.added) == ([], [])
    assert found.devices == {"b": (2, 4)}


def test_one_that_goes_on_has_no_end() -> None:
    found = compared([50, 92], now=rules(warning={"above": 99}), new=rules(critical={"above": 85}))
    (alert,) = found.added
    assert (alert.ended_at, alert.severity, alert.metric) == (None, "critical", "temperature")


def test_a_value_that_alternates_for_an_hour_mails_twice_with_clear_for_and_sixty_times_without() -> None:
    found = compared(
        [71, 64] * 30 + [64] * 15,
        now=rules(warning={"above": 70}, clear={"below": 65}),
        new=rules(warning={"above": 70}, clear={"below": 65}, clear_for="15m"),
    )
    assert found.devices == {"b": (60, 2)}
