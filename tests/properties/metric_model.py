"""What an observer of one metric knows, and what its alert must be by that; no word of how the lifecycle works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.alert.adapters.metric_look import MetricLook, MetricLooks
from lambdas.alert.adapters.reading_query import Found
from lambdas.alert.domain.lifecycle import CALM_AFTER, STALE_AFTER
from lambdas.alert.domain.models import Alert, Decision, MetricState
from lambdas.alert.domain.notices import Acknowledgement, Notice, Observation
from lambdas.shared.events import Severity, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Rule
from lambdas.shared.times import timestamp

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SEVERITIES = [None, "warning", "critical"]
# Readings that one look takes: fewer than the rows are long.
_LOOK = 3


@dataclass
class Model:
    """What an observer knows: the events of the running alert, and the e-mails."""

    rule: Rule
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

    def forget(self) -> None:
        self.delivered.clear()
        self.mailed_sides.clear()
        self.lowered_at = None
        self.row.clear()

    def mail(self, decision: Decision[MetricState], *, now: datetime) -> None:
        """Take an e-mail: it must say what is new, and nothing that an acknowledgement stops."""
        (notice,) = decision.notices
        kind, alert = notice.kind, decision.state.alert
        severity = alert.severity if alert is not None else None
        if alert is not None and kind in {"opened", "escalated", "crossed"}:
            self._note_sides(notice, alert)
        assert self.mailed_open == (kind != "opened"), "two opens without a close between, or none"
        if kind == "escalated":
            assert (self.mailed_severity, severity) == ("warning", "critical")
        if kind == "deescalated":
            assert (self.mailed_severity, severity) == ("critical", "warning")
        if kind in ("reminder", "unattended"):
            assert not self.is_acknowledged(now), "whoever has it is mailed nothing"
        if kind == "unattended":
            assert self.rule.escalate_after is not None
            assert not self.unattended
            assert now - self.unattended_since() >= self.rule.escalate_after
            self.unattended = True
            return
        if kind == "reminder":
            assert now - self.last_mail_at >= self.rule.remind_every
        if kind == "opened":
            self.acknowledged, self.opened_at, self.unattended = None, now, False
        self.mailed_open = kind != "resolved"
        self.mailed_severity = severity
        self.last_mail_at = now

    def _note_sides(self, notice: Notice, alert: Alert) -> None:
        """Every rise of either side is named in an e-mail, and none of them twice."""
        facts = notice.alert
        assert facts is not None
        named = {(facts.breach.bound, level) for level in [sides(alert)[facts.breach.bound]] if level}
        if facts.opposite is not None and notice.kind == "opened":
            named.add(("below" if facts.breach.bound == "above" else "above", facts.opposite))
        assert not named <= self.mailed_sides, "an e-mail that says nothing new"
        self.mailed_sides |= named

    def tick(self, before: Alert, state: MetricState, table: Table, *, mailed: str, now: datetime) -> None:
        """A tick that ends or lowers an alert has a reason in the readings; one that does not, had none to."""
        after, latest = state.alert, table.latest
        fresh = latest if latest is not None and latest.at > before.last_at else None
        if after is None:
            newest_at = fresh.at if fresh is not None else before.last_at
            over = fresh is not None and (12 < fresh.value < 65 if before.phase == "open" else 10 <= fresh.value <= 70)
            if before.phase == "open" and self.rule.clear_for:
                assert fresh is not None
                assert table.whole, "not all readings behind the last breach were looked at"
                assert self.clear_since() is not None
                assert fresh.at - (self.clear_since() or fresh.at) >= self.rule.clear_for
            forgotten = before.phase == "pending" and now - newest_at > STALE_AFTER
            assert over or forgotten
            assert state.settled_through == (newest_at if over else newest_at + timedelta(microseconds=1))
            self.forget()
        elif after.lowered_through != before.lowered_through:
            self.lowered_at = after.lowered_through
            self.mailed_sides = {(bound, "warning") for bound, _ in self.mailed_sides}
            assert before.severity == "critical"
            assert before.critical_at is not None
            assert after.lowered_through is not None
            assert after.lowered_through - before.critical_at >= CALM_AFTER
            assert fresh is None or 0 <= fresh.value <= 85
            assert fresh is None or not 12 < fresh.value < 65
        else:
            self._nothing_was_due(before, fresh, mailed=mailed, unfinished=table.whole is False, now=now)

    def _nothing_was_due(
        self, before: Alert, fresh: Observation | None, *, mailed: str, unfinished: bool, now: datetime
    ) -> None:
        newest_at = fresh.at if fresh is not None else before.last_at
        if before.phase == "pending":
            assert fresh is None or not 10 <= fresh.value <= 70
            assert now - newest_at <= STALE_AFTER
        else:
            is_clear = fresh is not None and 12 < fresh.value < 65
            if fresh is not None and is_clear:
                assert self.rule.clear_for
                since = self.clear_since()
                assert unfinished or since is None or fresh.at - since < self.rule.clear_for
            calm = before.critical_at is not None and newest_at - before.critical_at >= CALM_AFTER
            assert not calm or is_clear or (fresh is not None and not 0 <= fresh.value <= 85)
            if self.is_acknowledged(now):
                return
            if mailed != "unattended":
                assert now - self.last_mail_at < self.rule.remind_every
            if self.rule.escalate_after is not None and not self.unattended:
                assert now - self.unattended_since() < self.rule.escalate_after

    def compare(self, state: MetricState) -> None:
        """The alert is what its breaches make of it, whenever and however often they came."""
        alert, delivered = state.alert, self.delivered
        assert (alert is None) == (not delivered)
        if alert is None:
            return
        settled = state.settled_through
        firsts = [min(at(breach.first_at), at(breach.uploaded_at or "")) for breach in delivered]
        assert alert.since == min(max(first, settled) if settled is not None else first for first in firsts)
        assert alert.last_at == max(map(counted, delivered))
        distance = max((breach.severity == "critical", abs(breach.value - breach.limit)) for breach in delivered)
        assert (alert.worst.severity == "critical", abs(alert.worst.value - alert.worst.limit)) == distance
        lowered = self.lowered_at
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
        assert remind_at is None or remind_at == self.last_mail_at + self.rule.remind_every


@dataclass
class Table:
    """The readings table, as far as looks read it: `seen` are those of the machine that this sweep can see."""

    row: list[tuple[datetime, bool]]
    is_clear: Callable[[float], bool]
    seen: list[Observation]
    latest: Observation | None
    whole: bool | None = None

    def look(self, state: MetricState, *, rule: Rule, now: datetime) -> MetricLook:
        """Take the sweep's own look at a metric."""
        if state.alert is None:
            return MetricLook(latest=self.latest)
        looks: Any = MetricLooks
        found: MetricLook = looks(ledger=None, readings=self).at("key", state, state.alert, now=now, rule=rule)
        return found

    def newest(self, *_: Any, after: datetime, **__: Any) -> Found:
        return Found(observation=self.latest if self.latest is not None and self.latest.at > after else None)

    def first_clear(self, *_: Any, **__: Any) -> None:
        return None

    def behind(self, *_: Any, after: datetime, stamped_after: datetime, **__: Any) -> tuple[list[Observation], Any]:
        left = [seen for seen in self.seen if seen.at > max(after, stamped_after)]
        ends = [place for place in range(_LOOK, len(left)) if left[place].at > left[place - 1].at]
        page = left[: ends[0]] if ends else left
        self.row += [(seen.at, self.is_clear(seen.value)) for seen in page]
        self.whole = not ends
        return page, None if self.whole else f"{timestamp(page[-1].at)}#hash"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def counted(breach: ThresholdBreached) -> datetime:
    """When its last reading was taken, or uploaded if that was earlier."""
    assert breach.uploaded_at is not None
    return min(at(breach.last_at), at(breach.uploaded_at))


def sides(alert: Alert) -> dict[str, Severity | None]:
    """How severely each side of the range was crossed."""
    return {"above": alert.above, "below": alert.below}
