"""A device, a bus that delivers late, twice and in any order, a sweep, and people: what holds after every step.

The device's clock may be right, behind or up to a day ahead, and somebody else may upload readings in its name. People
acknowledge alerts, for a while or for good, close them, by clocks of their own, and mute them. The machine below knows
nothing of how the lifecycle works: it keeps what was delivered since the last all-clear and recomputes from that, in
one go, what the alert must be. A second life of the metric is fed the same, and muted at any time.

LONG=1, which `make prove` sets, takes at least 20,000 steps.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lambdas.alert.domain import by_hand
from lambdas.alert.domain.lifecycle import STALE_AFTER, on_breach, on_tick
from lambdas.alert.domain.models import Decision, MetricState
from lambdas.alert.domain.notices import Acknowledgement, Observation
from lambdas.shared.events import ObjectRef, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Bounds, Rule
from lambdas.shared.times import timestamp
from tests.properties.metric_model import START, Model, Table, counted, sides
from tests.properties.muted_life import MutedLife, without_mails

CLEAR, BETWEEN, WARNING, CRITICAL, COLD, FROZEN = 50, 67, 75, 95, 8, -6
STEPS: Counter[str] = Counter()
LONG = "LONG" in os.environ
ASKED = 20_000 if LONG else 1_000
INSTANT = timedelta(microseconds=1)


class Lifecycle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.state = MetricState(device_id="boiler-7", metric="temperature")
        self.readings: dict[datetime, list[int]] = {}  # by the time that counts
        self.breaches = 0
        self.names: set[str] = set()
        self.in_flight: list[ThresholdBreached] = []
        self.delivered_ever: list[ThresholdBreached] = []

    @initialize(
        hold=st.sampled_from([0, 0, 60, 300]),
        clear_for=st.sampled_from([0, 0, 20, 600]),
        escalate_after=st.sampled_from([None, None, 300, 7_200]),
    )
    def choose_rule(self, hold: int, clear_for: int, escalate_after: int | None) -> None:
        self.rule = Rule(
            warning=Bounds(above=70, below=10),
            critical=Bounds(above=85, below=0),
            clear=Bounds(below=65, above=12),
            hold=timedelta(seconds=hold),
            clear_for=timedelta(seconds=clear_for),
            escalate_after=timedelta(seconds=escalate_after) if escalate_after is not None else None,
            remind_every=timedelta(hours=1),
            source="metrics.temperature",
        )
        self.model = Model(rule=self.rule)
        self.muted = MutedLife(self.state, rule=self.rule, steps=STEPS)

    # What can happen.

    @rule(seconds=st.sampled_from([1, 20, 60, 200, 400, 700, 4_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(muted=st.booleans())
    def a_mute_begins_or_ends(self, muted: bool) -> None:
        self.muted.is_muted = muted

    @rule(
        values=st.lists(
            st.sampled_from([CLEAR, BETWEEN, WARNING, WARNING + 5, CRITICAL, COLD, FROZEN]), min_size=1, max_size=3
        ),
        ago=st.sampled_from([0, 0, 0, 10, 300]),
        apart=st.sampled_from([5, 5, 0]),
        ahead=st.sampled_from([0, 0, 0, 0, 30, 290, 57_600, 86_400]),
    )
    def somebody_uploads(self, values: list[int], ago: int, apart: int, ahead: int) -> None:
        """Readings taken just now or a while ago, 5 s apart or at one instant, their clock right or ahead.

        It may be the device's own upload or a forged one; nothing in it shows which. Its breach follows.
        """
        start = self.now - timedelta(seconds=ago)
        taken = [(start + timedelta(seconds=apart * number), value) for number, value in enumerate(values, 1)]
        uploaded = self.now = max(self.now, taken[-1][0])
        stamped = [(when + timedelta(seconds=ahead), value) for when, value in taken]
        for when, value in stamped:
            self.readings.setdefault(min(when, uploaded), []).append(value)
        breaching = [(when, value) for when, value in stamped if self.rule.crossing(value) is not None]
        if breaching:
            # As ingest orders them: critical over warning, then how far past the limit.
            crossed = [(crossing, value) for _, value in breaching if (crossing := self.rule.crossing(value))]
            crossing, worst = max(
                crossed, key=lambda seen: (seen[0].severity == "critical", abs(seen[1] - seen[0].limit))
            )
            self.breaches += 1
            self.in_flight.append(
                ThresholdBreached(
                    breach_id=f"{self.breaches:032}",
                    device_id="boiler-7",
                    metric="temperature",
                    unit="Cel",
                    severity=crossing.severity,
                    bound=crossing.bound,
                    limit=crossing.limit,
                    value=worst,
                    count=len(breaching),
                    first_at=timestamp(breaching[0][0]),
                    last_at=timestamp(breaching[-1][0]),
                    object=ObjectRef(bucket="b", key=str(self.breaches), version_id="1"),
                    trace_id=None,
                    uploaded_at=timestamp(uploaded),
                )
            )

    @precondition(lambda self: self.in_flight)
    @rule(which=st.integers(min_value=0), again=st.booleans())
    def the_bus_delivers_a_breach(self, which: int, again: bool) -> None:
        """Any of them, in any order; `again`: it stays, and will come once more."""
        place = which % len(self.in_flight)
        breach = self.in_flight[place] if again else self.in_flight.pop(place)
        before = self.state
        decision = on_breach(before, breach, rule=self.rule, now=self.now)
        self.take(decision)
        self.muted.breach(breach, now=self.now)
        stale = self.now - counted(breach) > STALE_AFTER
        late = before.settled_through is not None and counted(breach) < before.settled_through
        if stale or late:
            assert self.state.alert == before.alert
            assert not decision.notices
            assert (self.state == before) is (not stale or self.state.recorded == before.recorded)
        else:
            assert self.state.alert is not None
            if not self.model.delivered:
                assert self.state.alert.alert_id not in self.names, "two alerts under one name"
                self.names.add(self.state.alert.alert_id)
            self.model.delivered.append(breach)
            assert self.state.alert.last_at >= counted(breach)
        self.delivered_ever.append(breach)

    @precondition(lambda self: self.delivered_ever)
    @rule(which=st.integers(min_value=0))
    def the_bus_delivers_an_old_one_again(self, which: int) -> None:
        breach = self.delivered_ever[which % len(self.delivered_ever)]
        decision = on_breach(self.state, breach, rule=self.rule, now=self.now)
        assert not decision.notices
        assert decision.state.alert == self.state.alert
        assert decision.state.settled_through == self.state.settled_through
        self.state = decision.state
        self.muted.breach(breach, now=self.now)

    @rule(
        values=st.lists(st.sampled_from([BETWEEN, WARNING, CRITICAL, FROZEN]), min_size=2, max_size=4),
        pause=st.sampled_from([20, 700, 4_000]),
    )
    def all_goes_well(self, values: list[int], pause: int) -> None:
        """Readings of which each is uploaded, delivered and swept in time, so that alerts also get worse and better."""
        for value in values:
            self.now += timedelta(seconds=pause)
            known = self.breaches
            self.somebody_uploads([value], ago=0, apart=0, ahead=0)
            if self.breaches > known:
                self.the_bus_delivers_a_breach(len(self.in_flight) - 1, again=False)
            self.a_sweep(0, missed=0)

    @rule(which=st.integers(0, 2), missed=st.sampled_from([0, 0, 0, 1, 3]))
    def a_sweep(self, which: int, missed: int) -> None:
        """`which` of several readings at one instant; an eventually consistent read has `missed` the newest."""
        seen = sorted(self.readings)[: len(self.readings) - missed]
        values = self.readings[seen[-1]] if seen else []
        self.sweep(Observation(at=seen[-1], value=values[which % len(values)]) if seen else None)

    @precondition(lambda self: self.state.alert is not None)
    @rule()
    def the_device_recovers(self) -> None:
        """An open alert always ends once readings are past clear, for as long as its rule asks."""
        for pause in (timedelta(seconds=5), self.rule.clear_for):
            self.now += pause
            self.readings[self.now] = [CLEAR]
            self.sweep(Observation(at=self.now, value=CLEAR))
        looks = len(self.readings)
        while self.state.alert is not None and looks:
            looks -= 1
            self.sweep(Observation(at=self.now, value=CLEAR))
        assert self.state.alert is None

    @precondition(lambda self: self.state.alert is not None)
    @rule(lasts=st.sampled_from([None, 600, 600, 7_200]), behind=st.sampled_from([0, 0, 300]))
    def somebody_acknowledges_it(self, lasts: int | None, behind: int) -> None:
        alert = self.state.alert
        assert alert is not None
        at = self.now - timedelta(seconds=behind)
        until = at + timedelta(seconds=lasts) if lasts is not None else None
        given = Acknowledgement(by="alice", at=at, until=until)
        for name in ("another", alert.alert_id):
            before, decision = self.state, by_hand.acknowledge(self.state, given, alert_id=name)
            self.take(decision)
            self.muted.acknowledge(given, alert_id=name)
            assert not decision.notices
            if name == "another" or alert.phase == "pending":
                assert decision.state == before
        if alert.phase == "open":
            expected = replace(alert, acknowledged=given, unattended_at=None)
            assert self.state.alert == expected
            self.model.acknowledged, self.model.unattended = given, False

    @precondition(lambda self: self.state.alert is not None)
    @rule(ahead=st.sampled_from([-7_200, 0, 7_200]))
    def somebody_closes_it(self, ahead: int) -> None:
        """By a clock of theirs: what they could not know of opens a new alert."""
        alert = self.state.alert
        assert alert is not None
        theirs = self.now + timedelta(seconds=ahead)
        closed = by_hand.close(self.state, alert_id=alert.alert_id, by="alice", why="tired", now=theirs)
        self.take(closed)
        self.muted.close(alert_id=alert.alert_id, now=theirs, mailed_at=self.now)
        assert [notice.kind for notice in closed.notices] == ["resolved"] * (alert.phase == "open")
        assert self.state.settled_through == alert.last_at + INSTANT
        self.model.forget()
        again = by_hand.close(self.state, alert_id=alert.alert_id, by="alice", why="tired", now=self.now)
        assert again.state == self.state

    @rule(ahead=st.sampled_from([1, 290, 57_600, 86_400]))
    def somebody_forges_an_all_clear(self, ahead: int) -> None:
        """Whatever its stamp says, it hides nothing that is taken from now on: the next critical reading is mailed."""
        forged = Observation(at=self.now, value=CLEAR, stamped_at=self.now + timedelta(seconds=ahead))
        self.readings.setdefault(self.now, []).append(CLEAR)
        self.sweep(forged)
        self.now += timedelta(seconds=1)
        self.in_flight.clear()
        was_critical = self.state.alert is not None and self.state.alert.severity == "critical"
        self.somebody_uploads([CRITICAL], ago=0, apart=0, ahead=0)
        before = self.model.last_mail_at, self.model.mailed_sides.copy()
        self.the_bus_delivers_a_breach(0, again=False)
        assert self.state.alert is not None
        if self.state.alert.phase == "open" and not was_critical:
            assert (self.model.last_mail_at, self.model.mailed_sides) != before, "a critical reading was not mailed"

    # What must hold.

    def sweep(self, latest: Observation | None) -> None:
        before = self.state.alert
        seen = [
            Observation(at=at, value=value, stamped_at=at)
            for at, values in sorted(self.readings.items())
            for value in values
            if latest is not None and at <= latest.at
        ]
        table = Table(self.model.row, self.rule.is_clear, seen, latest)
        look = table.look(self.state, rule=self.rule, now=self.now)
        decision = on_tick(
            self.state,
            latest=latest,
            first_clear=look.first_clear,
            clear_look=look.clear_look,
            rule=self.rule,
            now=self.now,
        )
        self.take(decision)
        self.muted.sweep(replace(table, row=[]), now=self.now)
        if before is None:
            assert decision.state == self.state
            assert not decision.notices
            return
        self.model.tick(before, self.state, table, mailed=decision.outcome, now=self.now)

    def take(self, decision: Decision[MetricState]) -> None:
        """Keep the state, and compare every visible change with the e-mails."""
        STEPS["taken"] += 1
        before, after = self.state, decision.state
        assert len(decision.notices) <= 1
        was_open = before.alert is not None and before.alert.phase == "open"
        is_open = after.alert is not None and after.alert.phase == "open"
        changed = (was_open, was_open and before.alert and before.alert.severity) != (
            is_open,
            is_open and after.alert and after.alert.severity,
        )
        if before.settled_through is not None:
            assert after.settled_through is not None
            assert after.settled_through >= before.settled_through
        kinds = [notice.kind for notice in decision.notices]
        assert changed == (kinds not in ([], ["reminder"], ["crossed"], ["unattended"]))
        if before.alert is not None and after.alert is not None and before.alert.last_at != after.alert.last_at:
            self.model.row.clear()
        self.state = after
        if kinds == ["opened"]:
            assert after.alert is not None
            facts = decision.notices[0].alert
            assert facts is not None
            assert facts.until - after.alert.since >= self.rule.hold
        if kinds:
            STEPS[kinds[0]] += 1
            self.model.mail(decision, now=self.now)

    @invariant()
    def a_mute_changes_the_mails_alone(self) -> None:
        assert without_mails(self.muted.state) == without_mails(self.state)

    @invariant()
    def the_mails_say_what_is(self) -> None:
        alert = self.state.alert
        assert self.model.mailed_open == (alert is not None and alert.phase == "open")
        if alert is not None and alert.phase == "open":
            assert self.model.mailed_severity == alert.severity
            assert {(bound, level) for bound, level in sides(alert).items() if level} <= self.model.mailed_sides

    @invariant()
    def nothing_reaches_beyond_its_upload(self) -> None:
        """Whatever the stamps say, nothing that is kept lies in the future."""
        alert = self.state.alert
        kept = [
            self.state.settled_through,
            *([alert.last_at, alert.critical_at, alert.lowered_through] if alert else []),
        ]
        # What was closed by hand is settled an instant behind its last breach.
        assert all(when <= self.now + INSTANT for when in kept if when is not None)

    @invariant()
    def the_alert_is_what_its_breaches_make_of_it(self) -> None:
        self.model.compare(self.state)


def test_every_step_of_any_life_keeps_the_rules() -> None:
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=ASKED // 40,
            stateful_step_count=100,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert STEPS["taken"] >= ASKED
    if LONG:
        assert min(STEPS.values()) >= 30, STEPS
