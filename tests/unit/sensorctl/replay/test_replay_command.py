"""`sensorctl replay` and `reconcile --fix`: what they say before they send anything, and that they ask."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from sensorctl.aws.invoking import Functions
from sensorctl.aws.outputs import Pipeline
from sensorctl.replay import command
from tests.unit.sensorctl.command_kit import sensorctl
from tests.unit.sensorctl.pipeline_kit import whole_stage

SPAN = ("replay", "--events", "--since", "2026-11-22T10:00:00Z", "--until", "2026-11-22T12:00:00Z")


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Pipeline]:
    """A landing bucket with 21 objects that ingest never took in."""
    monkeypatch.setattr(command, "_STATE", tmp_path)
    with whole_stage(monkeypatch) as pipeline:
        s3 = boto3.client("s3")
        s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
        for number in range(21):
            s3.put_object(Bucket="landing", Key=f"incoming/b/{number:02}.json", Body=b"{}")
        yield pipeline


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What ingest is given."""
    sent: list[str] = []

    def run(_: Functions, function: str, _event: object) -> None:
        sent.append(function)

    monkeypatch.setattr(Functions, "run", run)
    return sent


@pytest.mark.parametrize("given", [("replay",), ("reconcile", "--fix", "--grace", "0")], ids=str)
def test_what_ingest_is_given_is_said_and_sent_once_it_is_agreed_to(
    deployed: Pipeline, events: list[str], given: tuple[str, ...]
) -> None:
    refused = sensorctl(*given, answers="n\n")
    assert (refused.code, events) == (1, [])
    assert "Ingest runs 21 times on stage dev on AWS, on objects of 42 bytes in all." in refused.out
    assert "20 of 21 shown." in refused.out
    dry = sensorctl(*given, "--dry-run")
    assert (dry.code, "Ingest would run 21 times" in dry.out, events) == (given[0] == "reconcile", True, [])
    sent = sensorctl(*given, "--yes")
    assert (sent.code, "21 of 21 objects sent." in sent.out, len(events)) == (0, True, 21)


def test_events_are_sent_again_once_it_is_agreed_to(deployed: Pipeline) -> None:
    said = "the archived events from 2026-11-22 10:00:00 UTC to 2026-11-22 12:00:00 UTC (2 hours)"
    refused, dry = sensorctl(*SPAN, answers="n\n"), sensorctl(*SPAN, "--dry-run")
    assert (refused.code, f"Alert gets {said} again" in refused.out) == (1, True)
    assert (dry.code, f"Would send {said} to alert, on stage dev on AWS." in dry.out) == (0, True)


def test_a_replay_of_nothing_is_no_success(deployed: Pipeline) -> None:
    result = sensorctl("replay", "--prefix", "incoming/nobody/")
    assert (result.code, result.out.startswith("Nothing to send")) == (1, True)


def test_one_object_is_in_the_singular(deployed: Pipeline) -> None:
    result = sensorctl("reconcile", "--prefix", "incoming/b/00", "--grace", "0")
    assert "1 object compared, 1 never processed." in result.out
