"""`sensorctl simulate`: what it sends, says and leaves behind, also when it is stopped."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError
from sensorctl.simulate.fleet import SentObject, SentReading
from sensorctl.simulate.options import RecordedOptions, pairs_of
from sensorctl.simulate.sending import Folder, Planned, as_measured, at_rate, send, stopped_by_signals
from tests.unit.sensorctl.command_kit import PARAMETER, CommandResult, sensorctl
from tests.unit.sensorctl.pipeline_kit import whole_stage

START = "2026-11-22T10:00:00Z"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def to_folder(path: Path, *arguments: str) -> CommandResult:
    return sensorctl("simulate", "--to-folder", str(path), "--start", START, "--duration", "4m", *arguments)


def files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    with whole_stage(monkeypatch) as pipeline:
        yield pipeline


def test_a_folder_gets_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    for name, seed in (("one", "7"), ("again", "7"), ("other", "8")):
        assert to_folder(tmp_path / name, "--seed", seed).code == 0
    assert files(tmp_path / "one") == files(tmp_path / "again")
    assert files(tmp_path / "one") != files(tmp_path / "other")


def test_it_says_what_was_sent_and_what_must_come_of_it(tmp_path: Path) -> None:
    result = to_folder(tmp_path, "--json")
    summary = json.loads(result.out)
    assert (summary["objects"], summary["readings"], summary["devices"]) == (len(files(tmp_path)), 240 - 12 + 24, 10)
    assert summary["bytes"] == sum(map(len, files(tmp_path).values()))
    expected = summary["expected"]
    assert (expected["stored"], expected["duplicates_dropped"]) == (summary["readings"] - 24, 24)
    assert expected["rejected"] == {"invalid_timestamp": 1, "no_metrics": 2, "not_json": 1}
    assert expected["values_rejected"] == {"invalid_value": 1}
    assert expected["emails"]["rejected"] == 1


def test_uploads_land_below_the_prefix_and_begin_a_trace(deployed: Pipeline) -> None:
    result = sensorctl(
        "simulate", "--devices", "2", "--drift", "1", "--duration", "2m", "--rate", "1000", "--json", "--yes"
    )
    listed = boto3.client("s3").list_objects_v2(Bucket="landing")["Contents"]
    assert sorted(item["Key"].split("/")[:2] for item in listed) == [
        ["incoming", "drift-01"],
        ["incoming", "steady-01"],
    ]
    assert json.loads(result.out)["objects"] == 2
    now = datetime.now(UTC)
    found = boto3.client("xray").get_trace_summaries(
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1)
    )
    assert len(found["TraceSummaries"]) == 2


def test_a_stage_on_aws_is_asked_about_first_and_a_dry_run_sends_nothing(deployed: Pipeline) -> None:
    few = ("simulate", "--devices", "1", "--drift", "1", "--duration", "2m", "--rate", "1000")
    refused = sensorctl(*few, answers="n\n")
    assert (refused.code, "This sends 1 object with 12 readings to stage dev on AWS" in refused.out) == (1, True)
    dry = sensorctl(*few, "--dry-run")
    assert (dry.code, "Would send 1 object with 12 readings of 1 device (" in dry.out) == (0, True)
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="landing")


def test_it_follows_the_thresholds_in_force(deployed: Pipeline) -> None:
    document = '{"version": 1, "metrics": {"temperature": {"critical": {"above": 1000}}}}'
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value=document, Type="String", Overwrite=True)
    result = sensorctl(
        "simulate", "--devices", "1", "--drift", "1", "--duration", "4m", "--rate", "1000", "--json", "--yes"
    )
    assert json.loads(result.out)["expected"]["emails"] == {"opened": 1}


def test_a_file_is_sent_and_a_record_that_is_no_reading_is_no_success(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("ts,machine,temp_c\n2024-01-01 10:00:00,pump-9,20.5\n2024-01-01 10:00:10,pump-9,95\nx,pump-9,1\n")
    mapping = ["--column", "device_id=machine", "--column", "timestamp=ts", "--metric", "temperature=temp_c"]
    result = sensorctl("simulate", "--to-folder", str(tmp_path / "out"), "--file", str(log), *mapping)
    assert result.code == 1
    assert "1 record is no reading; record 3: the time 'x' is neither ISO 8601" in result.out
    assert "older than 1 day are stored, but their breaches are not mailed" in result.out
    (body,) = files(tmp_path / "out").values()
    assert [json.loads(line)["metrics"] for line in body.splitlines()] == [{"temperature": 20.5}, {"temperature": 95}]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--duration", "long"], "--duration long: give a whole number and ms, s, m, h or d"),
        (["--every", "0s"], "--every 0s: give a whole number"),
        (["--devices", "1", "--drift", "2"], "2 devices are to have a story"),
        (["--live", "--start", START], "--live sends a fleet from now on"),
        (["--device", "x"], "give it with --file FILE"),
        (["--file", "/no/such/file"], "/no/such/file cannot be read"),
        (["--file", "x", "--column", "metric=a"], "only device_id and timestamp are columns"),
        (["--file", "x", "--metric", "temperature"], "give it as name=column"),
    ],
)
def test_wrong_use_is_reported_in_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = sensorctl("simulate", "--to-folder", str(tmp_path), *arguments)
    assert (result.code, sentence in result.error) == (2, True)
    assert files(tmp_path) == {}


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "that is a file" in sensorctl("simulate", "--to-folder", str(tmp_path / "file")).error


# Sending.


def upload(number: int) -> SentObject:
    reading = SentReading(device_id="d", timestamp=NOW + timedelta(seconds=number), metrics={})
    return SentObject(key=f"d/{number}.json", body=b"x" * number, readings=(reading,))


def test_ctrl_c_lets_the_upload_under_way_end_and_begins_no_other(tmp_path: Path) -> None:
    class Interrupted(Folder):
        def upload(self, key: str, body: bytes) -> str:
            if key == "d/2.json":
                os.kill(os.getpid(), signal.SIGINT)
            return super().upload(key, body)

    keys: list[str] = []
    with stopped_by_signals() as stop:
        send(
            at_rate(map(upload, range(5)), per_second=None),
            to=Interrupted(tmp_path),
            stop=stop,
            sent=lambda upload: keys.append(upload.key),
        )
    assert keys == ["d/0.json", "d/1.json", "d/2.json"]
    assert files(tmp_path) == {f"d/{number}.json": b"x" * number for number in range(3)}


def test_a_second_ctrl_c_interrupts_and_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10)
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_due_later_is_waited_for_and_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    keys: list[str] = []

    def note(upload: SentObject) -> None:
        keys.append(upload.key)
        stop.set()

    later = [Planned(upload=upload(1), due_s=0), Planned(upload=upload(2), due_s=1e6)]
    send(later, to=Folder(tmp_path), stop=stop, sent=note)
    assert keys == ["d/1.json"]


def test_the_plan_keeps_the_rate_and_live_the_times_of_measuring() -> None:
    some = [upload(number) for number in (0, 5, 7)]
    assert [planned.due_s for planned in at_rate(some, per_second=4)] == [0, 0.25, 0.5]
    unreadable = SentObject(key="d/x", body=b"", readings=(), rejects={"not_json": 1})
    live = as_measured([*some, unreadable], start=NOW.timestamp())
    assert [planned.due_s for planned in live] == [0, 5, 7, 7]


def test_no_file_is_ever_seen_half(tmp_path: Path) -> None:
    Folder(tmp_path).upload("d/a.json", b"{}")
    assert files(tmp_path) == {"d/a.json": b"{}"}


# Options.


def test_moments_and_pairs_are_read() -> None:
    for text in ("now", "2026-11-22T12:00:00", "2026-11-22T13:00:00+01:00"):
        assert RecordedOptions(rebase_to=text).newest(now=NOW) == NOW
    with pytest.raises(UserError, match="--rebase-to soon"):
        RecordedOptions(rebase_to="soon").newest(now=NOW)
    assert RecordedOptions(column=["device_id=a=b"]).columns() == {"device_id": "a=b"}
    assert pairs_of(["t=x", "h=y"], "--metric") == {"t": "x", "h": "y"}
