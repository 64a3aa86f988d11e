"""The promises of each hop, on the embedded AWS."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.embedded.mailbox import Mail
from sensorctl.readings import query as readings
from sensorctl.readings import stored as observe
from sensorctl.traces import documents as traces

SECONDS = 30


def reading(device: str, temperature: Any = 20.5, **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"device_id": device, "timestamp": now, "metrics": {"temperature": temperature}, **more}


def stored(aws: EmbeddedAws, device: str) -> list[dict[str, Any]]:
    return list(readings.of_device(aws.access, aws.pipeline, device_id=device))


def mails_about(aws: EmbeddedAws, device: str) -> list[Mail]:
    """Return what reached the first subscriber; other tests subscribe others."""
    mails = aws.mailbox.mails
    return [mail for mail in mails if mail.attributes["device_id"] == device and mail.address == "you@example.com"]


def test_a_reading_is_stored_with_its_values_and_where_it_came_from(aws: EmbeddedAws, uploader: Uploader) -> None:
    sent = reading("store-1", 20.5, units={"temperature": "Cel"}, tags={"site": "plant-2"})
    version = uploader.upload("store-1/a.json", json.dumps(sent).encode())
    assert wait_until(lambda: bool(stored(aws, "store-1")), seconds=SECONDS)
    (item,) = stored(aws, "store-1")
    assert (item["metrics"], item["units"], item["tags"]) == (
        {"temperature": pytest.approx(20.5)}, {"temperature": "Cel"}, {"site": "plant-2"}
    )  # fmt: skip
    assert item["source"] == {
        "bucket": aws.pipeline.landing_bucket, "key": "incoming/store-1/a.json", "version_id": version
    }  # fmt: skip


@pytest.mark.parametrize("name", ["with space.json", "plus+and%20percent.json", "ümläut/日本.json"])
def test_any_key_is_read_as_it_was_written(aws: EmbeddedAws, uploader: Uploader, name: str) -> None:
    device = f"key-{abs(hash(name)) % 10_000}"
    uploader.upload(name, json.dumps(reading(device)).encode())
    assert wait_until(lambda: bool(stored(aws, device)), seconds=SECONDS)
    assert stored(aws, device)[0]["source"]["key"] == f"incoming/{name}"


def test_objects_outside_the_prefix_are_left_alone(aws: EmbeddedAws, uploader: Uploader) -> None:
    s3 = aws.access.client("s3")
    s3.put_object(Bucket=aws.pipeline.landing_bucket, Key="other/a.json", Body=json.dumps(reading("other-1")).encode())
    uploader.upload("after.json", json.dumps(reading("after-1")).encode())
    assert wait_until(lambda: bool(stored(aws, "after-1")), seconds=SECONDS)
    assert stored(aws, "other-1") == []


def test_the_same_object_again_stores_nothing_twice_and_mails_once(aws: EmbeddedAws, uploader: Uploader) -> None:
    body = json.dumps(reading("again-1", 99)).encode()
    for name in ("first.json", "second.json", "first.json"):
        uploader.upload(f"again-1/{name}", body)
    uploader.upload("again-2/end.json", json.dumps(reading("again-2", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "again-2")), seconds=SECONDS)
    assert wait_until(lambda: _handled(aws, "again-1") >= 3, seconds=SECONDS)
    assert len(stored(aws, "again-1")) == 1
    assert len(mails_about(aws, "again-1")) == 1


def test_a_breach_is_mailed_with_what_an_operator_needs(aws: EmbeddedAws, uploader: Uploader) -> None:
    uploader.upload("hot-1/a.json", json.dumps(reading("hot-1", 92.4)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "hot-1")), seconds=SECONDS)
    (mail,) = mails_about(aws, "hot-1")
    trace_id = stored(aws, "hot-1")[0]["trace_id"]
    assert mail.address == "you@example.com"
    assert mail.subject == "[dev] [CRITICAL] hot-1 temperature 92.4 Cel above 85"
    for needed in ("incoming/hot-1/a.json", trace_id, "sensorctl readings hot-1"):
        assert needed in mail.body
    assert mail.attributes["kind"] == "opened"
    assert mail.attributes["severity"] == "critical"


def test_a_breach_is_one_trace_from_upload_to_publish(aws: EmbeddedAws, uploader: Uploader) -> None:
    uploader.upload("traced-1/a.json", json.dumps(reading("traced-1", 92.4)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "traced-1")), seconds=SECONDS)
    trace_id = stored(aws, "traced-1")[0]["trace_id"]

    def names() -> list[str]:
        aws.collector.flush()
        return [span.name for span in traces.spans(traces.fetch(aws.access, trace_id))]

    phases = ["upload", "ingest", "fetch", "decode", "store", "emit", "alert", "decide", "publish"]
    assert wait_until(lambda: set(phases) <= set(names()), seconds=SECONDS)
    assert [name for name in dict.fromkeys(names()) if name in phases] == phases


def test_bad_records_cost_no_good_one_and_are_kept_with_a_reason(aws: EmbeddedAws, uploader: Uploader) -> None:
    lines = [json.dumps(reading("mixed-1")), "{broken", json.dumps(reading("mixed-1", "hot"))]
    uploader.upload("mixed-1/a.ndjson", "\n".join(lines).encode())
    assert wait_until(lambda: bool(stored(aws, "mixed-1")) and len(_rejects(aws, "mixed-1")) == 3, seconds=SECONDS)
    # The value, and the record that has no other.
    assert sorted(record.reason for record in _rejects(aws, "mixed-1")) == ["invalid_value", "no_metrics", "not_json"]
    assert wait_until(
        lambda: any(mail.attributes["kind"] == "rejected" and "mixed-1" in mail.body for mail in aws.mailbox.mails),
        seconds=SECONDS,
    )


@pytest.mark.usefixtures("empty_queues")
def test_a_role_without_its_grant_stores_nothing_and_the_event_waits_for_redrive(
    aws: EmbeddedAws, uploader: Uploader
) -> None:
    iam, functions = aws.access.client("iam"), aws.access.client("lambda")
    role = functions.get_function_configuration(FunctionName=aws.pipeline.ingest_function)["Role"].rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    without = [statement for statement in document["Statement"] if not str(statement["Action"]).count("dynamodb:")]
    assert len(without) < len(document["Statement"])
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps({**document, "Statement": without}))
    try:
        uploader.upload("denied-1/a.json", json.dumps(reading("denied-1")).encode())
        failed = wait_until(lambda: observe.failed_events(aws.access, aws.pipeline) == 1, seconds=SECONDS)
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    assert failed
    message = _receive(aws, aws.pipeline.ingest_failures)
    assert "AccessDenied" in json.dumps(message["responsePayload"])
    assert message["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "incoming/denied-1/a.json"
    assert stored(aws, "denied-1") == []


def _rejects(aws: EmbeddedAws, prefix: str) -> list[observe.RejectedRecord]:
    return [r for r in observe.rejected_records(aws.access, aws.pipeline) if r.key.startswith(f"incoming/{prefix}/")]


def _handled(aws: EmbeddedAws, device: str) -> int:
    """Count the traces of alert that were about `device`."""
    return sum(
        1
        for document in aws.collector.documents()
        if document["name"] == "alert" and document.get("annotations", {}).get("device_id") == device
    )


def _receive(aws: EmbeddedAws, queue: str) -> dict[str, Any]:
    sqs = aws.access.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    body: dict[str, Any] = json.loads(message["Body"])
    return body
