"""`make run`, as a user types it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sensorctl.waiting import wait_until

ROOT = Path(__file__).parents[2]


def sensorctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensorctl", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def summary() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / ".run" / "summary.json").read_text())
    return document


def emulators() -> list[str]:
    """The command lines of emulators that keep their files in this checkout's .run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"ministack" in (process / "cmdline").read_bytes() and (process / "cwd").readlink().is_relative_to(
                ROOT / ".run" / "emulator"
            ):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def run() -> subprocess.CompletedProcess[str]:
    return sensorctl("run", "--seed", "7")


def test_run_ends_well_and_says_so(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert "All as the simulator sent it." in run.stdout


def test_run_stores_every_good_reading_once_and_mails_every_alert_once(run: subprocess.CompletedProcess[str]) -> None:
    result = summary()
    assert result["seed"] == 7
    fleet, beacon, storm = 20 * 120, 2, 16
    assert result["records_rejected"] == result["records_rejected_expected"] == 7
    assert result["readings_stored"] == result["readings_sent"] - 7 == fleet + beacon + storm
    assert result["alerts_sent"] == result["alerts_expected"] == 7
    assert result["duplicate_emails"] == result["stored_more_than_once"] == 0
    assert result["breaches_stored"] == result["breaches_expected"] > 0
    assert result["traces"] > 0


def test_run_tells_each_kind_of_story_once(run: subprocess.CompletedProcess[str]) -> None:
    one_each = {kind: {"expected": 1, "sent": 1} for kind in ("back", "escalated", "rejected", "resolved", "silent")}
    assert summary()["emails"] == {**one_each, "opened": {"expected": 2, "sent": 2}}


def test_a_storm_is_told_alert_by_alert_or_in_a_digest_and_stays_within_the_budget(
    run: subprocess.CompletedProcess[str],
) -> None:
    storm = summary()["storm"]
    assert storm["alerts"] == storm["mailed"] + storm["in_digests"] == 16
    assert storm["in_digests"] > 0
    assert storm["digests"] > 0
    assert summary()["most_emails_in_a_minute"] <= 10 + 1


def test_run_shows_mails_rejects_and_a_trace(run: subprocess.CompletedProcess[str]) -> None:
    for shown in (
        "Subject: [dev] [CRITICAL] boiler-7 temperature",
        "bad_gzip",
        "invalid_timestamp",
        "upload",
        "publish",
    ):
        assert shown in run.stdout


def test_run_leaves_no_process_behind(run: subprocess.CompletedProcess[str]) -> None:
    assert emulators() == []


def test_an_interrupted_run_leaves_no_process_behind() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorctl", "run"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Where the tests run in the background of a shell, Ctrl-C is ignored, and whatever they start inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert wait_until(lambda: bool(emulators()), seconds=30)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) != 0
    assert emulators() == []


def test_a_persons_own_file_is_stored_to_the_last_reading(tmp_path: Path) -> None:
    file = tmp_path / "my readings.ndjson"
    lines = [
        {"device_id": "mine-1", "timestamp": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z", "metrics": {"level": n / 7}}
        for n in range(500)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, lines[0]]))
    run = sensorctl("run", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    assert summary()["readings_stored"] == 500


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "no-such-file.json"], "no-such-file.json"),
        (["run", "--smtp", "nonsense"], "--smtp nonsense"),
    ],
)
def test_wrong_use_gets_one_sentence_and_no_traceback(arguments: list[str], sentence: str) -> None:
    run = sensorctl(*arguments)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_mistake_in_the_thresholds_is_named(tmp_path: Path) -> None:
    """In a copy of the project, whose thresholds.json has a limit on the wrong side of another."""
    for name in ("app.py", "cdk.json", "constructs_lib", "lambdas", "sensorctl", ".venv", ".venv-emulator"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "sensorctl").unlink()
    shutil.copytree(ROOT / "sensorctl", tmp_path / "sensorctl")
    wrong = {"version": 1, "metrics": {"temperature": {"warning": {"above": 70}, "clear": {"below": 72}}}}
    (tmp_path / "thresholds.json").write_text(json.dumps(wrong))
    run = subprocess.run(
        [sys.executable, "-m", "sensorctl", "run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert run.stderr.startswith("sensorctl: thresholds.json: metrics.temperature.clear.below (72)")
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_taken_port_is_named() -> None:
    import socket  # noqa: PLC0415

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = sensorctl("run", "--port", str(port))
    assert run.returncode == 2
    assert run.stderr == f"sensorctl: port {port} is taken; choose another with PORT=<number>, or leave it out\n"
