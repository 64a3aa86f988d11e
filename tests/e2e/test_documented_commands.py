"""Every `sensorctl` command that the documentation gives whole is run, and ends well; make's and aws's are not here.

tests/unit/docs/ holds that each of them exists; `make run`, `test` and `deploy` are what the rest of tests/e2e does.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Ctl, sensorctl
from doc_commands import Command, commands, pages
from test_pipeline import SECONDS, mails_about, reading

from sensorctl.commands import replay
from sensorctl.embedded import background
from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.uploader import Uploader
from sensorctl.waiting import wait_until

ROOT = Path(__file__).parents[2]
DEVICE = "boiler-7"
OBJECT = "incoming/boiler-7/2026-11-22T10-00-00.ndjson"
# Not run here, and why.
NOT_HERE = {
    "sensorctl": "a name, no command",
    "sensorctl thresholds set": "mentioned without what to set",
    "sensorctl subscribers confirm": "mentioned without the link",
    "sensorctl subscribers remove": "mentioned without the address",
    "sensorctl subscribers confirm the-link-in-the-e-mail-that-AWS-sends": "needs AWS, which sends the link",
    "sensorctl status --stage prod": "needs AWS: the embedded one has one stage",
    "sensorctl alerts --digest ID": "needs a storm: tests/unit/sensorctl/test_alerts_command.py",
    "sensorctl simulate": "tests/e2e/test_status.py, which counts what must come of it",
}
# They ask no pipeline, and have no --embedded.
OF_THEIR_OWN = ("check", "cost", "preview")
# So that it is not the report of a run that is written over.
MORE = {"sensorctl report": ("--out", "report.html")}
# 1 says that something needs attention, which other tests may have left behind.
MAY_BE_ONE = "sensorctl status"


def documented() -> list[Command]:
    found = {
        str(command): command
        for page in pages(ROOT)
        for command in commands(page.read_text())
        if command.program == "sensorctl"
    }
    return [command for text, command in found.items() if text not in NOT_HERE]


def test_what_is_not_run_here_is_in_the_documentation() -> None:
    told = {str(command) for page in pages(ROOT) for command in commands(page.read_text())}
    assert set(NOT_HERE) <= told
    assert len(documented()) > 40


@pytest.fixture(scope="module")
def alert_id(aws: EmbeddedAws) -> Iterator[str]:
    """What the examples are about: a device, its object, its open alert, and an address to remove."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "folder", lambda _root: aws.folder)
        # A line of NDJSON, under the key that docs/tracing.md names.
        uploader: Uploader = aws.uploader()
        uploader.upload(OBJECT.removeprefix("incoming/"), json.dumps(reading(DEVICE, 99)).encode())
        assert wait_until(lambda: bool(mails_about(aws, DEVICE)), seconds=SECONDS)
        for address in ("old@example.com", "ops@example.com"):
            assert sensorctl("subscribers", "add", address, "--embedded")[0] == 0
        alerts = [json.loads(line) for line in sensorctl("alerts", "--json", "--embedded")[1].splitlines()]
        (found,) = [one["alert_id"] for one in alerts if one["device_id"] == DEVICE]
        yield found
        # The other tests know the thresholds of the repository, and one address.
        assert sensorctl("thresholds", "set", "--file", str(ROOT / "thresholds.json"), "--embedded")[0] == 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader would stand: with a file of readings, the thresholds, and an editor that saves as it is."""
    (tmp_path / "readings.json").write_text(json.dumps(reading(DEVICE)))
    shutil.copy(ROOT / "thresholds.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setattr(replay, "_STATE", tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", documented(), ids=str)
def test_a_documented_command_ends_well(
    command: Command, alert_id: str, aws: EmbeddedAws, ctl: Ctl, folder: Path, empty_queues: None
) -> None:
    readers = {"FILE...": "readings.json", "f13e5d9ae3a5": alert_id}
    words = [readers.get(word, word) for word in command.words if word != "--embedded"]
    words += MORE.get(str(command), ())
    aws.collector.flush()
    code, said = sensorctl(*words) if set(words) & set(OF_THEIR_OWN) else ctl(*words)
    assert code in ({0, 1} if str(command) == MAY_BE_ONE else {0}), said
    assert said.strip()
