"""A rule, breaches of it, and what is known after them: what the tests of single steps share."""

from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.alert.domain.lifecycle import (
    on_breach,
)
from lambdas.alert.domain.models import Alert, Decision, MetricState
from lambdas.alert.domain.notices import AlertFacts
from lambdas.shared.events import ThresholdBreached
from lambdas.shared.thresholds.rules import Bounds, Rule
from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON, breach

STATE = MetricState(device_id="boiler-7", metric="temperature")
TICK = timedelta(microseconds=1)
RULE = Rule(
    unit="Cel",
    warning=Bounds(above=70, below=5),
    critical=Bounds(above=85, below=0),
    clear=Bounds(above=10, below=65),
    remind_every=2 * HOUR,
    source="metrics.temperature",
)
SLOW = replace(RULE, hold=5 * MINUTE)


def past(value: float, *, at: datetime = NOON, first: datetime | None = None) -> ThresholdBreached:
    """A breach of RULE, as ingest reports it."""
    crossed = RULE.crossing(value)
    assert crossed is not None
    event = breach(value, at=at, first=first, severity=crossed.severity)
    return replace(event, bound=crossed.bound, limit=crossed.limit, uploaded_at=timestamp(at))


def after(*values: float, rule: Rule | None = RULE, state: MetricState = STATE) -> MetricState:
    """What is known after breaches of these values, the first at noon and each a minute after the one before."""
    for minute, value in enumerate(values):
        at = NOON + minute * MINUTE
        state = on_breach(state, past(value, at=at), rule=rule, now=at).state
    return state


def alert_of(state: MetricState) -> Alert:
    assert state.alert is not None
    return state.alert


def facts_in(decision: Decision[MetricState]) -> AlertFacts:
    (notice,) = decision.notices
    assert notice.alert is not None
    return notice.alert
