import json
import re
from typing import Any

import pytest

from constructs_lib.app import ROOT
from sensorctl.cost.model import ALARMS
from tests.infra.synthesised import Synthesised

QUEUE_ALARMS = {
    "IngestFailures": "DeadLettersIngest",
    "RuleDeadLetters": "DeadLettersRule",
    "AlertFailures": "DeadLettersAlert",
    "MailDeadLetters": "DeadLettersMail",
    "ScheduleDeadLetters": "DeadLettersSchedule",
}


def alarm(stack: Synthesised, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.properties("AWS::CloudWatch::Alarm", f"ObservedAlarms{name}")
    return found


def dimensions(of: dict[str, Any]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in of["Dimensions"]}


@pytest.mark.parametrize("function", ["Ingest", "Alert"])
@pytest.mark.parametrize(
    ("name", "metric", "threshold"),
    [
        ("Errors", "Errors", 0),
        ("Throttles", "Throttles", 0),
        ("EventsDropped", "AsyncEventsDropped", 0),
        ("EventsOld", "AsyncEventAge", 15 * 60 * 1000),
    ],
)
def test_a_function_in_trouble_raises_an_alarm(
    stack: Synthesised, function: str, name: str, metric: str, threshold: int
) -> None:
    raised = alarm(stack, f"{function}{name}")

    assert (raised["Namespace"], raised["MetricName"], raised["Threshold"]) == ("AWS/Lambda", metric, threshold)
    assert dimensions(raised) == {"FunctionName": f"${{{function}Function}}"}
    assert raised["ComparisonOperator"] == "GreaterThanThreshold"


@pytest.mark.parametrize(("name", "queue"), QUEUE_ALARMS.items())
def test_a_dead_letter_raises_an_alarm(stack: Synthesised, name: str, queue: str) -> None:
    raised = alarm(stack, name)

    assert (raised["Namespace"], raised["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert dimensions(raised) == {"QueueName": f"${{{queue}.QueueName}}"}
    assert raised["Threshold"] == 0


@pytest.mark.parametrize(
    ("name", "metric", "function"),
    [
        ("ReadingsRejected", "readings_rejected", "ingest"),
        ("IngestThresholdsInvalid", "thresholds_invalid", "ingest"),
        ("AlertThresholdsInvalid", "thresholds_invalid", "alert"),
    ],
)
def test_bad_readings_and_bad_thresholds_raise_an_alarm(
    stack: Synthesised, name: str, metric: str, function: str
) -> None:
    raised = alarm(stack, name)

    assert (raised["Namespace"], raised["MetricName"], raised["Threshold"]) == ("SensorFanout", metric, 0)
    assert dimensions(raised) == {"stage": stack.stage, "function": function}


def test_every_alarm_says_what_it_means_and_what_to_do(stack: Synthesised) -> None:
    alarms = stack.of_type("AWS::CloudWatch::Alarm")

    assert len(alarms) == 16
    for raised in alarms.values():
        meaning, _, first_step = raised["Properties"]["AlarmDescription"].partition(" What to do: ")
        assert meaning.endswith(".")
        assert first_step.endswith(".")
        assert raised["Properties"]["TreatMissingData"] == "notBreaching"


def test_alarms_reach_people_in_prod_alone(dev: Synthesised, prod: Synthesised) -> None:
    def actions(stack: Synthesised) -> list[list[str]]:
        ids = stack.of_type("AWS::CloudWatch::Alarm")
        return [stack.properties("AWS::CloudWatch::Alarm", id).get("AlarmActions", []) for id in ids]

    assert actions(dev) == [[]] * 16
    assert actions(prod) == [["${AlarmMailTopic}"]] * 16


def test_the_dashboard_reads_as_the_flow_does(stack: Synthesised) -> None:
    dashboard = stack.properties("AWS::CloudWatch::Dashboard", "ObservedDashboard")
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]

    widgets.sort(key=lambda widget: (widget["y"], widget["x"]))
    assert [widget["properties"]["title"] for widget in widgets] == [
        *("Alarms", "1 Objects in", "2 Readings stored and rejected", "2 Ingest"),
        *("3 Breaches found", "4 Events to alert", "5 Alert"),
        *("6 E-mails sent", "7 E-mails delivered and failed", "From upload to alert (ms)"),
        *("Dead letters", "Thresholds invalid"),
    ]
    events = next(w for w in widgets if w["properties"]["title"] == "4 Events to alert")
    # EventBridge User Guide, "Monitoring Amazon EventBridge": both, for a rule on a custom bus. Ref is `bus|rule`.
    rule = stack.properties("AWS::Events::Rule", "FanoutRule")["Name"]
    dimensions = ["EventBusName", "${FanoutBus}", "RuleName", rule]
    assert [metric[2:6] for metric in events["properties"]["metrics"]] == [dimensions, dimensions]
    late = next(w for w in widgets if w["properties"]["title"].startswith("From upload"))
    assert [metric[-1]["stat"] for metric in late["properties"]["metrics"]] == ["p50", "p99"]


def test_traces_of_breaches_have_their_group_on_aws(stack: Synthesised) -> None:
    group = stack.of_type("AWS::XRay::Group")["ObservedBreaches"]

    assert group["Condition"] == "OnAws"
    assert group["Properties"]["GroupName"] == f"SensorFanout-{stack.stage}-breaches"
    assert len(group["Properties"]["GroupName"]) <= 32
    assert 'annotation.severity = "critical"' in group["Properties"]["FilterExpression"]


def test_three_queries_are_saved_over_both_functions_logs(stack: Synthesised) -> None:
    saved = [stack.properties("AWS::Logs::QueryDefinition", id) for id in stack.of_type("AWS::Logs::QueryDefinition")]

    assert [query["Name"] for query in saved] == [
        f"SensorFanout-{stack.stage}/{title}" for title in ("Failures", "Slowest objects", "What became of")
    ]
    for query in saved:
        assert query["LogGroupNames"] == ["${IngestLogs}", "${AlertLogs}"]


def test_the_queries_ask_for_fields_that_the_functions_write(stack: Synthesised) -> None:
    written = "".join(path.read_text() for path in (ROOT / "lambdas").rglob("*.py"))
    queries = stack.of_type("AWS::Logs::QueryDefinition").values()
    asked = {name for query in queries for name in re.findall(r"(?<![@.\w])[a-z][a-z_]+(?![\w(.])", _fields(query))}

    assert asked >= {"message", "ms", "outcome", "problem", "trace_id", "subject", "message_id"}
    assert {name for name in asked if f"{name}=" not in written and f'"{name}"' not in written} == set()


def test_the_cost_model_counts_every_alarm(stack: Synthesised) -> None:
    assert len(stack.of_type("AWS::CloudWatch::Alarm")) == ALARMS


@pytest.mark.parametrize(
    "part",
    [
        # An error that a handler raises: `level` since runtime interface client 4.0.4, `log_level` before it.
        'level = "ERROR"',
        'log_level = "ERROR"',
        "ispresent(errorType)",
        # A time-out, a runtime that exits, and an environment that cannot start.
        'type in ["platform.report", "platform.initReport"] and record.status != "success"',
    ],
)
def test_the_failures_query_finds_what_no_line_of_ours_says(stack: Synthesised, part: str) -> None:
    (query,) = (
        query["Properties"]["QueryString"]
        for query in stack.of_type("AWS::Logs::QueryDefinition").values()
        if query["Properties"]["Name"].endswith("/Failures")
    )
    assert part in query.split("| filter ")[1].split("\n|")[0]


def _fields(query: dict[str, Any]) -> str:
    """Return the query's first command, `fields ...`, without the names that the query itself gives."""
    command = query["Properties"]["QueryString"].partition("|")[0].removeprefix("fields")
    return re.sub(r" as \w+", "", command)
