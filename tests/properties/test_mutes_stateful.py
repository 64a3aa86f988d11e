"""Two lives of one metric, fed the same: one never muted, one muted at any time. Only their e-mails differ.

The machine keeps what people know, by the e-mails of the second life alone: none is sent under a mute, none says what
they know already, and once a sweep has looked after a mute they know what is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from lambdas.alert.domain import withheld
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import RANK, Alert, Decision, MetricState
from lambdas.alert.domain.notices import Notice, Observation
from lambdas.shared.events import ObjectRef, Severity, ThresholdBreached
from lambdas.shared.thresholds.rules import Bounds, Rule
from lambdas.shared.times import timestamp

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VALUES = [50, 67, 75, 80, 95, 8, -6]
STEPS = {"taken": 0, "withheld": 0, "caught up": 0, "ends that waited": 0}

Side = tuple[Severity | None, Severity | None]


class Muted(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.muted = False
        self.free = self.state = MetricState(device_id="boiler-7", metric="temperature")
        self.breaches: list[ThresholdBreached] = []
        self.latest: Observation | None = None
        self.waiting: list[Notice] = []
        # What people were mailed of the alert that they think is open: its id, severity and sides.
        self.known: tuple[str, Severity, Side] | None = None
        self.mailed_at = START

    @initialize(hold=st.sampled_from([0, 0, 120]))
    def choose_rule(self, hold: int) -> None:
        self.rule = Rule(
            warning=Bounds(above=70, below=10),
            critical=Bounds(above=85, below=0),
            clear=Bounds(below=65, above=12),
            hold=timedelta(seconds=hold),
            remind_every=timedelta(hours=1),
            source="metrics.temperature",
        )

    @rule(seconds=st.sampled_from([20, 60, 200, 700, 4_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(muted=st.booleans())
    def a_mute_begins_or_ends(self, muted: bool) -> None:
        self.muted = muted

    @rule(value=st.sampled_from(VALUES), again=st.booleans())
    def the_device_uploads(self, value: int, again: bool) -> None:
        """A reading, and its breach at once; `again`: the breach comes twice."""
        self.now += timedelta(seconds=5)
        self.latest = Observation(at=self.now, value=value)
        crossing = self.rule.crossing(value)
        if crossing is not None:
            self.breaches.append(
                ThresholdBreached(
                    breach_id=f"{len(self.breaches):032}",
                    device_id="boiler-7",
                    metric="temperature",
                    unit="Cel",
                    severity=crossing.severity,
                    bound=crossing.bound,
                    limit=crossing.limit,
                    value=value,
                    count=1,
                    first_at=timestamp(self.now),
                    last_at=timestamp(self.now),
                    object=ObjectRef(bucket="b", key="incoming/k", version_id="1"),
                    trace_id=None,
                    uploaded_at=timestamp(self.now),
                )
            )
            for _ in range(1 + again):
                self.deliver(self.breaches[-1])

    @precondition(lambda self: self.breaches)
    @rule(back=st.integers(0, 5))
    def the_bus_delivers_an_old_breach_again(self, back: int) -> None:
        before = self.state
        self.deliver(self.breaches[-1 - back % len(self.breaches)])
        assert replace(self.state, recorded=None) == replace(before, recorded=None), "a duplicate changes nothing"

    @rule()
    def a_sweep(self) -> None:
        free = on_tick(self.free, latest=self.latest, first_clear=self.latest, rule=self.rule, now=self.now)
        self.free = free.state
        self.take(
            on_tick(
                self.state,
                latest=self.latest,
                first_clear=self.latest,
                rule=self.rule,
                now=self.now,
                muted=self.muted,
            )
        )
        if not self.muted:
            self.people_know_what_is()

    def deliver(self, breach: ThresholdBreached) -> None:
        self.free = on_breach(self.free, breach, rule=self.rule, now=self.now).state
        self.take(on_breach(self.state, breach, rule=self.rule, now=self.now, muted=self.muted))

    def take(self, decision: Decision[MetricState]) -> None:
        """As the delivery does."""
        STEPS["taken"] += 1
        before = self.state
        if self.muted:
            STEPS["withheld"] += bool(decision.notices)
            decision = withheld.muted(before, decision, now=self.now)
            assert decision.notices == (), "an e-mail under a mute"
            self.waiting += decision.withheld
        else:
            decision = withheld.announced(before, decision)
            STEPS["ends that waited"] += len(self.waiting)
            STEPS["caught up"] += before.alert is not None and before.alert.known is not None and bool(decision.notices)
            for notice in (*self.waiting, *decision.notices):
                self.mail(notice, decision.state.alert)
            self.waiting.clear()
        self.state = decision.state
        assert plain(self.state) == plain(self.free), "a mute changes what goes on"

    def mail(self, notice: Notice, alert: Alert | None) -> None:
        known = self.known
        if notice.kind == "resolved":
            assert known is not None, "the end of what nobody heard of"
            assert known[0] == notice.alert_id
            self.known = None
            return
        assert alert is not None
        assert alert.alert_id == notice.alert_id
        now = (alert.alert_id, alert.severity, (alert.above, alert.below))
        if notice.kind == "opened":
            assert known is None, "two beginnings"
        else:
            assert known is not None, f"{notice.kind} of what nobody heard of"
            rises = any(RANK[side] > RANK[was] for side, was in zip(now[2], known[2], strict=True))
            says_more = {
                "escalated": RANK[now[1]] > RANK[known[1]],
                "crossed": rises,
                "deescalated": RANK[now[1]] < RANK[known[1]],
                "reminder": rises or self.now - self.mailed_at >= self.rule.remind_every,
            }
            assert says_more[notice.kind], f"{notice.kind} says nothing new"
        self.known, self.mailed_at = now, self.now

    def people_know_what_is(self) -> None:
        alert = self.state.alert
        if alert is None or alert.phase == "pending":
            assert self.known is None, "they wait for an end that was"
            return
        assert self.known is not None, "an open alert that nobody was mailed"
        assert self.known[:2] == (alert.alert_id, alert.severity)
        for side, known in zip((alert.above, alert.below), self.known[2], strict=True):
            assert RANK[side] <= RANK[known]


def plain(state: MetricState) -> MetricState:
    """What goes on, without what is about e-mails."""
    return replace(
        state,
        alert=replace(state.alert, known=None, remind_at=None, mailed_at=None) if state.alert is not None else None,
    )


def test_a_mute_changes_the_e_mails_alone_and_leaves_nobody_in_the_dark() -> None:
    run_state_machine_as_test(
        Muted,
        settings=settings(
            max_examples=550, stateful_step_count=100, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert STEPS["taken"] >= 20_000
    assert min(STEPS.values()) >= 30, STEPS
