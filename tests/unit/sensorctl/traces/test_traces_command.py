"""`sensorctl traces` on moto's X-Ray: what is found by what, and what is listed first."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from lambdas.alert.domain.models import MetricState, Record
from lambdas.alert.domain.notices import Message
from sensorctl.aws import connection
from sensorctl.aws.connection import Connection
from sensorctl.aws.outputs import Pipeline
from sensorctl.traces.documents import fetch_all
from tests.unit.sensorctl.command_kit import OneSession, sensorctl
from tests.unit.sensorctl.pipeline_kit import fail_event, keep, note, open_alert, whole_stage

# A whole second: an id names the second its trace began in, and the segments of one trace begin within one.
NOW = float(math.floor(time.time()))


def trace_id(number: int, *, began: float = NOW) -> str:
    return f"1-{int(began):08x}-{number:024x}"


def segment(number: int, ident: str, name: str, *, at: float, seconds: float, **more: Any) -> dict[str, Any]:
    return {
        "trace_id": trace_id(number, began=at),
        "id": f"{ident:0>16}",
        "name": name,
        "start_time": at,
        "end_time": at + seconds,
        **more,
    }


def put(*documents: dict[str, Any]) -> None:
    refused = boto3.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(one) for one in documents])
    assert refused["UnprocessedTraceSegments"] == []


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Three traces, each a little older than the next: 1 is an upload and its ingest, 2 is slow, 3 has failed."""
    with whole_stage(monkeypatch) as pipeline:
        # moto's filters do not know annotations; the embedded AWS is moto's, too; there the documents are read instead.
        access = replace(OneSession(), endpoint="https://localhost:1")
        monkeypatch.setattr(connection, "connect", lambda **_: Connection(access=access, pipeline=pipeline))
        notes = {"object_key": "incoming/b/a.json"}
        put(segment(1, "a1", "upload", at=NOW - 60, seconds=0.1, annotations=notes))
        put(segment(1, "a2", "lambdas/ingest", at=NOW - 60 + 0.05, seconds=0.5, parent_id=f"{'a1':0>16}"))
        slow = {"object_key": "incoming/b/slow.json"}
        put(segment(2, "b1", "lambdas/ingest", at=NOW - 40, seconds=5, annotations=slow))
        cause = {"exceptions": [{"id": "0" * 16, "type": "ClientError", "message": "AccessDenied"}]}
        put(segment(3, "c1", "lambdas/alert", at=NOW - 20, seconds=0.3, fault=True, cause=cause))
        yield pipeline


FIRST, SLOW, FAILED = trace_id(1, began=NOW - 60), trace_id(2, began=NOW - 40), trace_id(3, began=NOW - 20)


def ids(*arguments: str) -> list[str]:
    result = sensorctl("traces", "--json", *arguments)
    assert result.code == 0
    return [json.loads(line)["trace_id"] for line in result.out.splitlines()]


def test_without_an_argument_the_newest_come_first(deployed: Pipeline) -> None:
    assert ids() == [FAILED, SLOW, FIRST]
    assert ids("--most", "1") == [FAILED]


def test_the_slowest_and_the_failed_are_listed(deployed: Pipeline) -> None:
    assert ids("--slowest") == [SLOW, FIRST, FAILED]
    assert ids("--failed") == [FAILED]
    assert "failed: lambdas/alert: ClientError: AccessDenied" in sensorctl("traces").out


def test_a_sweep_that_went_well_is_not_listed_and_one_that_failed_is(deployed: Pipeline) -> None:
    put(segment(6, "f1", "lambdas/sweep", at=NOW, seconds=1))
    assert ids() == [FAILED, SLOW, FIRST]
    put(segment(7, "f2", "lambdas/sweep", at=NOW, seconds=1, fault=True))
    assert ids("--failed") == [trace_id(7), FAILED]


def test_a_trace_has_failed_when_its_event_waits_in_a_failure_queue(deployed: Pipeline) -> None:
    """An invocation that was killed says nothing of itself."""
    fail_event(deployed.ingest_failures, key="incoming/b/a.json", error="Runtime.ExitError: killed")
    detail = {"detail-type": "ThresholdBreached", "detail": {"trace_id": SLOW}}
    boto3.client("sqs").send_message(QueueUrl=deployed.rule_dead_letters, MessageBody=json.dumps(detail))
    assert ids("--failed") == [FAILED, SLOW, FIRST]
    out = sensorctl("traces", "--failed").out
    assert out.count("failed: it waits in a failure queue; see `sensorctl redrive --dry-run`") == 2
    assert ids() == [FAILED, SLOW, FIRST]


def test_a_list_that_is_cut_says_so(deployed: Pipeline) -> None:
    assert "2 of 3 shown; --most shows more." in sensorctl("traces", "--most", "2").out
    keep("boiler-7", datetime.now(UTC) - timedelta(minutes=1), trace_id=FIRST)
    keep("boiler-7", datetime.now(UTC), trace_id=SLOW)
    assert "1 of 2 shown; --most shows more." in sensorctl("traces", "boiler-7", "--most", "1").out
    assert "shown" not in sensorctl("traces").out


def test_a_trace_is_drawn_by_its_id_with_what_was_raised(deployed: Pipeline) -> None:
    out = sensorctl("traces", FAILED).out
    assert "lambdas/alert" in out
    assert "ClientError: AccessDenied" in out
    assert "━" in out


