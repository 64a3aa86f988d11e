"""What an operator does after something broke: redrive, replay, reconcile. Everything arrives, and once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from tests.e2e.command_line import Ctl
from tests.e2e.redeployment import without
from tests.e2e.test_pipeline import SECONDS, mails_about, reading, stored


def waiting(ctl: Ctl) -> str:
    """Return what waits in the failure queues, as people see it: events of other tests may come late."""
    return ctl("redrive", "--dry-run")[1]


def test_what_ingest_could_not_store_arrives_once_after_a_redrive(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    devices = [f"redriven-{number}" for number in range(4)]
    with without(aws, "IngestRoleDefaultPolicy", sid="WriteReadings", action="dynamodb:BatchWriteItem"):
        for device in devices:
            uploader.upload(f"{device}/a.json", json.dumps(reading(device, 99)).encode())
        assert wait_until(lambda: all(f"{device}/a.json" in waiting(ctl) for device in devices), seconds=SECONDS)
        code, output = ctl("redrive", "--dry-run")
        assert code == 1
        assert "incoming/redriven-0/a.json" in output
        assert "not authorized to perform: dynamodb:BatchWriteItem" in " ".join(output.split())
        code, output = ctl("redrive", "--match", "redriven-", "--yes")
        assert (code, "0 of 4 done" in output, "Stopped" in output) == (1, True, True)
    assert [stored(aws, device) for device in devices] == [[], [], [], []]

    code, output = ctl("redrive", "--match", "redriven-1", "--yes")
    assert (code, "1 of 1 done" in output) == (0, True)
    code, output = ctl("redrive", "--queue", "ingest", "--match", "redriven-", "--yes")
    assert (code, "3 of 3 done" in output) == (0, True)
    assert "redriven-" not in waiting(ctl)
    assert wait_until(lambda: all(mails_about(aws, device) for device in devices), seconds=SECONDS)
    assert [len(stored(aws, device)) for device in devices] == [1, 1, 1, 1]
    assert [len(mails_about(aws, device)) for device in devices] == [1, 1, 1, 1]


def test_what_alert_could_not_take_is_mailed_once_after_a_replay_and_a_redrive(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    """The archive has the event, and so has the failure queue once all tries are used up: both may be sent again."""
    began = datetime.now(UTC) - timedelta(seconds=2)
    uploader.upload("heard/a.json", json.dumps(reading("heard", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "heard")), seconds=SECONDS)
    with without(aws, "AlertRoleDefaultPolicy", sid="KeepAlerts", action="dynamodb:GetItem"):
        uploader.upload("unheard/a.json", json.dumps(reading("unheard", 99)).encode())
        assert wait_until(lambda: "unheard" in waiting(ctl), seconds=SECONDS)
    assert mails_about(aws, "unheard") == []
    code, output = ctl("replay", "--events", "--yes", "--since", f"{began:%Y-%m-%dT%H:%M:%SZ}")
    assert (code, "Replayed" in output) == (0, True)
    assert wait_until(lambda: bool(mails_about(aws, "unheard")), seconds=SECONDS)
    code, output = ctl("redrive", "--match", "unheard", "--yes")
    assert (code, "1 of 1 done" in output) == (0, True)
    uploader.upload("heard-last/a.json", json.dumps(reading("heard-last", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "heard-last")), seconds=SECONDS)
    assert (len(mails_about(aws, "unheard")), len(mails_about(aws, "heard"))) == (1, 1)


def test_an_object_whose_notification_was_lost_is_found_and_sent(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    s3, bucket = aws.access.client("s3"), aws.pipeline.landing_bucket
    uploader.upload("noticed/a.json", json.dumps(reading("noticed")).encode())
    assert wait_until(lambda: bool(stored(aws, "noticed")), seconds=SECONDS)
    configuration = s3.get_bucket_notification_configuration(Bucket=bucket)
    configuration.pop("ResponseMetadata", None)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    try:
        uploader.upload("unnoticed/a b.json", json.dumps(reading("unnoticed", 99)).encode())
    finally:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    for prefix in ("incoming/noticed/", "incoming/nothing/"):
        assert ctl("reconcile", "--prefix", prefix, "--grace", "0")[0] == 0
    code, output = ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "0")
    assert (code, "1 object compared, 1 never processed" in output, "a b.json" in output) == (1, True, True)
    assert "0 objects compared" in ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "10")[1]
    code, output = ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "0", "--fix", "--yes")
    assert (code, "1 of 1 object sent" in output) == (0, True)
    assert wait_until(lambda: bool(mails_about(aws, "unnoticed")), seconds=SECONDS)
    assert ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "0")[0] == 0


def test_a_replay_stores_nothing_twice_and_mails_nothing_again(aws: EmbeddedAws, uploader: Uploader, ctl: Ctl) -> None:
    devices = [f"replayed-{number}" for number in range(3)]
    for device in devices:
        uploader.upload(f"replayed/{device}.json", json.dumps(reading(device, 99)).encode())
    assert wait_until(lambda: all(mails_about(aws, device) for device in devices), seconds=SECONDS)
    before = [stored(aws, device) for device in devices]
    code, output = ctl("replay", "--prefix", "incoming/replayed/", "--dry-run")
    assert (code, "Ingest would run 3 times" in output) == (0, True)
    for _ in range(2):
        code, output = ctl("replay", "--prefix", "incoming/replayed/", "--yes")
        assert (code, "3 of 3 objects sent" in output) == (0, True)
    uploader.upload("replayed-last/a.json", json.dumps(reading("replayed-last", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "replayed-last")), seconds=SECONDS)
    after = [stored(aws, device) for device in devices]
    assert [_without_trace(items) for items in after] == [_without_trace(items) for items in before]
    assert [len(mails_about(aws, device)) for device in devices] == [1, 1, 1]


def _without_trace(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in item.items() if name != "trace_id"} for item in items]
