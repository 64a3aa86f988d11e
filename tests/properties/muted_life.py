"""The other life of a metric, fed the same and muted at any time, and what people know by its e-mails."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.alert.domain import by_hand, withheld
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import RANK, Alert, Decision, MetricState
from lambdas.alert.domain.notices import Acknowledgement, Notice
from lambdas.shared.events import Severity, ThresholdBreached
from lambdas.shared.thresholds.thresholds import Rule
from tests.properties.metric_model import START, Table

Sides = tuple[Severity | None, Severity | None]


class MutedLife:
    """The metric's other life: fed the same and muted at any time, which may change its e-mails alone.

    It keeps what people know by these e-mails: none is sent under a mute, none says what they know already, and once a
    sweep has looked after a mute they know what is.
    """

    def __init__(self, state: MetricState, *, rule: Rule, steps: Counter[str]) -> None:
        self.state = state
        self.is_muted = False
        self._rule = rule
        self._steps = steps
        self._waiting: list[Notice] = []
        # Of the alert that people think is open: its id, severity and sides.
        self._known: tuple[str, Severity, Sides] | None = None
        self._mailed_at = self._opened_at = START
        self._unattended = False

    def breach(self, breach: ThresholdBreached, *, now: datetime) -> None:
        self._take(on_breach(self.state, breach, rule=self._rule, now=now, muted=self.is_muted), now=now)

    def sweep(self, table: Table, *, now: datetime) -> None:
        look = table.look(self.state, rule=self._rule, now=now)
        decision = on_tick(
            self.state,
            latest=look.latest,
            first_clear=look.first_clear,
            clear_look=look.clear_look,
            rule=self._rule,
            now=now,
            muted=self.is_muted,
        )
        self._take(decision, now=now)
        if not self.is_muted:
            self._people_know_what_is()

    def acknowledge(self, given: Acknowledgement, *, alert_id: str) -> None:
        self._steps["acknowledged under a mute"] += self.is_muted
        decision = by_hand.acknowledge(self.state, given, alert_id=alert_id)
        if decision.outcome == "acknowledged":
            self._unattended = False
        self.state = decision.state

    def close(self, *, alert_id: str, now: datetime, mailed_at: datetime) -> None:
        """Whoever closes it is told so, also under a mute: `sensorctl` knows of none."""
        self._steps["closed under a mute"] += self.is_muted
        decision = by_hand.close(self.state, alert_id=alert_id, by="alice", why="tired", now=now)
        self._mail_all(withheld.announced(self.state, decision), now=mailed_at)

    def _take(self, decision: Decision[MetricState], *, now: datetime) -> None:
        """As the delivery does."""
        if self.is_muted:
            self._steps["withheld"] += bool(decision.notices)
            decision = withheld.muted(self.state, decision, now=now)
            assert decision.notices == (), "an e-mail under a mute"
            self._waiting += decision.withheld
            self.state = decision.state
            return
        before, decision = self.state, withheld.announced(self.state, decision)
        caught_up = before.alert is not None and before.alert.known is not None and decision.notices
        self._steps["caught up"] += bool(caught_up)
        self._steps["ends that waited"] += len(self._waiting)
        waiting, self._waiting = self._waiting, []
        self._mail_all(replace(decision, notices=(*waiting, *decision.notices)), now=now)

    def _mail_all(self, decision: Decision[MetricState], *, now: datetime) -> None:
        self.state = decision.state
        for notice in decision.notices:
            self._mail(notice, decision.state.alert, now=now)

    def _mail(self, notice: Notice, alert: Alert | None, *, now: datetime) -> None:
        known = self._known
        if notice.kind == "resolved":
            assert known is not None, "the end of what nobody heard of"
            assert known[0] == notice.alert_id
            self._known = None
            return
        assert alert is not None
        assert alert.alert_id == notice.alert_id
        new = (alert.alert_id, alert.severity, (alert.above, alert.below))
        if notice.kind == "opened":
            assert known is None, "two beginnings"
            self._opened_at, self._unattended = now, False
        else:
            assert known is not None, f"{notice.kind} of what nobody heard of"
            rises = any(RANK[side] > RANK[was] for side, was in zip(new[2], known[2], strict=True))
            says_more = {
                "escalated": RANK[new[1]] > RANK[known[1]],
                "crossed": rises,
                "deescalated": RANK[new[1]] < RANK[known[1]],
                "reminder": rises or self._is_owed(alert, self._rule.remind_every, since=self._mailed_at, now=now),
                "unattended": not self._unattended and self._is_unattended(alert, now=now),
            }
            assert says_more[notice.kind], f"{notice.kind} says nothing new"
        if notice.kind == "unattended":
            self._unattended = True
            self._steps["unattended after a mute"] += self._steps["withheld"] > 0
        else:
            self._known, self._mailed_at = new, now

    def _is_unattended(self, alert: Alert, *, now: datetime) -> bool:
        lapsed = alert.acknowledged.until if alert.acknowledged is not None else None
        return self._is_owed(
            alert, self._rule.escalate_after, since=max(self._opened_at, lapsed or self._opened_at), now=now
        )

    @staticmethod
    def _is_owed(alert: Alert, after: timedelta | None, *, since: datetime, now: datetime) -> bool:
        return after is not None and not alert.is_acknowledged(now) and now - since >= after

    def _people_know_what_is(self) -> None:
        alert = self.state.alert
        if alert is None or alert.phase == "pending":
            assert self._known is None, "they wait for an end that was"
            return
        assert self._known is not None, "an open alert that nobody was mailed"
        assert self._known[:2] == (alert.alert_id, alert.severity)
        for side, known in zip((alert.above, alert.below), self._known[2], strict=True):
            assert RANK[side] <= RANK[known]


def without_mails(state: MetricState) -> MetricState:
    """What goes on, without what is about e-mails."""
    if state.alert is None:
        return state
    alert = replace(state.alert, known=None, remind_at=None, mailed_at=None, unattended_at=None)
    return replace(state, alert=alert)
