"""What facts mean: each trouble has checks of its own, and its own severity."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.adapters.ledger_items import alert_key
from lambdas.alert.domain.models import MetricState, Record
from lambdas.alert.domain.notices import Message
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.alerts.listing import AlertLine
from sensorctl.aws.outputs import Queue
from sensorctl.devices.listing import DeviceStatus
from sensorctl.devices.registry import LastReading
from sensorctl.redrive.failed_messages import FailedMessage
from sensorctl.redrive.waiting import Waiting
from sensorctl.status.facts import Facts, FunctionMetrics, RingingAlarm, Unsent
from sensorctl.status.judge import Check, is_healthy, judge
from sensorctl.status.overdue import missed_breaches, unsent
from sensorctl.subscribers.subscriptions import Subscriber
from tests.unit.sensorctl.pipeline_kit import open_alert

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUIET = FunctionMetrics(errors=0, throttles=0, thresholds_invalid=False)


def device(name: str, *, ago: timedelta = MINUTE, silent: bool = False) -> DeviceStatus:
    return DeviceStatus(
        device_id=name, last_at=NOW - ago, uploaded_at=NOW - ago, silent_after=15 * MINUTE, silent=silent
    )


def subscriber(address: str, *, confirmed: bool = True) -> Subscriber:
    return Subscriber(address=address, confirmed=confirmed, arn="arn:x", filter=None, protected=False)


def failed(queue: Queue, *, ago: timedelta) -> Waiting:
    message = FailedMessage(queue=queue, about="incoming/a", error="AccessDenied: no", since=NOW - ago, payload={})
    return Waiting(queue=queue, count=3, seen=(message,))


HEALTHY = Facts(
    now=NOW,
    waiting=tuple(Waiting(queue=queue, count=0) for queue in ("ingest", "rule", "alert", "mail", "schedule")),
    subscribers=(subscriber("ops@x.org"),),
    devices=(device("boiler-7"), device("pump-3")),
    alerts=(),
    functions={"ingest": QUIET, "alert": QUIET},
    alarms=(),
)
EMBEDDED = replace(HEALTHY, functions=None, alarms=None)


def levels(facts: Facts) -> dict[str, str]:
    """Return the checks that are not well."""
    return {check.name: check.level for check in judge(facts) if check.level not in ("ok", "unknown")}


def check(facts: Facts, name: str) -> Check:
    (found,) = [check for check in judge(facts) if check.name == name]
    return found


TROUBLES: dict[str, tuple[Facts, dict[str, str]]] = {
    "ingest fails, by its metrics": (
        replace(HEALTHY, functions={"ingest": replace(QUIET, errors=4), "alert": QUIET}),
        {"ingest": "broken"},
    ),
    "ingest fails, by its queue": (
        replace(EMBEDDED, waiting=(failed("ingest", ago=MINUTE),)),
        {"ingest": "broken", "queue ingest": "attention"},
    ),
    "alert fails, by its metrics": (
        replace(HEALTHY, functions={"ingest": QUIET, "alert": replace(QUIET, errors=1)}),
        {"alert": "broken"},
    ),
    "alert fails, by the rule's queue": (
        replace(EMBEDDED, waiting=(failed("rule", ago=MINUTE),)),
        {"alert": "broken", "queue rule": "attention"},
    ),
    "alert fails, by breaches it has not taken": (
        replace(EMBEDDED, missed_breaches=("boiler-7 temperature",)),
        {"alert": "broken"},
    ),
    "alert fails, by e-mails that are not sent": (
        replace(EMBEDDED, unsent=Unsent(count=2, since=NOW - 6 * MINUTE)),
        {"alert": "broken"},
    ),
    "ingest is throttled": (
        replace(HEALTHY, functions={"ingest": replace(QUIET, throttles=9), "alert": QUIET}),
        {"ingest": "attention"},
    ),
    "a queue holds old failures": (
        replace(HEALTHY, waiting=(failed("ingest", ago=timedelta(days=2)),)),
        {"queue ingest": "attention"},
    ),
    "a queue is about to lose what it holds": (
        replace(HEALTHY, waiting=(failed("mail", ago=timedelta(days=8)),)),
        {"queue mail": "broken"},
    ),
    "nobody is subscribed": (replace(HEALTHY, subscribers=()), {"subscribers": "broken"}),
    "nobody has confirmed": (
        replace(HEALTHY, subscribers=(subscriber("ops@x.org", confirmed=False),)),
        {"subscribers": "broken"},
    ),
    "somebody has not confirmed": (
        replace(HEALTHY, subscribers=(subscriber("a@x.org"), subscriber("b@x.org", confirmed=False))),
        {"subscribers": "attention"},
    ),
    "nobody gets the alarms": (replace(HEALTHY, alarm_subscribers=()), {"alarm subscribers": "broken"}),
    "the thresholds are invalid": (
        replace(HEALTHY, thresholds_problem="clear is over warning"),
        {"thresholds": "broken"},
    ),
    "a function cannot use the thresholds": (
        replace(HEALTHY, functions={"ingest": QUIET, "alert": replace(QUIET, thresholds_invalid=True)}),
        {"thresholds": "attention"},
    ),
    "one device is silent": (
        replace(HEALTHY, devices=(device("boiler-7"), device("pump-3", ago=20 * MINUTE, silent=True))),
        {"devices": "attention"},
    ),
    "the whole fleet is silent": (
        replace(HEALTHY, devices=(device("boiler-7", ago=30 * MINUTE, silent=True),)),
        {"devices": "broken"},
    ),
    "a clock is wrong": (
        replace(HEALTHY, devices=(replace(device("boiler-7"), clock="clock 2 hours ahead"),)),
        {"clocks": "attention"},
    ),
    "nothing was ever stored": (replace(HEALTHY, devices=()), {"last reading": "attention"}),
    "an alarm rings": (
        replace(HEALTHY, alarms=(RingingAlarm(name="S-Errors", since=NOW - MINUTE, description="x. What to do: y"),)),
        {"alarm": "attention"},
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_is_reported_by_its_own_checks_and_no_others(trouble: str) -> None:
    facts, expected = TROUBLES[trouble]
    assert levels(facts) == expected
    assert not is_healthy(judge(facts))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_whatever_is_wrong_comes_with_what_to_do(trouble: str) -> None:
    facts, _ = TROUBLES[trouble]
    assert all(check.do for check in judge(facts) if check.level in ("attention", "broken"))


@pytest.mark.parametrize("facts", [HEALTHY, EMBEDDED])
def test_all_well_is_healthy_also_where_not_everything_is_known(facts: Facts) -> None:
    assert is_healthy(judge(facts))


def test_what_the_embedded_aws_does_not_know_is_reported_as_unknown() -> None:
    assert check(EMBEDDED, "alarms").level == "unknown"
    assert "not known here" in check(EMBEDDED, "ingest").says
    assert "not known here" in check(EMBEDDED, "thresholds").says


def test_open_alerts_are_reported_and_no_fault_of_the_pipeline() -> None:
    line = AlertLine(device_id="b", metric="t", state="open", severity="critical")
    facts = replace(HEALTHY, alerts=(line,))
    assert is_healthy(judge(facts))
    assert "1 open, the most severe critical" in check(facts, "alerts").says


def test_an_alarm_says_what_it_means_and_what_to_do() -> None:
    ringing = check(TROUBLES["an alarm rings"][0], "alarm")
    assert (ringing.says, ringing.do) == ("S-Errors has rung for 1 minute: x.", "y")


def test_a_device_that_was_taken_away_a_week_ago_needs_no_attention() -> None:
    facts = replace(HEALTHY, devices=(device("boiler-7"), device("old-1", ago=timedelta(days=8), silent=True)))
    assert is_healthy(judge(facts))
    assert "1 gone for over 7 days" in check(facts, "devices").says


def test_who_is_silent_is_not_guessed_without_valid_thresholds() -> None:
    facts = replace(HEALTHY, thresholds_problem="bad", devices=(replace(device("b"), silent=None, silent_after=None),))
    assert check(facts, "devices").level == "unknown"


def test_a_name_from_a_device_cannot_break_its_line() -> None:
    facts = replace(HEALTHY, devices=(device("a\nb"),))
    assert "\n" not in check(facts, "last reading").says


# What alert should have done.

THRESHOLDS = Thresholds.parse('{"version": 1, "metrics": {"temperature": {"warning": {"above": 70}}}}')
TAKEN = NOW - 10 * MINUTE
HOT = LastReading(stamped_at=TAKEN, uploaded_at=TAKEN, breaching=("temperature",))


def state(**more: Any) -> Record:
    return Record(key=alert_key("b-7", "temperature"), state=MetricState(device_id="b-7", metric="temperature", **more))


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([], ("b-7 temperature",)),
        ([open_alert("b-7", at=TAKEN - MINUTE)], ("b-7 temperature",)),
        ([open_alert("b-7", at=TAKEN)], ()),
        ([state(settled_through=TAKEN)], ()),
        ([state(settled_through=TAKEN - MINUTE)], ("b-7 temperature",)),
    ],
)
def test_a_breach_is_missed_while_no_alert_reaches_its_reading(records: list[Record], found: tuple[str, ...]) -> None:
    assert missed_breaches({"b-7": HOT, "b-8": None}, records, thresholds=THRESHOLDS, before=NOW) == found


def test_a_breach_on_its_way_is_not_missed_and_neither_is_one_without_a_rule() -> None:
    assert missed_breaches({"b-7": HOT}, [], thresholds=THRESHOLDS, before=TAKEN) == ()
    none = Thresholds.parse('{"version": 1, "metrics": {"humidity": {"warning": {"above": 70}}}}')
    assert missed_breaches({"b-7": HOT}, [], thresholds=none, before=NOW) == ()


def test_only_emails_that_have_waited_too_long_are_unsent() -> None:
    def message(status: Any, minutes: int) -> Message:
        return Message(message_id=f"{status}{minutes}", kind="opened", status=status, created_at=NOW - minutes * MINUTE)

    outbox = (message("SENT", 60), message("LEASED", 6), message("PENDING", 9), message("PENDING", 1))
    record = replace(state(), outbox=outbox)
    assert unsent([record], now=NOW, allowed=5 * MINUTE) == Unsent(count=2, since=NOW - 9 * MINUTE)
