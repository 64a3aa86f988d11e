"""Every `sensorctl` command that the documentation gives whole is run, and ends well; make's and aws's are not here.

tests/unit/docs/ holds that each of them exists; `make run`, `test` and `deploy` are what the rest of tests/e2e does.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorctl.aws import embedded_state
from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.replay import command as replay
from tests import ROOT
from tests.doc_commands import Command, commands, pages
from tests.e2e.command_line import Ctl, sensorctl
from tests.e2e.test_pipeline import SECONDS, mails_about, reading

DEVICE = "boiler-7"
OBJECT = "incoming/boiler-7/2026-11-22T10-00-00.ndjson"
# Not run here, and why.
NOT_HERE = {
    "sensorctl": "a name, no command",
    "sensorctl thresholds set": "mentioned without what to set",
    "sensorctl subscribers confirm": "mentioned without the link",
    "sensorctl subscribers remove": "mentioned without the address",
    "sensorctl subscribers confirm the-link-in-the-e-mail-that-AWS-sends": "needs AWS, which sends the link",
    "sensorctl subscribers add https://example.org/alerts --device 'freezer-*'": "SNS would post to that address: "
    "tests/e2e/test_notifications.py",
    "sensorctl status --stage prod": "needs AWS: the embedded one has one stage",
    "sensorctl alerts close f13e5d9ae3a5 --why 'sensor replaced'": "ends what the others are about: test_by_hand.py",
    "sensorctl devices forget boiler-7": "ends what the others are about: test_by_hand.py",
    "sensorctl alerts --digest ID": "needs a storm: tests/unit/sensorctl/alerts/test_alerts_command.py",
    "sensorctl report --watch": "serves until Ctrl-C: tests/e2e/test_report_watch.py",
    "sensorctl mutes end ID": "needs a mute: tests/e2e/test_mutes.py",
    "sensorctl mutes add 'press-*' --for 3h --why 'belt change'": "would mute others' devices: tests/e2e/test_mutes.py",
    "sensorctl mutes end": "mentioned without the mute",
    "sensorctl mutes": "a group of commands",
    "sensorctl readings": "mentioned without the device",
    "sensorctl simulate": "tests/e2e/test_status.py, which compares what it promises",
}
# They ask no pipeline, and have no --embedded.
OF_THEIR_OWN = ("check", "cost", "preview")
# So that it is not the report of a run that is written over.
MORE = {"sensorctl report": ("--out", "report.html")}
# 1 says that something needs attention: what other tests have left behind, and what is bad in the sample data.
MAY_BE_ONE = (
    "sensorctl status",
    "sensorctl check examples/data/cold-rooms.csv --show",
    # Nothing lies below that prefix, and a replay of nothing is no success.
    "sensorctl replay --prefix incoming/2026/11/",
)
# They ask before they send.
ASKING = ("replay", "reconcile", "upload")


def documented() -> list[Command]:
    found = {
        str(command): command
        for page in pages(ROOT)
        for command in commands(page.read_text())
        if command.program == "sensorctl"
    }
    return [command for text, command in found.items() if text not in NOT_HERE]


def test_what_is_not_run_here_is_in_the_documentation() -> None:
    found = {str(command) for page in pages(ROOT) for command in commands(page.read_text())}
    assert set(NOT_HERE) <= found
    assert len(documented()) > 40


@pytest.fixture(scope="module")
def alert_id(aws: EmbeddedAws) -> Iterator[str]:
    """What the examples are about: a device, its object, its open alert, and an address to remove."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_state, "folder", lambda _root: aws.folder)
        # A line of NDJSON, under the key that docs/tracing.md names.
        uploader: Uploader = aws.uploader()
        uploader.upload(OBJECT.removeprefix("incoming/"), json.dumps(reading(DEVICE, 99)).encode())
        assert wait_until(lambda: bool(mails_about(aws, DEVICE)), seconds=SECONDS)
        for address in ("old@example.com", "ops@example.com", "arn:aws:sqs:eu-west-1:111122223333:pager"):
            assert sensorctl("subscribers", "add", address, "--embedded")[0] == 0
        alerts = [json.loads(line) for line in sensorctl("alerts", "--json", "--embedded")[1].splitlines()]
        (found,) = [alert["alert_id"] for alert in alerts if alert["device_id"] == DEVICE]
        yield found
        # The other tests know the thresholds of the repository, and one address.
        assert sensorctl("thresholds", "set", "--file", str(ROOT / "thresholds.json"), "--embedded")[0] == 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's working folder, with readings, thresholds, mappings, and an editor that saves as it is."""
    for name in ("readings.json", "hot.json"):
        (tmp_path / name).write_text(json.dumps(reading(DEVICE)))
    shutil.copy(ROOT / "thresholds.json", tmp_path)
    shutil.copy(ROOT / "mappings.json", tmp_path / "my.json")
    shutil.copytree(ROOT / "examples" / "data", tmp_path / "examples" / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setattr(replay, "_STATE", tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", documented(), ids=str)
def test_a_documented_command_ends_well(
    command: Command, alert_id: str, aws: EmbeddedAws, ctl: Ctl, folder: Path, empty_queues: None
) -> None:
    readers = {
        "FILE...": "readings.json",
        "pump.json": "readings.json",
        "NEW.json": "thresholds.json",
        "f13e5d9ae3a5": alert_id,
    }
    words = [readers.get(word, word) for word in command.words if word != "--embedded"]
    if "--stage" in words:  # the embedded AWS has one stage, which needs no name
        del words[(place := words.index("--stage")) : place + 2]
    words += [*MORE.get(str(command), ()), *(["--yes"] if command.words[0] in ASKING else [])]
    aws.collector.flush()
    code, output = sensorctl(*words) if set(words) & set(OF_THEIR_OWN) else ctl(*words)
    assert code in ({0, 1} if str(command).startswith(MAY_BE_ONE) else {0}), output
    assert output.strip()
