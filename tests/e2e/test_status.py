"""`sensorctl status`, `devices`, `readings` and `traces` on the embedded AWS, and what `simulate` promises."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.embedded.trace_join import join
from sensorctl.errors import UserError
from sensorctl.readings import stored as observe
from tests.e2e.command_line import Ctl
from tests.e2e.redeployment import without
from tests.e2e.test_pipeline import SECONDS, mails_about, reading, stored
from tests.segment_rules import violations

pytestmark = pytest.mark.usefixtures("empty_queues")


def checks(ctl: Ctl, *arguments: str) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in json_lines(ctl("status", "--json", *arguments)[1])}


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_ingest_failing_is_broken_until_it_is_redriven(aws: EmbeddedAws, uploader: Uploader, ctl: Ctl) -> None:
    with without(aws, "IngestRoleDefaultPolicy", sid="WriteReadings", action="dynamodb:BatchWriteItem"):
        uploader.upload("unwell-1/a.json", json.dumps(reading("unwell-1")).encode())
        assert wait_until(lambda: "unwell-1/a.json" in ctl("redrive", "--dry-run")[1], seconds=SECONDS)
    found = checks(ctl)
    assert (found["ingest"]["level"], found["queue ingest"]["level"]) == ("broken", "attention")
    assert "not authorized to perform: dynamodb:BatchWriteItem" in found["ingest"]["says"]
    assert "BatchWriteItem" not in found["alert"]["says"]
    assert ctl("status")[0] == 1
    code, output = ctl("redrive", "--match", "no such text")
    assert code == 1
    assert re.fullmatch(r"Of [1-9]\d* that wait, none has 'no such text' in it.", output.strip())
    assert ctl("redrive", "--queue", "ingest", "--yes")[0] == 0
    found = checks(ctl)
    assert (found["ingest"]["level"], "queue ingest" in found) == ("ok", False)


def test_a_stage_that_the_embedded_aws_has_not_is_no_healthy_one(ctl: Ctl) -> None:
    with pytest.raises(UserError, match="the embedded AWS has no stack SensorFanout-prod"):
        ctl("status", "--stage", "prod")


def test_alert_failing_is_broken_until_its_events_are_replayed(aws: EmbeddedAws, uploader: Uploader, ctl: Ctl) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    with without(aws, "AlertRoleDefaultPolicy", sid="KeepAlerts", action="dynamodb:PutItem"):
        uploader.upload("unwell-2/a.json", json.dumps(reading("unwell-2", 99)).encode())
        assert wait_until(lambda: bool(stored(aws, "unwell-2")), seconds=SECONDS)
        missed = "unwell-2 temperature"
        assert wait_until(lambda: missed in checks(ctl, "--grace", "0")["alert"]["says"], seconds=SECONDS)
        found = checks(ctl, "--grace", "0")
        assert (found["alert"]["level"], found["ingest"]["level"]) == ("broken", "ok")
    assert ctl("replay", "--events", "--yes", "--since", f"{began:%Y-%m-%dT%H:%M:%SZ}")[0] == 0
    assert wait_until(lambda: bool(mails_about(aws, "unwell-2")), seconds=SECONDS)
    assert wait_until(lambda: missed not in checks(ctl, "--grace", "0")["alert"]["says"], seconds=SECONDS)


def test_a_message_that_could_not_be_mailed_waits_and_is_reported(aws: EmbeddedAws, ctl: Ctl) -> None:
    sqs = aws.access.client("sqs")
    sqs.send_message(QueueUrl=aws.pipeline.mail_dead_letters, MessageBody=json.dumps({"Subject": "s", "Message": "m"}))
    try:
        found = checks(ctl)
        assert (found["queue mail"]["level"], found["ingest"]["level"]) == ("attention", "ok")
        assert checks(ctl)["queue mail"]["says"].startswith("1 message waiting, the oldest seen from")
    finally:
        sqs.purge_queue(QueueUrl=aws.pipeline.mail_dead_letters)


def test_thresholds_that_are_wrong_are_reported_and_then_right_again(aws: EmbeddedAws, ctl: Ctl) -> None:
    ssm, name = aws.access.client("ssm"), aws.pipeline.thresholds_parameter
    good = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value='{"version": 1, "metrics": {"t": 5}}', Type="String", Overwrite=True)
    try:
        assert checks(ctl)["thresholds"]["level"] == "broken"
    finally:
        ssm.put_parameter(Name=name, Value=good, Type="String", Overwrite=True)
    assert checks(ctl)["thresholds"]["level"] == "ok"


def test_an_upload_is_found_by_device_object_and_alert(aws: EmbeddedAws, uploader: Uploader, ctl: Ctl) -> None:
    uploader.upload("looked-at/a.json", json.dumps(reading("looked-at", 92.4)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "looked-at")), seconds=SECONDS)
    (device,) = [line for line in json_lines(ctl("devices", "--json")[1]) if line["device_id"] == "looked-at"]
    assert (device["silent"], device["open_alerts"]) == (False, [{"metric": "temperature", "severity": "critical"}])
    (item,) = json_lines(ctl("readings", "looked-at", "--json")[1])
    assert (item["metrics"], item["breaches"][0]["severity"]) == ({"temperature": 92.4}, "critical")
    code, output = ctl("readings", "looked-at")
    assert (code, "warning above 70, critical above 85" in output) == (0, True)

    phases = {"upload", "ingest", "fetch", "decode", "store", "emit", "alert", "decide", "publish"}

    def drawn(*what: str) -> str:
        aws.collector.flush()
        return ctl("traces", *what)[1]

    assert wait_until(lambda: phases <= set(drawn(item["trace_id"]).split()), seconds=SECONDS)
    (alert,) = [line for line in json_lines(ctl("alerts", "--json")[1]) if line["device_id"] == "looked-at"]
    for what in ("incoming/looked-at/a.json", alert["alert_id"], "looked-at"):
        (found,) = json_lines(drawn(what, "--json"))
        assert (found["trace_id"], found["about"]) == (item["trace_id"], "incoming/looked-at/a.json")
    assert item["trace_id"] in drawn("--most", "2000")
    services = json_lines(drawn("looked-at", "--map", "--json"))
    assert [services[0]["name"], services[0]["calls_to"][0]["name"]] == ["upload", "lambdas/ingest"]
    assert services[0]["calls_to"][0]["calls_to"][0]["name"] == "lambdas/alert"


def test_every_document_keeps_x_rays_rules(aws: EmbeddedAws, uploader: Uploader) -> None:
    uploader.upload("ruled/a.json", json.dumps(reading("ruled", 99)).encode())
    assert wait_until(lambda: bool(mails_about(aws, "ruled")), seconds=SECONDS)
    as_sent = aws.collector.documents()
    assert [(segment["name"], violations(segment)) for segment in as_sent if violations(segment)] == []
    joined = join(as_sent)
    assert len(joined) > 2
    assert [(segment["name"], violations(segment)) for segment in joined if violations(segment)] == []


def test_what_simulate_promises_comes_true(aws: EmbeddedAws, ctl: Ctl) -> None:
    def simulated() -> int:
        stories = ("drift", "spike", "flap", "silence", "duplicates", "corrupt", "gzip", "senml")
        return sum(len(stored(aws, f"{story}-01")) for story in stories)

    stored_before = simulated()
    before, values_before = observe.by_reason(observe.rejected_records(aws.access, aws.pipeline))
    code, output = ctl("simulate", "--duration", "10m", "--devices", "8", "--seed", "3", "--json")
    promised = json.loads(output)["expected"]
    assert (code, promised["stored"] > 400, promised["duplicates_dropped"]) == (0, True, 60)

    def rejected() -> tuple[Counter[str], Counter[str]]:
        records, values = observe.by_reason(observe.rejected_records(aws.access, aws.pipeline))
        return records - before, values - values_before

    assert wait_until(
        lambda: (
            simulated() - stored_before >= promised["stored"]
            and rejected()[0].total() >= sum(promised["rejected"].values())
        ),
        seconds=2 * SECONDS,
    )
    assert (simulated() - stored_before, *rejected()) == (
        promised["stored"],
        promised["rejected"],
        promised["values_rejected"],
    )
    # In whatever order the objects are handled, the drift ends as critical.
    assert wait_until(
        lambda: any(mail.attributes["severity"] == "critical" for mail in mails_about(aws, "drift-01")), seconds=SECONDS
    )
