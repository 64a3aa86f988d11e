"""`make run`, as a user types it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sensorctl.aws.waiting import wait_until
from tests import ROOT
from tests.case_outcomes import CASES, TABLE, UPLOADED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where these runs keep their files: not in the .run of whoever tests."""
    return tmp_path_factory.mktemp("run")


def sensorctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensorctl", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def summary(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return document


def emulators(folder: Path) -> list[str]:
    """The command lines of emulators that keep their files there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"ministack" in (process / "cmdline").read_bytes() and (process / "cwd").readlink().is_relative_to(
                folder / "emulator"
            ):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return sensorctl("run", "--seed", "7", "--folder", str(folder))


def test_run_ends_well_and_says_so_and_where_its_report_is(run: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert "All as the simulator sent it." in run.stdout
    assert run.stdout.splitlines()[-1] == f"The report: {folder / 'report.html'}"


def test_run_stores_every_good_reading_once_and_mails_every_alert_once(
    run: subprocess.CompletedProcess[str], folder: Path
) -> None:
    result = summary(folder)
    assert result["seed"] == 7
    fleet, beacon, tanks, ovens, mixer, storm = 20 * 120, 2, 2 * 4, 2 * 2, 1, 16
    assert result["records_rejected"] == result["records_rejected_expected"] == 6
    assert result["values_rejected"] == result["values_rejected_expected"] == 1
    assert result["readings_stored"] == result["readings_sent"] - 6 == fleet + beacon + tanks + ovens + mixer + storm
    assert result["alerts_sent"] == result["alerts_expected"] == 13
    assert result["duplicate_emails"] == result["stored_more_than_once"] == 0
    assert result["breaches_stored"] == result["breaches_expected"] > 0
    assert result["traces"] > 0


def test_run_shows_each_kind_of_story(run: subprocess.CompletedProcess[str], folder: Path) -> None:
    """A device falls silent and returns; of two ovens one goes unattended; a mute ends."""
    times = {"back": 1, "escalated": 1, "opened": 5, "rejected": 1, "resolved": 3, "silent": 1, "unattended": 1}
    assert summary(folder)["emails"] == {kind: {"expected": n, "sent": n} for kind, n in times.items()}


def test_a_storm_is_mailed_alert_by_alert_or_in_a_digest_and_stays_within_the_budget(
    run: subprocess.CompletedProcess[str], folder: Path
) -> None:
    storm = summary(folder)["storm"]
    assert storm["alerts"] == storm["mailed"] + storm["in_digests"] == 16
    assert storm["in_digests"] > 0
    assert storm["digests"] > 0
    assert summary(folder)["most_emails_in_a_minute"] <= 20 + 1


def test_run_shows_mails_rejects_and_a_trace(run: subprocess.CompletedProcess[str]) -> None:
    for shown in (
        "Subject: [dev] [CRITICAL] boiler-7 temperature",
        "bad_gzip",
        "invalid_timestamp",
        "upload",
        "publish",
    ):
        assert shown in run.stdout


def test_run_leaves_no_process_behind(run: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert emulators(folder) == []


def test_an_interrupted_run_leaves_no_process_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorctl", "run", "--folder", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Where the tests run in the background of a shell, Ctrl-C is ignored, and whatever they start inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert wait_until(lambda: bool(emulators(tmp_path)), seconds=30)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) != 0
    assert emulators(tmp_path) == []


def test_a_persons_own_file_is_stored_to_the_last_reading(tmp_path: Path) -> None:
    file = tmp_path / "my readings.ndjson"
    lines = [
        {"device_id": "mine-1", "timestamp": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z", "metrics": {"level": n / 7}}
        for n in range(500)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, lines[0]]))
    run = sensorctl("run", "--folder", str(tmp_path), str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    assert summary(tmp_path)["readings_stored"] == 500
    assert "No threshold applies to level: stored, but nobody is alerted." in run.stdout


def test_a_file_of_which_nothing_can_be_stored_is_no_success(tmp_path: Path) -> None:
    file = tmp_path / "unknown.json"
    file.write_text('{"what": "ever", "values": [1, 2, 3]}')
    run = sensorctl("run", "--folder", str(tmp_path), str(file))
    assert run.returncode == 1, run.stdout + run.stderr
    assert "no file holds a reading that can be stored: see `sensorctl check --show`" in run.stdout


def test_breaches_that_are_too_old_to_mail_are_said_to_be_so(tmp_path: Path) -> None:
    file = tmp_path / "last-year.json"
    file.write_text('{"device_id": "boiler-7", "timestamp": "2026-01-01T00:00:00Z", "metrics": {"temperature": 99}}')
    run = sensorctl("run", "--folder", str(tmp_path), str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 breach is over a day old: stored, but not mailed." in run.stdout


def shifted(body: bytes, *, by_s: int) -> bytes:
    """The same file with its times of 2026 so much later: texts, and numbers of (milli)seconds since 1970."""

    def text(found: re.Match[bytes]) -> bytes:
        moved = datetime.fromisoformat(found[0].decode()) + timedelta(seconds=by_s)
        return moved.strftime("%Y-%m-%dT%H:%M:%S").encode()

    body = re.sub(rb"2026-\d\d-\d\dT\d\d:\d\d:\d\d", text, body)
    return re.sub(rb"(?<!\d)1795\d{6}(?=(?:\d{3})?(?!\d))", lambda found: str(int(found[0]) + by_s).encode(), body)


def test_files_of_all_shapes_end_as_their_senders_want(tmp_path: Path) -> None:
    """The cases as if they had been made just now: breaches that are older than a day mail nobody."""
    by_s = int((datetime.now(UTC) - UPLOADED).total_seconds())
    files = []
    for number, name in enumerate(sorted(TABLE)):
        file = tmp_path / f"case-{number}" / name
        file.parent.mkdir()
        file.write_bytes(shifted((CASES / name).read_bytes(), by_s=by_s))
        files.append(str(file))
    run = sensorctl("run", "--folder", str(tmp_path), *files)
    assert run.returncode == 0, run.stdout + run.stderr
    result, rejects = summary(tmp_path), [reject for case in TABLE.values() for reject in case.rejects]
    assert result["readings_sent"] == sum(case.readings for case in TABLE.values())
    assert result["values_rejected"] == sum(member is not None for _, member in rejects)
    assert result["records_rejected"] == sum(member is None for _, member in rejects)
    for device in ("site_a.boiler-7", "a4:c1:38:0b:1e:ff", "boiler-7", "b"):
        assert f"temperature of {device}" in run.stdout or f"{device} temperature" in run.stdout, run.stdout


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
