"""A device, a bus that delivers late, twice and in any order, a sweep, and people: what holds after every step.

The device's clock may be right, behind or up to a day ahead, and somebody else may upload readings in its name. People
acknowledge alerts, for a while or for good, and close them, by clocks of their own. The machine below knows nothing of
how the lifecycle works: it keeps what was delivered since the last all-clear and recomputes from that, in one go, what
the alert must be.

A run takes at least 10,000 steps; LIFECYCLE_STEPS=100000 asks for more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

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

from lambdas.alert.adapters.metric_look import MetricLook, MetricLooks
from lambdas.alert.adapters.reading_query import Found
from lambdas.alert.domain import by_hand
from lambdas.alert.domain.lifecycle import CALM_AFTER, STALE_AFTER, on_breach, on_tick
from lambdas.alert.domain.models import Alert, Decision, MetricState
from lambdas.alert.domain.notices import Acknowledgement, Observation
from lambdas.shared.events import ObjectRef, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Bounds, Rule
from lambdas.shared.times import timestamp

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLEAR, BETWEEN, WARNING, CRITICAL, COLD, FROZEN = 50, 67, 75, 95, 8, -6
SEVERITIES = [None, "warning", "critical"]
STEPS = {"taken": 0}
ASKED = int(os.environ.get("LIFECYCLE_STEPS", "10000"))
INSTANT = timedelta(microseconds=1)
# Readings that one look takes: fewer than the rows are long.
LOOK = 3


@dataclass
class Model:
    """What an observer knows: the events of the running alert, and the e-mails."""

    delivered: list[ThresholdBreached] = field(default_factory=list)
    mailed_open: bool = False
    mailed_severity: str | None = None
    mailed_sides: set[tuple[str, str]] = field(default_factory=set)
    last_mail_at: datetime = START
    lowered_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    opened_at: datetime = START
    unattended: bool = False
    # What was looked at for a delayed all-clear since the last breach: clear or not, in the order of time.
    row: list[tuple[datetime, bool]] = field(default_factory=list)

    def is_acknowledged(self, now: datetime) -> bool:
        given = self.acknowledged
        return given is not None and (given.until is None or now < given.until)

    def unattended_since(self) -> datetime:
        lapsed = self.acknowledged.until if self.acknowledged is not None else None
        return max(self.opened_at, lapsed) if lapsed is not None else self.opened_at

    def clear_since(self) -> datetime | None:
        """The first reading of those at the end that were all clear; at one instant, one that is not counts."""
        broken = max((at for at, is_clear in self.row if not is_clear), default=None)
        return min((at for at, is_clear in self.row if is_clear and (broken is None or at > broken)), default=None)


@dataclass
class Table:
    """The readings table, as far as looks read it: `seen` are those of the machine that this sweep can see."""

    model: Model
    is_clear: Callable[[float], bool]
    seen: list[Observation]
    latest: Observation | None
    whole: bool | None = None

    def newest(self, *_: Any, after: datetime, **__: Any) -> Found:
        return Found(observation=self.latest if self.latest is not None and self.latest.at > after else None)

    def first_clear(self, *_: Any, **__: Any) -> None:
        return None

    def behind(self, *_: Any, after: datetime, stamped_after: datetime, **__: Any) -> tuple[list[Observation], Any]:
        left = [seen for seen in self.seen if seen.at > max(after, stamped_after)]
        ends = [place for place in range(LOOK, len(left)) if left[place].at > left[place - 1].at]
        page = left[: ends[0]] if ends else left
        self.model.row += [(seen.at, self.is_clear(seen.value)) for seen in page]
        self.whole = not ends
        return page, None if self.whole else f"{timestamp(page[-1].at)}#hash"


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
        closed = by_hand.close(
            self.state, alert_id=alert.alert_id, by="alice", why="tired", now=self.now + timedelta(seconds=ahead)
        )
        self.take(closed)
        assert [notice.kind for notice in closed.notices] == ["resolved"] * (alert.phase == "open")
        assert self.state.settled_through == alert.last_at + INSTANT
        self.forget()
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
        table = Table(self.model, self.rule.is_clear, seen, latest)
        look = MetricLook(latest=latest)
        if before is not None:
            looks: Any = MetricLooks
            look = looks(ledger=None, readings=table).at("key", self.state, before, now=self.now, rule=self.rule)
        decision = on_tick(
            self.state,
            latest=latest,
            first_clear=look.first_clear,
            clear_look=look.clear_look,
            rule=self.rule,
            now=self.now,
        )
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
            if before.phase == "open" and self.rule.clear_for:
                assert fresh is not None
                assert table.whole, "not all readings behind the last breach were looked at"
                assert self.model.clear_since() is not None
                assert fresh.at - (self.model.clear_since() or fresh.at) >= self.rule.clear_for
            forgotten = before.phase == "pending" and self.now - newest_at > STALE_AFTER
            assert over or forgotten
            assert self.state.settled_through == (newest_at if over else newest_at + timedelta(microseconds=1))
            self.forget()
        elif after.lowered_through != before.lowered_through:
            self.model.lowered_at = after.lowered_through
            self.model.mailed_sides = {(bound, "warning") for bound, _ in self.model.mailed_sides}
            assert before.severity == "critical"
            assert before.critical_at is not None
            assert after.lowered_through is not None
            assert after.lowered_through - before.critical_at >= CALM_AFTER
            assert fresh is None or 0 <= fresh.value <= 85
            assert fresh is None or not 12 < fresh.value < 65
        else:
            self.nothing_else_was_due(before, fresh, mailed=decision.outcome, unfinished=table.whole is False)

    def forget(self) -> None:
        self.model.delivered.clear()
        self.model.mailed_sides.clear()
        self.model.lowered_at = None
        self.model.row.clear()

    def nothing_else_was_due(self, before: Alert, fresh: Observation | None, *, mailed: str, unfinished: bool) -> None:
        newest_at = fresh.at if fresh is not None else before.last_at
        if before.phase == "pending":
            assert fresh is None or not 10 <= fresh.value <= 70
            assert self.now - newest_at <= STALE_AFTER
        else:
            is_clear = fresh is not None and 12 < fresh.value < 65
            if fresh is not None and is_clear:
                assert self.rule.clear_for
                since = self.model.clear_since()
                assert unfinished or since is None or fresh.at - since < self.rule.clear_for
            calm = before.critical_at is not None and newest_at - before.critical_at >= CALM_AFTER
            assert not calm or is_clear or (fresh is not None and not 0 <= fresh.value <= 85)
            acknowledged = self.model.is_acknowledged(self.now)
            if mailed != "unattended" and not acknowledged:
                assert self.now - self.model.last_mail_at < self.rule.remind_every
            if self.rule.escalate_after is not None and not acknowledged and not self.model.unattended:
                assert self.now - self.model.unattended_since() < self.rule.escalate_after

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
        if kinds and kinds[0] in {"opened", "escalated", "crossed"}:
            self.note_sides(decision, opened=kinds == ["opened"])
        if kinds == ["opened"]:
            assert after.alert is not None
            facts = decision.notices[0].alert
            assert facts is not None
            assert facts.until - after.alert.since >= self.rule.hold
        if kinds:
            self.note_mail(kinds[0], severity=after.alert.severity if after.alert is not None else None)

    def note_sides(self, decision: Decision[MetricState], *, opened: bool) -> None:
        """Every rise of either side is named in an e-mail, and none of them twice."""
        facts = decision.notices[0].alert
        assert decision.state.alert is not None
        assert facts is not None
        named = {(facts.breach.bound, level) for level in [sides(decision.state.alert)[facts.breach.bound]] if level}
        if facts.opposite is not None and opened:
            named.add(("below" if facts.breach.bound == "above" else "above", facts.opposite))
        assert not named <= self.model.mailed_sides, "an e-mail that says nothing new"
        self.model.mailed_sides |= named

    def note_mail(self, kind: str, *, severity: str | None) -> None:
        model = self.model
        if kind == "opened":
            assert not model.mailed_open, "two opens without a close between"
        else:
            assert model.mailed_open
        if kind == "escalated":
            assert (model.mailed_severity, severity) == ("warning", "critical")
        if kind == "deescalated":
            assert (model.mailed_severity, severity) == ("critical", "warning")
        if kind in ("reminder", "unattended"):
            assert not model.is_acknowledged(self.now), "whoever has it is mailed nothing"
        if kind == "unattended":
            assert self.rule.escalate_after is not None
            assert not model.unattended
            assert self.now - model.unattended_since() >= self.rule.escalate_after
            model.unattended = True
            return
        if kind == "reminder":
            assert self.now - model.last_mail_at >= self.rule.remind_every
        if kind == "opened":
            model.acknowledged, model.opened_at, model.unattended = None, self.now, False
        model.mailed_open = kind != "resolved"
        model.mailed_severity = severity
        model.last_mail_at = self.now

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
            max_examples=max(450, ASKED // 22),
            stateful_step_count=100,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert STEPS["taken"] >= ASKED
