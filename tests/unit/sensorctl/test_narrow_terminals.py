"""In 80 columns no number, time or id of a list is broken, and what says nothing takes no room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensorctl import cli, terminal
from sensorctl.aws.outputs import Pipeline
from tests.unit.sensorctl.pipeline_kit import fail_event, keep, note, open_alert, whole_stage

DEVICE = "freezer-12"


def shown(*arguments: str, columns: int = 80) -> list[str]:
    """Return the lines of a command on a terminal of so many columns."""
    result = CliRunner().invoke(cli.app, arguments, env={"COLUMNS": str(columns)})
    lines = result.stdout.splitlines()
    assert lines, result.stderr
    assert max(map(len, lines)) <= columns
    return lines


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, now: datetime) -> Iterator[Pipeline]:
    with whole_stage(monkeypatch) as pipeline:
        source = {"bucket": "landing", "key": f"incoming/{DEVICE}/2026-11-22T10-00-00.ndjson", "version_id": "v1"}
        for minute in reversed(range(12)):
            at = now - timedelta(minutes=minute)
            keep(DEVICE, at, severity="critical", metrics={"temperature": -12345, "humidity": 40}, source=source)
        note(open_alert(DEVICE))
        fail_event(pipeline.ingest_failures)
        yield pipeline


def test_a_device_is_one_line(deployed: Pipeline) -> None:
    _, line, sums = shown("devices")
    assert DEVICE in line
    assert "temperature" in line
    assert sums == "1 device, 1 with an open alert."


def test_an_alert_is_one_line_but_for_its_id_and_mail(deployed: Pipeline) -> None:
    _, line, *_, sums = shown("alerts")
    for whole in (DEVICE, "temperature", "open", "critical", "92 Cel above 85"):
        assert whole in line
    assert sums == "1 open; times are UTC."


def test_the_id_that_ack_takes_is_listed_also_of_an_alert_that_is_acknowledged_and_muted(deployed: Pipeline) -> None:
    (alert,) = shown("alerts", "--json", columns=1_000)
    alert_id = json.loads(alert)["alert_id"]
    shown("alerts", "ack", alert_id, "--note", "on it", columns=1_000)
    shown("mutes", "add", DEVICE, "--for", "30m", "--why", "new burner", columns=1_000)
    heading, line, *others = shown("alerts", "--open")
    assert heading.rstrip().endswith("worst, last mail")
    for whole in (DEVICE, "temperature", "open (muted)", "critical"):
        assert whole in line
    for whole in (alert_id, "acknowledged by"):
        assert any(whole in other for other in others)
    _, mute, *_ = shown("mutes", "list")
    assert all(whole in mute for whole in (DEVICE, "running", "1 open", "new burner"))
    assert "arn:" not in mute
    _, wide, _ = shown("alerts", columns=200)
    assert (wide.split()[0], wide.split()[-1]) == (DEVICE, alert_id)


def test_help_is_broken_into_lines_once() -> None:
    lines = shown("status", "--help")
    assert any("open alerts are what" in line.lower() and len(line.strip()) > 60 for line in lines)


def test_readings_and_their_trend_have_whole_times_and_numbers(deployed: Pipeline, now: datetime) -> None:
    lines = shown("readings", DEVICE, "--limit", "5")
    assert "5 of 12 shown; --limit shows more, --since and --until others." in lines
    (temperature,) = [line for line in lines if line.startswith("temperature")]
    assert temperature.count("-12345") == 3
    for back in range(5):
        at = now - timedelta(minutes=back)
        assert any(line.startswith(terminal.short_time(at, now=now, fraction=True)) for line in lines)


def test_thresholds_have_no_columns_that_say_nothing(deployed: Pipeline) -> None:
    heading, *rows = shown("thresholds", "show")
    assert heading.split() == ["device", "metric", "unit", "warning", "critical", "clear", "remind"]
    assert rows[0].split() == ["any", "temperature", "Cel", ">70", ">85", "<65", "4h"]


def test_what_waits_has_a_whole_time(deployed: Pipeline) -> None:
    assert any(line.startswith("ingest  ") and "incoming/b/a.json" in line for line in shown("redrive", "--dry-run"))


def test_a_checked_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "f.ndjson"
    lines = [
        {"device_id": DEVICE, "timestamp": f"2026-11-26T09:{minute:02}:00Z", "metrics": {"temperature": 1}}
        for minute in range(16)
    ]
    file.write_text("".join(json.dumps({**line, "units": {"temperature": "degR"}}) + "\n" for line in lines))
    out = CliRunner().invoke(cli.app, ["check", "--show", str(file)], env={"COLUMNS": "80"}).stdout
    assert out.count("unit_mismatch: ") == 1
    assert "16 times, the first at device freezer-12 at 2026-11-26T09:00" in out
    assert "10 of 16 shown; --first shows more." in out


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 26, 9, 0, 0, 250_000, tzinfo=UTC), "09:00:00.25"),
        (datetime(2026, 11, 25, 9, tzinfo=UTC), "11-25 09:00:00"),
        (datetime(2025, 11, 26, 9, tzinfo=UTC), "2025-11-26 09:00:00"),
    ],
)
def test_a_time_says_no_more_than_it_must(at: datetime, text: str) -> None:
    assert terminal.short_time(at, now=datetime(2026, 11, 26, 10, tzinfo=UTC), fraction=True) == text
    assert terminal.short_time(at, now=datetime(2026, 11, 26, 10, tzinfo=UTC)) == text.partition(".")[0]


def test_a_last_row_may_be_short_and_columns_may_share_a_name() -> None:
    table = terminal.table(("device", "readings") * 2, [("a", "1", "b", "2"), ("c", "3")], right=("readings",))
    assert (len(table.columns), table.row_count) == (4, 2)
