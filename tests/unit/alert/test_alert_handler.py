"""The entry point: what it takes, what it refuses, what it measures."""

import importlib
import json
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.alert.function import UnknownEventError
from lambdas.alert.settings import Settings, SettingsError
from lambdas.shared.events import ContractError
from sensorctl.cost.model import ALERT_METRICS
from tests.unit.alert.alert_kit import ENVIRONMENT, NOON, SWEEP, World, breach, event, rejected


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_handler_wires_the_environment_to_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
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


def test_a_malformed_breach_goes_to_the_failure_queue(world: World) -> None:
    bad = event(breach())
    bad["detail"]["severity"] = None
    with pytest.raises(ContractError, match="severity"):
        world.function()(bad)
    assert world.items("alert") == []


@pytest.mark.parametrize("detail", [None, "text", []])
def test_an_event_without_a_detail_is_refused(world: World, detail: object) -> None:
    with pytest.raises(ContractError, match="Expected `object`"):
        world.function()({**event(breach()), "detail": detail})


def test_rejected_records_are_mailed_once_per_prefix_and_hour(world: World) -> None:
    function = world.function()
    first = event(rejected("incoming/gateway-5/a.json"))
    for again in (first, first, event(rejected("incoming/gateway-5/b.json"), at=NOON + timedelta(minutes=59))):
        function(again)
    assert world.kinds() == ["rejected"]
    function(event(rejected("incoming/gateway-6/a.json")))
    world.clock.forward(hours=1)
    function(event(rejected("incoming/gateway-5/c.json"), at=NOON + timedelta(hours=1)))
    function(first)  # a late redelivery belongs to the hour it happened in
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
    expected = {"emails_sent": 1, "emails_deferred": 0, "alerts_opened": 1, "thresholds_invalid": 0}
    assert metrics.items() >= {**expected, "stage": "prod", "function": "alert"}.items()


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
    world: World, documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root=1-6b036e83-14db0be3773133b61e14847c;Parent={'a' * 16};Sampled=1")
    function = world.function()
    function(event(breach()))

    def phases() -> list[list[str]]:
        return [[phase["name"] for phase in (outer, *outer.get("subsegments", ()))] for outer in documents]

    assert phases() == [["alert", "decide", "publish"]]
    assert documents[0]["annotations"] == {
        "device_id": "boiler-7",
        "metric": "temperature",
        "severity": "critical",
        "breach_id": breach().breach_id,
        "origin_trace_id": "1-65a1b2c3-0123456789abcdef01234567",
        "object_key": "incoming/boiler-7/120000.000000.json",
        "outcome": "opened",
    }
    documents.clear()
    for again in (event(breach()), event(rejected()), SWEEP):
        function(again)
    assert phases() == [["alert", "decide"], ["alert", "decide", "publish"], ["sweep"]]


@pytest.mark.parametrize("name", sorted(ENVIRONMENT.keys() - {"EMAILS_PER_MINUTE", "NEW_ALERTS_PER_HOUR"}))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("EMAILS_PER_MINUTE", ["0", "-1", "many", "601", "1.5", "³"]),
        ("NEW_ALERTS_PER_HOUR", ["0", "many", "10000001"]),
    ],
)
def test_a_wrong_number_is_named(name: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(SettingsError, match=name):
            Settings.from_env({**ENVIRONMENT, name: value})


def test_what_the_deployment_sets_is_in_force_and_no_honest_gateway_meets_the_bound_of_new_alerts() -> None:
    settings = Settings.from_env(ENVIRONMENT)
    assert settings == Settings.from_env({**ENVIRONMENT, "EMAILS_PER_MINUTE": "", "NEW_ALERTS_PER_HOUR": ""})
    assert settings.new_alerts_per_hour > 2 * 10_000
    others = Settings.from_env({**ENVIRONMENT, "EMAILS_PER_MINUTE": "12", "NEW_ALERTS_PER_HOUR": "5"})
    assert (others.emails_per_minute, others.new_alerts_per_hour) == (12, 5)