def test_a_trace_is_found_by_its_object(deployed: Pipeline) -> None:
    boto3.client("s3").put_object(Bucket="landing", Key="incoming/b/a.json", Body=b"{}")
    # moto's objects are of now, and only what came after the upload is searched.
    now = time.time()
    put(segment(4, "d1", "upload", at=now, seconds=0.1, annotations={"object_key": "incoming/b/a.json"}))
    put(segment(5, "e1", "upload", at=now, seconds=0.1, annotations={"object_key": "incoming/b/b.json"}))
    assert ids("incoming/b/a.json") == [trace_id(4, began=now)]


def test_a_trace_is_found_by_its_device(deployed: Pipeline) -> None:
    keep("boiler-7", datetime.now(UTC) - timedelta(minutes=1), trace_id=FIRST)
    keep("boiler-7", datetime.now(UTC), trace_id=SLOW)
    assert ids("boiler-7") == [SLOW, FIRST]
    assert ids("boiler-7", "--most", "1") == [SLOW]


def test_a_trace_is_found_by_its_alert(deployed: Pipeline) -> None:
    record = open_alert("boiler-7")
    assert isinstance(record.state, MetricState)
    assert record.state.alert is not None
    worst = replace(record.state.alert.worst, trace_id=FIRST)
    alert = replace(record.state.alert, alert_id="0123456789ab", worst=worst)
    note(replace(record, state=replace(record.state, alert=alert)))
    assert ids("0123456789ab") == [FIRST]


def test_the_trace_of_an_alert_that_has_ended_is_found_by_its_readings(deployed: Pipeline) -> None:
    ended = MetricState(device_id="boiler-7", metric="temperature", settled_through=datetime.now(UTC))
    mail = Message(message_id="0123456789ab-resolved", kind="resolved", status="SENT", created_at=datetime.now(UTC))
    note(Record(key="boiler-7#temperature", state=ended, outbox=(mail,)))
    keep("boiler-7", datetime.now(UTC) - timedelta(minutes=2), trace_id=FIRST, severity="warning")
    keep("boiler-7", datetime.now(UTC), trace_id=SLOW)
    assert ids("0123456789ab") == [FIRST]


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (trace_id(9), "it may not have been sampled, or is not there yet"),
        ("incoming/none.json", "there is no object incoming/none.json"),
        ("nobody", "is no trace id, no object below incoming/, no alert in the ledger and no device"),
    ],
    ids=["trace", "object", "device"],
)
def test_what_is_not_there_is_reported_in_one_sentence(deployed: Pipeline, what: str, sentence: str) -> None:
    result = sensorctl("traces", what)
    assert (result.code, sentence in result.error) == (2, True)


def test_a_span_that_x_ray_does_not_search_is_refused(deployed: Pipeline) -> None:
    assert "last 6 hours" in sensorctl("traces", "--since", "2026-01-01").error
    assert "last 6 hours" in sensorctl("traces", "--since", "2126-01-01").error


def test_the_map_joins_segments_to_their_callers(deployed: Pipeline) -> None:
    (service,) = [json.loads(line) for line in sensorctl("traces", FIRST, "--map", "--json").out.splitlines()]
    assert (service["name"], [callee["name"] for callee in service["calls_to"]]) == ("upload", ["lambdas/ingest"])
    out = sensorctl("traces", "--map").out
    assert "lambdas/ingest  1 call, 500 ms on average" in out
    assert "1 failed" in out


def test_on_aws_an_object_is_asked_for_by_its_annotation(monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_stage(monkeypatch):
        boto3.client("s3").put_object(Bucket="landing", Key="incoming/b/a.json", Body=b"{}")
        xray = boto3.client("xray")
        stubber = Stubber(xray)
        asked = {"StartTime": ANY, "EndTime": ANY, "FilterExpression": 'annotation.object_key = "incoming/b/a.json"'}
        stubber.add_response("get_trace_summaries", {"TraceSummaries": [{"Id": FIRST}]}, asked)
        document = json.dumps(segment(1, "a1", "upload", at=NOW, seconds=1))
        traces = [{"Id": FIRST, "Segments": [{"Id": "a1", "Document": document}]}]
        stubber.add_response("batch_get_traces", {"Traces": traces}, {"TraceIds": [FIRST]})
        stubber.activate()
        original = OneSession.client
        monkeypatch.setattr(
            OneSession, "client", lambda self, name, **more: xray if name == "xray" else original(self, name, **more)
        )
        assert ids("incoming/b/a.json") == [FIRST]
        stubber.assert_no_pending_responses()


def test_a_trace_of_several_pages_is_read_whole() -> None:
    xray = boto3.client("xray")
    stubber = Stubber(xray)

    def page(ident: str) -> list[dict[str, Any]]:
        return [{"Id": FIRST, "Segments": [{"Id": ident, "Document": json.dumps({"id": ident})}]}]

    stubber.add_response("batch_get_traces", {"Traces": page("one"), "NextToken": "more"}, {"TraceIds": [FIRST]})
    stubber.add_response("batch_get_traces", {"Traces": page("two")}, {"TraceIds": [FIRST], "NextToken": "more"})
    with stubber:
        found = fetch_all(xray, [FIRST])
    assert found == {FIRST: [{"id": "one"}, {"id": "two"}]}


def test_no_more_ids_are_asked_for_at_once_than_x_ray_takes() -> None:
    xray = boto3.client("xray")
    stubber = Stubber(xray)
    wanted = [trace_id(number) for number in range(7)]
    for some in (wanted[:5], wanted[5:]):
        stubber.add_response("batch_get_traces", {"Traces": []}, {"TraceIds": some})
    with stubber:
        assert list(fetch_all(xray, wanted)) == wanted
    stubber.assert_no_pending_responses()
