"""What a device, a file name or an error says reaches the terminal as text, whichever command shows it."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from sensorctl import terminal
from sensorctl.aws.outputs import Pipeline
from tests.unit.sensorctl.command_kit import kit_client, sensorctl
from tests.unit.sensorctl.pipeline_kit import fail_event, keep, note, open_alert, whole_stage

# Window title, cursor home, a forged line, rich's markup and emoji codes, a turned writing direction.
HOSTILE = "a\x1b]0;owned\x07\x1b[2J\r\nforged [bold red]x[/] :bomb: \u202eb\x9b1m"
MARKUP = "[bold red]x[/] :bomb:"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _is_plain(text: str) -> bool:
    return _CONTROL.search(text) is None and "\nforged" not in text


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A stage on which everything that others choose is hostile."""
    with whole_stage(monkeypatch) as pipeline:
        now = datetime.now(UTC)
        key = f"incoming/{HOSTILE}"
        source = {"bucket": "landing", "key": key, "version_id": "v1"}
        keep(HOSTILE, now, severity="critical", source=source, units={"temperature": HOSTILE}, tags={HOSTILE: HOSTILE})
        note(open_alert(HOSTILE))
        for queue in (pipeline.ingest_failures, pipeline.alert_failures):
            fail_event(queue, key=key, error=f"{HOSTILE}: {HOSTILE}")
        kit_client("s3").put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
        # moto answers a listing with raw keys in XML, which holds no ESC.
        listed = key.translate({ord(letter): None for letter in "\x1b\x07\r\n"})
        kit_client("s3").put_object(Bucket="landing", Key=listed, Body=b"{}")
        yield pipeline


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("devices",),
        ("readings", HOSTILE),
        ("alerts",),
        ("redrive", "--dry-run"),
        ("replay", "--dry-run", "--prefix", "incoming/"),
        ("reconcile",),
        ("subscribers", "list"),
        ("thresholds", "explain", "--device", HOSTILE, "--metric", HOSTILE),
    ],
    ids=lambda command: " ".join(command[:2])[:24],
)
def test_no_command_lets_data_steer_the_terminal(deployed: Pipeline, command: tuple[str, ...]) -> None:
    result = sensorctl(*command)

    assert _is_plain(result.out)


@pytest.mark.parametrize("command", ["devices", "readings", "alerts", "redrive"])
def test_markup_and_emoji_codes_stay_text(deployed: Pipeline, command: str) -> None:
    arguments = {"readings": (HOSTILE,), "redrive": ("--dry-run",)}.get(command, ())
    result = sensorctl(command, *arguments)

    assert MARKUP[:6] in result.out.replace("\n", "")
    assert "\N{BOMB}" not in result.out


def test_a_hostile_file_name_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    missing = sensorctl("check", str(tmp_path / "no\x1b[31m.json"))
    present = tmp_path / "yes\x1b[31m\n:bomb:.json"
    present.write_bytes(b'{"device_id": "\\u001b[2J"}')
    shown = sensorctl("check", str(present))

    assert _is_plain(missing.out)
    assert _is_plain(shown.out)


def test_a_console_renders_data_without_controls_and_keeps_its_own_colours() -> None:
    console = terminal.console()
    console.file = io.StringIO()
    console._force_terminal = True
    table = Table("device")
    table.add_row(Text(HOSTILE, style="red"))
    table.add_row(HOSTILE)
    console.print(table)
    console.print(HOSTILE.replace("\n", ""))

    written = console.file.getvalue()
    assert _is_plain(re.sub(r"\x1b\[[\d;]*m", "", written))
    assert "\N{BOMB}" not in written


def test_a_text_is_one_line_whatever_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("first\nforged", "second \x1b[2J", err=True)

    assert capsys.readouterr().err == "first\\nforged\nsecond \\x1b[2J\n"


def test_nothing_prints_past_the_terminal_module() -> None:
    forbidden = {"Console", "print"}
    found = []
    for path in Path("sensorctl").rglob("*.py"):
        if path.name == "terminal.py" or "gate" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in forbidden or name in ("typer.echo", "sys.stdout.write", "sys.stderr.write"):
                    found.append(f"{path}:{node.lineno}: {name}")
    assert found == []


def test_what_is_later_than_the_present_is_no_traceback(deployed: Pipeline) -> None:
    keep("year-9999", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - timedelta(days=1))

    assert sensorctl("readings", "year-9999").code == 0
    assert sensorctl("devices").code == 0
