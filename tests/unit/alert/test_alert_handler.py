"""The entry point: what it takes, what it refuses, what it measures."""

import importlib
import json
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from alert_events import NOON, SWEEP, breach, event, rejected
from alert_kit import World

from lambdas.alert.alerting import UnknownEventError
from lambdas.alert.settings import Settings, SettingsError
from lambdas.shared import tracing
from lambdas.shared.contracts import ContractError
from sensorctl.cost import ALERT_METRICS

ENVIRONMENT = {
    "STAGE": "test",
    "AWS_REGION": "us-east-1",
    "ALERTS_TABLE": "alerts",
    "READINGS_TABLE": "readings",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "THRESHOLDS_PARAMETER": "/sensor-fanout/test/thresholds",
}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_handler_wires_the_environment_to_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "TOPIC_ARN": world.settings.topic_arn}.items():
        monkeypatch.setenv(name, value)
    sys.modules.pop("lambdas.alert.handler", None)
    module = importlib.import_module("lambdas.alert.handler")
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
    fresh = breach(at=module._alerting._clock() - timedelta(minutes=1))
    assert module.handler(event(fresh), context)["emails_sent"] == 1
    module.handler(SWEEP, context)
    assert world.kinds() == ["opened"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        None,
        {"sweep": "yes"},
        {"source": "aws.s3", "detail-type": "ThresholdBreached", "detail": {}},
        {"source": "sensors.ingest", "detail-type": "Something", "detail": {}},
    ],
)
def test_anything_else_is_an_error_that_says_what_came(world: World, wrong: Any) -> None:
    with pytest.raises(UnknownEventError, match="the alert function was invoked with"):
        world.function()(wrong)


@pytest.mark.parametrize("member", ["breach_id", "device_id", "severity", "value", "last_at", "object"])
def test_a_malformed_breach_goes_to_the_failure_queue(world: World, member: str) -> None:
    bad = event(breach())
    bad["detail"][member] = None
    with pytest.raises(ContractError, match=member):
        world.function()(bad)
    assert world.items("alert") == []


@pytest.mark.parametrize("detail", [None, "text", []])
def test_an_event_without_a_detail_is_refused(world: World, detail: object) -> None:
    with pytest.raises(ContractError, match="not an object"):
        world.function()({**event(breach()), "detail": detail})


def test_rejected_records_are_mailed_once_per_prefix_and_hour(world: World) -> None:
    function = world.function()
    one = event(rejected("incoming/gateway-5/a.json"))
    for again in (one, one, event(rejected("incoming/gateway-5/b.json"), at=NOON + timedelta(minutes=59))):
        function(again)
    assert world.kinds() == ["rejected"]
    function(event(rejected("incoming/gateway-6/a.json")))
    world.clock.forward(hours=1)
    function(event(rejected("incoming/gateway-5/c.json"), at=NOON + timedelta(hours=1)))
    function(one)  # a late redelivery belongs to the hour it happened in
    assert world.kinds() == ["rejected", "rejected"]
    keys = {item["alert_key"]["S"] for item in world.items("rejected")}
    assert keys == {
        "rejected#gateway-5#2026-11-22T12Z",
        "rejected#gateway-6#2026-11-22T12Z",
        "rejected#gateway-5#2026-11-22T13Z",
    }
    assert all("expires_at" in item and "work" not in item for item in world.items("rejected"))


def test_rejected_records_of_a_replay_are_not_mailed(world: World) -> None:
    world.function()(event(rejected(), at=NOON - timedelta(days=3)))
    assert world.kinds() == []
    assert len(world.items("rejected")) == 1


@pytest.mark.parametrize("time", [None, "noon", "2026-11-22T12:00:00"])
def test_rejected_records_without_a_time_are_refused(world: World, time: object) -> None:
    with pytest.raises(ContractError, match="time"):
        world.function()({**event(rejected()), "time": time})


def test_an_invocation_writes_one_decision_and_one_metrics_line(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.function()(event(breach()))
    written = lines(capsys)
    (decided,) = [line for line in written if line.get("message") == "decided"]
    assert decided["outcome"] == "opened"
    assert decided["object"] == {
        "bucket": "landing",
        "key": "incoming/boiler-7/120000.000000.json",
        "version_id": "v1",
    }
    (metrics,) = [line for line in written if "_aws" in line]
    assert metrics["_aws"]["Timestamp"] == int(NOON.timestamp() * 1000)
    assert {
        name: metrics[name] for name in ("emails_sent", "emails_deferred", "alerts_opened", "thresholds_invalid")
    } == {
        "emails_sent": 1,
        "emails_deferred": 0,
        "alerts_opened": 1,
        "thresholds_invalid": 0,
    }
    assert (metrics["stage"], metrics["function"]) == ("prod", "alert")


def test_metrics_are_written_when_an_invocation_fails(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownEventError):
        world.function()({})
    assert [line["emails_sent"] for line in lines(capsys) if "_aws" in line] == [0]


def test_the_time_from_upload_to_alert_is_measured_if_the_event_knows_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    known = event(breach())
    known["detail"]["uploaded_at"] = "2026-11-22T11:59:57.500000Z"
    world.function()(known)
    (metrics,) = [line for line in lines(capsys) if "_aws" in line]
    assert metrics["upload_to_alert_ms"] == 2_500
    assert len(metrics["_aws"]["CloudWatchMetrics"][0]["Metrics"]) == ALERT_METRICS
    assert {"Name": "upload_to_alert_ms", "Unit": "Milliseconds"} in metrics["_aws"]["CloudWatchMetrics"][0]["Metrics"]


def test_a_breach_is_traced_as_alert_decide_publish_with_the_origin(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[str, dict[str, Any]]] = []
    original = tracing.phase

    def phase(name: str, **annotations: Any) -> Any:
        begun.append((name, annotations))
        return original(name, **annotations)

    monkeypatch.setattr(tracing, "phase", phase)
    function = world.function()
    function(event(breach()))
    assert [name for name, _ in begun] == ["alert", "decide", "publish"]
    assert begun[0][1] == {
        "device_id": "boiler-7",
        "metric": "temperature",
        "severity": "critical",
        "breach_id": breach().breach_id,
        "origin_trace_id": "1-65a1b2c3-0123456789abcdef01234567",
        "object_key": "incoming/boiler-7/120000.000000.json",
    }
    begun.clear()
    function(event(breach()))
    function(event(rejected()))
    function(SWEEP)
    assert [name for name, _ in begun] == ["alert", "decide", "alert", "decide", "publish", "sweep"]


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize("budget", ["0", "-1", "many", "601", "1.5", "³"])
def test_a_wrong_budget_is_named(budget: str) -> None:
    with pytest.raises(SettingsError, match="EMAILS_PER_MINUTE"):
        Settings.from_env({**ENVIRONMENT, "EMAILS_PER_MINUTE": budget})


def test_the_budget_has_a_default() -> None:
    assert Settings.from_env({**ENVIRONMENT, "EMAILS_PER_MINUTE": ""}).emails_per_minute == 30
    assert Settings.from_env({**ENVIRONMENT, "EMAILS_PER_MINUTE": "12"}).emails_per_minute == 12
