"""What an operator does after something broke: redrive, replay, reconcile. Everything arrives, and once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from command_line import Ctl
from redeployment import without
from test_pipeline import SECONDS, mails_about, reading, stored

from sensorctl import observe
from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.uploader import Uploader
from sensorctl.waiting import wait_until


def test_what_ingest_could_not_store_arrives_once_after_a_redrive(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    devices = [f"redriven-{number}" for number in range(4)]
    with without(aws, "IngestRoleDefaultPolicy", sid="WriteReadings", action="dynamodb:BatchWriteItem"):
        for device in devices:
            uploader.upload(f"{device}/a.json", json.dumps(reading(device, 99)).encode())
        assert wait_until(lambda: observe.failed_events(aws.access, aws.pipeline) == 4, seconds=SECONDS)
        code, said = ctl("redrive", "--dry-run")
        assert code == 1
        assert "incoming/redriven-0/a.json" in said
        assert "not authorized to perform: dynamodb:BatchWriteItem" in " ".join(said.split())
        code, said = ctl("redrive", "--yes")
        assert (code, "0 of 4 done" in said, "Stopped" in said) == (1, True, True)
    assert [stored(aws, device) for device in devices] == [[], [], [], []]

    code, said = ctl("redrive", "--match", "redriven-1", "--yes")
    assert (code, "1 of 1 done" in said) == (0, True)
    code, said = ctl("redrive", "--queue", "ingest", "--yes")
    assert (code, "3 of 3 done" in said) == (0, True)
    assert ctl("redrive") == (0, "Nothing waits.\n")
    assert wait_until(lambda: all(mails_about(aws, device) for device in devices), seconds=SECONDS)
    assert [len(stored(aws, device)) for device in devices] == [1, 1, 1, 1]
    assert [len(mails_about(aws, device)) for device in devices] == [1, 1, 1, 1]


def test_what_alert_could_not_take_is_told_once_after_a_replay_of_the_archive(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    """The embedded AWS tries a rule's target once and keeps no dead letter, so the archive makes up for it here."""
    began = datetime.now(UTC) - timedelta(seconds=2)
    uploader.upload("heard/a.json", json.dumps(reading("heard", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "heard")), seconds=SECONDS)
    with without(aws, "AlertRoleDefaultPolicy", sid="KeepAlerts", action="dynamodb:GetItem"):
        uploader.upload("unheard/a.json", json.dumps(reading("unheard", 99)).encode())
        assert wait_until(lambda: _failed(aws, "unheard"), seconds=SECONDS)
    assert mails_about(aws, "unheard") == []
    code, said = ctl("replay", "--events", "--since", f"{began:%Y-%m-%dT%H:%M:%SZ}")
    assert (code, "Replayed" in said) == (0, True)
    assert wait_until(lambda: bool(mails_about(aws, "unheard")), seconds=SECONDS)
    again = f"{began:%Y-%m-%dT%H:%M:%SZ}"
    assert ctl("replay", "--events", "--since", again)[0] == 0
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
    code, said = ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "0")
    assert (code, "1 objects compared, 1 never processed" in said, "a b.json" in said) == (1, True, True)
    assert "0 objects compared" in ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "10")[1]
    code, said = ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "0", "--fix")
    assert (code, "1 of 1 objects sent" in said) == (0, True)
    assert wait_until(lambda: bool(mails_about(aws, "unnoticed")), seconds=SECONDS)
    assert ctl("reconcile", "--prefix", "incoming/unnoticed/", "--grace", "0")[0] == 0


def test_a_replay_stores_nothing_twice_and_mails_nothing_again(aws: EmbeddedAws, uploader: Uploader, ctl: Ctl) -> None:
    devices = [f"replayed-{number}" for number in range(3)]
    for device in devices:
        uploader.upload(f"replayed/{device}.json", json.dumps(reading(device, 99)).encode())
    assert wait_until(lambda: all(mails_about(aws, device) for device in devices), seconds=SECONDS)
    before = [stored(aws, device) for device in devices]
    code, said = ctl("replay", "--prefix", "incoming/replayed/", "--dry-run")
    assert (code, "Would send 3 objects" in said) == (0, True)
    for _ in range(2):
        code, said = ctl("replay", "--prefix", "incoming/replayed/")
        assert (code, "3 of 3 objects sent" in said) == (0, True)
    uploader.upload("replayed-last/a.json", json.dumps(reading("replayed-last", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "replayed-last")), seconds=SECONDS)
    after = [stored(aws, device) for device in devices]
    assert [_without_trace(items) for items in after] == [_without_trace(items) for items in before]
    assert [len(mails_about(aws, device)) for device in devices] == [1, 1, 1]


def _without_trace(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in item.items() if name != "trace_id"} for item in items]


def _failed(aws: EmbeddedAws, device: str) -> bool:
    """Return whether alert has failed on the device."""
    return any(
        document["name"] == "alert"
        and document.get("annotations", {}).get("device_id") == device
        and (document.get("fault") or document.get("error"))
        for document in aws.collector.documents()
    )
