"""`sensorctl report` over a stage on moto: what is read of it, and the file that is written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws
from moto.xray import responses as _opens_a_socket_when_imported  # noqa: F401
from typer.testing import CliRunner

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import silence_key
from lambdas.alert.domain.models import Record as LedgerRecord
from lambdas.alert.domain.models import Silence
from lambdas.alert.domain.notices import Message
from lambdas.shared.keys import registry_partition
from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError
from sensorctl.report.command import report
from sensorctl.report.gather import gather
from tests.deployed import table
from tests.unit.sensorctl.command_kit import OneSession, connect_to, stage
from tests.unit.sensorctl.report.report_kit import reading

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
QUEUES = ("ingest_failures", "alert_failures", "rule_dead_letters", "mail_dead_letters", "schedule_dead_letters")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage with two devices: `boiler-7` reports at noon and a minute later, `pump-3` at noon."""

    pipeline: Pipeline

    def read(self, *, since: datetime | None = None, inbox: Path | None = None) -> Any:
        return gather(OneSession(), self.pipeline, where="here", inbox=inbox, since=since, now=NOW)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with mock_aws():
        queues = {name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        pipeline = replace(stage("dynamodb", "ssm"), readings_table="readings", landing_bucket="landing", **queues)
        boto3.client("s3").create_bucket(Bucket="landing")
        boto3.client("dynamodb").create_table(**{**table("Readings"), "TableName": "readings"})
        for device, item in (("boiler-7", reading(0, 72)), ("boiler-7", reading(1, 60)), ("pump-3", reading(0, 50))):
            keep(device, item)
        connect_to(pipeline, monkeypatch)
        yield Stage(pipeline=pipeline)


def keep(device: str, item: dict[str, Any]) -> None:
    """Store a reading and register its device, as ingest does."""
    put = boto3.client("dynamodb").put_item
    serialise = TypeSerializer().serialize
    put(TableName="readings", Item={name: serialise(value) for name, value in {"device_id": device, **item}.items()})
    put(TableName="readings", Item={"device_id": {"S": registry_partition(device)}, "reading_id": {"S": device}})


def quarantine(key: str, *lines: dict[str, Any]) -> None:
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    boto3.client("s3").put_object(Bucket="landing", Key=key, Body=body)


def run(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(report)
    return CliRunner().invoke(app, arguments)


def test_the_readings_of_each_registered_device_are_read_and_the_registry_is_not_one(deployed: Stage) -> None:
    sources = deployed.read()
    assert {device.device_id: device.readings for device in sources.devices} == {"boiler-7": 2, "pump-3": 1}


def test_since_leaves_out_older_readings_and_devices_without_newer_ones(deployed: Stage) -> None:
    sources = deployed.read(since=datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC))
    assert {device.device_id: device.readings for device in sources.devices} == {"boiler-7": 1}


def test_rejected_records_are_read_and_the_line_that_only_counts_is_not_one(deployed: Stage) -> None:
    line = {"position": "line 1", "offset": 0, "reason": "not_json", "detail": "d", "record": "x\u2028y"}
    quarantine("quarantine/incoming/gw/a.ndjson/v1.ndjson", line, {**line, "position": "line 2"}, {"unlisted": 9})
    found = deployed.read().rejects
    assert [(reject.key, reject.position, reject.record) for reject in found] == [
        ("incoming/gw/a.ndjson", "line 1", "x\u2028y"),
        ("incoming/gw/a.ndjson", "line 2", "x\u2028y"),
    ]


def test_traces_are_read_with_their_faults(deployed: Stage) -> None:
    begin = NOW.timestamp() - 60
    good, bad = (f"1-{int(begin):08x}-{number:024x}" for number in (1, 2))
    documents = [
        {"id": f"{number:016x}", "trace_id": trace_id, "name": "lambdas/ingest", "start_time": begin, **more}
        for number, (trace_id, more) in enumerate(
            ((good, {"end_time": begin + 2}), (bad, {"end_time": begin + 1, "fault": True}))
        )
    ]
    boto3.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(document) for document in documents])
    sources = deployed.read()
    assert {trace_id: (round(trace.seconds), trace.failed) for trace_id, trace in sources.traces.items()} == {
        good: (2, False),
        bad: (1, True),
    }
    assert sources.faults == 1


def test_thresholds_that_cannot_be_read_leave_a_note_and_no_limits(deployed: Stage) -> None:
    boto3.client("ssm").put_parameter(Name=deployed.pipeline.thresholds_parameter, Value="{", Overwrite=True)
    sources = deployed.read()
    assert not any(chart.limits for device in sources.devices for chart in device.charts)
    wrong = f"No limits are drawn: {deployed.pipeline.thresholds_parameter}"
    assert any(note.startswith(wrong) for note in sources.notes)


def test_without_an_inbox_the_note_says_whose_word_the_mails_are(deployed: Stage, tmp_path: Path) -> None:
    assert deployed.read().mails is None
    assert any("the ledger says" in note for note in deployed.read().notes)
    assert deployed.read(inbox=tmp_path / "none").mails == []


def test_the_command_writes_one_page_with_alerts_and_devices(deployed: Stage, tmp_path: Path) -> None:
    ledger = Ledger(boto3.client("dynamodb"), table="alerts")
    message = Message(message_id="5117-1-silent", kind="silent", status="SENT", created_at=NOW, settled_at=NOW)
    silent = Silence(device_id="beacon-4", since=NOW - timedelta(hours=1), noticed_at=NOW)
    ledger.put(LedgerRecord(key=silence_key("beacon-4"), state=silent, outbox=(message,)), now=NOW)
    out = tmp_path / "new" / "report.html"
    result = run("--out", str(out), "--since", "2026-11-22")
    assert result.exit_code == 0, result.output
    assert str(out) in result.output.replace("\n", "")
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    for part in ("stage dev on AWS", "<b>beacon-4</b>", "<b>boiler-7</b>", "[SILENT] beacon-4"):
        assert part in page


def test_a_file_that_cannot_be_written_is_named_in_one_sentence(deployed: Stage, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("--out", str(tmp_path / "file" / "report.html"))
    assert isinstance(result.exception, UserError)
    assert "name another file" in str(result.exception)
