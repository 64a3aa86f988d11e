"""A device, a bus that delivers late, twice and in any order, and a sweep: what holds after every step.

The device's clock may be right, behind or up to a day ahead, and somebody else may upload readings in its name. The
machine below knows nothing of how the lifecycle works: it keeps what was delivered since the last all-clear and
recomputes from that, in one go, what the alert must be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

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

from lambdas.alert.lifecycle import CALM_AFTER, STALE_AFTER, on_breach, on_tick
from lambdas.alert.records import Alert, Decision, MetricState, Observation
from lambdas.shared.contracts import ObjectRef, ThresholdBreached
from lambdas.shared.thresholds import Bounds, Rule
from lambdas.shared.times import timestamp

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLEAR, BETWEEN, WARNING, CRITICAL, COLD, FROZEN = 50, 67, 75, 95, 8, -6
SEVERITIES = [None, "warning", "critical"]
STEPS = {"taken": 0}


@dataclass
class Model:
    """What the outside knows: the events of the running alert, and what the e-mails have said."""

    delivered: list[ThresholdBreached] = field(default_factory=list)
    told_open: bool = False
    told_severity: str | None = None
    told_of_sides: set[tuple[str, str]] = field(default_factory=set)
    last_mail_at: datetime = START
    lowered_at: datetime | None = None


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
        self.model = Model()

    @initialize(hold=st.sampled_from([0, 0, 60, 300]))
    def choose_rule(self, hold: int) -> None:
        self.rule = Rule(
            warning=Bounds(above=70, below=10),
            critical=Bounds(above=85, below=0),
            clear=Bounds(below=65, above=12),
            hold=timedelta(seconds=hold),
            remind_every=timedelta(hours=1),
            source="metrics.temperature",
        )

    # What can happen.

    @rule(seconds=st.sampled_from([1, 20, 60, 200, 400, 700, 4_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

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

        Whose upload it is cannot be seen: the device's own, or one that somebody forged. Its breach follows.
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
            crossing, worst = max(crossed, key=lambda one: (one[0].severity == "critical", abs(one[1] - one[0].limit)))
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
    def the_bus_delivers_one(self, which: int, again: bool) -> None:
        """Any of them, in any order; `again`: it stays, and will come once more."""
        place = which % len(self.in_flight)
        breach = self.in_flight[place] if again else self.in_flight.pop(place)
        before = self.state
        decision = on_breach(before, breach, rule=self.rule, now=self.now)
        self.take(decision)
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

    @rule(which=st.integers(0, 2), missed=st.sampled_from([0, 0, 0, 1, 3]))
    def a_tick(self, which: int, missed: int) -> None:
        """`which` of several readings at one instant; an eventually consistent read has `missed` the newest."""
        seen = sorted(self.readings)[: len(self.readings) - missed]
        values = self.readings[seen[-1]] if seen else []
        self.tick(Observation(at=seen[-1], value=values[which % len(values)]) if seen else None)

    @precondition(lambda self: self.state.alert is not None)
    @rule()
    def the_device_recovers(self) -> None:
        """An open alert always ends once readings are past clear."""
        self.now += timedelta(seconds=5)
        self.readings[self.now] = [CLEAR]
        self.tick(Observation(at=self.now, value=CLEAR))
        assert self.state.alert is None

    @rule(ahead=st.sampled_from([1, 290, 57_600, 86_400]))
    def somebody_forges_an_all_clear(self, ahead: int) -> None:
        """Whatever its stamp says, it hides nothing that is taken from now on: the next critical reading is mailed."""
        forged = Observation(at=self.now, value=CLEAR, stamped_at=self.now + timedelta(seconds=ahead))
        self.readings.setdefault(self.now, []).append(CLEAR)
        self.tick(forged)
        self.now += timedelta(seconds=1)
        self.in_flight.clear()
        was_critical = self.state.alert is not None and self.state.alert.severity == "critical"
        self.somebody_uploads([CRITICAL], ago=0, apart=0, ahead=0)
        before = self.model.last_mail_at, self.model.told_of_sides.copy()
        self.the_bus_delivers_one(0, again=False)
        assert self.state.alert is not None
        if self.state.alert.phase == "open" and not was_critical:
            assert (self.model.last_mail_at, self.model.told_of_sides) != before, "a critical reading was not mailed"

    # What must hold.

    def tick(self, latest: Observation | None) -> None:
        before = self.state.alert
        decision = on_tick(self.state, latest=latest, rule=self.rule, now=self.now)
        self.take(decision)
        after = self.state.alert
        if before is None:
            assert decision.state == self.state
            assert not decision.notices
            return
        fresh = latest if latest is not None and latest.at > before.last_at else None
        if after is None:
            newest_at = fresh.at if fresh is not None else before.last_at
            over = fresh is not None and (12 < fresh.value < 65 if before.phase == "open" else 10 <= fresh.value <= 70)
            forgotten = before.phase == "pending" and self.now - newest_at > STALE_AFTER
            assert over or forgotten
            assert self.state.settled_through == (newest_at if over else newest_at + timedelta(microseconds=1))
            self.model.delivered.clear()
            self.model.told_of_sides.clear()
            self.model.lowered_at = None
        elif after.lowered_through != before.lowered_through:
            self.model.lowered_at = after.lowered_through
            self.model.told_of_sides = {(bound, "warning") for bound, _ in self.model.told_of_sides}
            assert before.severity == "critical"
            assert before.critical_at is not None
            assert after.lowered_through is not None
            assert after.lowered_through - before.critical_at >= CALM_AFTER
            assert fresh is None or 0 <= fresh.value <= 85
        else:
            self.nothing_else_was_due(before, fresh)

    def nothing_else_was_due(self, before: Alert, fresh: Observation | None) -> None:
        newest_at = fresh.at if fresh is not None else before.last_at
        if before.phase == "pending":
            assert fresh is None or not 10 <= fresh.value <= 70
            assert self.now - newest_at <= STALE_AFTER
        else:
            assert fresh is None or not 12 < fresh.value < 65
            calm = before.critical_at is not None and newest_at - before.critical_at >= CALM_AFTER
            assert not calm or (fresh is not None and not 0 <= fresh.value <= 85)
            assert self.now - self.model.last_mail_at < self.rule.remind_every

    def take(self, decision: Decision[MetricState]) -> None:
        """Keep the state, and hold every visible change against what the e-mails have said."""
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
        assert changed == (kinds not in ([], ["reminder"], ["crossed"]))
        self.state = after
        if kinds and kinds[0] in {"opened", "escalated", "crossed"}:
            self.hear_of_sides(decision, opened=kinds == ["opened"])
        if kinds == ["opened"]:
            assert after.alert is not None
            told = decision.notices[0].alert
            assert told is not None
            assert told.until - after.alert.since >= self.rule.hold
        if kinds:
            self.hear(kinds[0], severity=after.alert.severity if after.alert is not None else None)

    def hear_of_sides(self, decision: Decision[MetricState], *, opened: bool) -> None:
        """Every rise of either side is named in an e-mail, and none of them twice."""
        facts = decision.notices[0].alert
        assert decision.state.alert is not None
        assert facts is not None
        named = {(facts.breach.bound, level) for level in [sides(decision.state.alert)[facts.breach.bound]] if level}
        if facts.opposite is not None and opened:
            named.add(("below" if facts.breach.bound == "above" else "above", facts.opposite))
        assert not named <= self.model.told_of_sides, "an e-mail that says nothing new"
        self.model.told_of_sides |= named

    def hear(self, kind: str, *, severity: str | None) -> None:
        model = self.model
        if kind == "opened":
            assert not model.told_open, "two opens without a close between"
        else:
            assert model.told_open
        if kind == "escalated":
            assert (model.told_severity, severity) == ("warning", "critical")
        if kind == "deescalated":
            assert (model.told_severity, severity) == ("critical", "warning")
        if kind == "reminder":
            assert self.now - model.last_mail_at >= self.rule.remind_every
        model.told_open = kind != "resolved"
        model.told_severity = severity
        model.last_mail_at = self.now

    @invariant()
    def people_know_what_is(self) -> None:
        alert = self.state.alert
        assert self.model.told_open == (alert is not None and alert.phase == "open")
        if alert is not None and alert.phase == "open":
            assert self.model.told_severity == alert.severity
            assert {(bound, level) for bound, level in sides(alert).items() if level} <= self.model.told_of_sides

    @invariant()
    def nothing_reaches_beyond_its_upload(self) -> None:
        """Whatever the stamps say, nothing that is kept lies in the future."""
        alert = self.state.alert
        kept = [
            self.state.settled_through,
            *([alert.last_at, alert.critical_at, alert.lowered_through] if alert else []),
        ]
        assert all(when <= self.now for when in kept if when is not None)

    @invariant()
    def the_alert_is_what_its_breaches_make_of_it(self) -> None:
        alert, delivered = self.state.alert, self.model.delivered
        assert (alert is None) == (not delivered)
        if alert is None:
            return
        settled = self.state.settled_through
        firsts = [min(at(breach.first_at), at(breach.uploaded_at or "")) for breach in delivered]
        assert alert.since == min(max(first, settled) if settled is not None else first for first in firsts)
        assert alert.last_at == max(map(counted, delivered))
        distance = max((breach.severity == "critical", abs(breach.value - breach.limit)) for breach in delivered)
        assert (alert.worst.severity == "critical", abs(alert.worst.value - alert.worst.limit)) == distance
        lowered = self.model.lowered_at
        critical = [
            counted(breach)
            for breach in delivered
            if breach.severity == "critical" and (lowered is None or counted(breach) > lowered)
        ]
        for side, level in sides(alert).items():
            levels = [
                "critical"
                if breach.severity == "critical" and (lowered is None or counted(breach) > lowered)
                else "warning"
                for breach in delivered
                if breach.bound == side
            ]
            assert level == max(levels, key=SEVERITIES.index, default=None)
        assert alert.severity == ("critical" if critical else "warning")
        assert alert.critical_at == max(critical, default=None)
        if alert.last_at - alert.since >= self.rule.hold:
            assert alert.phase == "open"
        remind_at = alert.remind_at
        assert (remind_at is None) == (alert.phase == "pending")
        assert remind_at is None or remind_at == self.model.last_mail_at + self.rule.remind_every


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def counted(breach: ThresholdBreached) -> datetime:
    """When its last reading was taken, or uploaded if that was earlier."""
    assert breach.uploaded_at is not None
    return min(at(breach.last_at), at(breach.uploaded_at))


def sides(alert: Alert) -> dict[str, str | None]:
    """How severely each side of the range was crossed."""
    return {"above": alert.above, "below": alert.below}


def test_every_step_of_any_life_keeps_the_rules() -> None:
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=450, stateful_step_count=100, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert STEPS["taken"] >= 10_000
