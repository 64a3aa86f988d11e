"""What the report says first."""

from dataclasses import replace

import pytest

from lambdas.shared.events import Severity
from sensorctl.report.model import Alert, AlertState
from sensorctl.report.verdict import folded, verdict
from tests.browser.report_sample import report
from tests.unit.sensorctl.report.report_kit import at


def alert(device: str, severity: Severity | None = "critical", *, state: AlertState = "open", minute: int = 0) -> Alert:
    return Alert(
        alert_id=device,
        device_id=device,
        metric="t" if severity else None,
        state=state,
        severity=severity,
        since=at(minute),
    )


@pytest.mark.parametrize(
    ("alerts", "waiting", "level", "sentence"),
    [
        ([], 0, "good", "Nothing is out of bounds, and every device reports."),
        ([alert("a", state="closed")], 0, "good", "Nothing is out of bounds, and every device reports."),
        ([alert("a"), alert("b", "warning")], 0, "critical", "2 alerts open, 1 of them critical."),
        ([alert("b", "warning"), alert("c", None, state="silent")], 0, "warning", "1 alert open; 1 device silent."),
        ([], 2, "critical", "2 events could not be handled."),
    ],
)
def test_the_verdict_is_one_sentence(alerts: list[Alert], waiting: int, level: str, sentence: str) -> None:
    sample = report()
    found = verdict(replace(sample, alerts=tuple(alerts), totals=replace(sample.totals, waiting=waiting)))
    assert (found.level, found.sentence) == (level, sentence)
    assert (found.worst.device_id if found.worst else None) == next(
        (a.device_id for a in alerts if a.state == "open"), None
    )


def test_three_equal_alerts_or_more_are_one_row() -> None:
    alerts = [alert("a"), alert("b"), alert("c"), alert("d", minute=1), alert("e", minute=1)]
    assert [[number for number, _ in group] for group in folded(alerts)] == [[0, 1, 2], [3], [4]]
