"""The ledger's records and the stored readings in, every alert with its span out. Pure; no AWS SDK import.

The ledger forgets when an alert opened once it has ended; it keeps the last all-clear and the ids of its messages. But
an alert's id is made from the device, the metric and the all-clear before it (`lambdas/alert/lifecycle.py`), and an
all-clear is the time of a reading. So the reading that ended the alert before is the one whose time gives this id.
(Where a rule has `for`, a pending breach that was dropped moves the all-clear on, and the alert before seems to end
there.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from lambdas.alert.lifecycle import alert_id
from lambdas.alert.records import RANK, Message, MetricState, Record, Silence
from lambdas.shared.thresholds import Rule, Thresholds
from sensorctl.report.charts import counted_at
from sensorctl.report.model import Alert, AlertState, Worst

Item = Mapping[str, Any]

_BEGINNING = datetime.min.replace(tzinfo=UTC)


def of(
    records: Iterable[Record],
    items: Mapping[str, Sequence[Item]],
    *,
    mailed: Iterable[str] = (),
    since: datetime | None = None,
    thresholds: Thresholds | None = None,
) -> list[Alert]:
    """Return alerts and silences: what goes on first, then the gravest, then the newest.

    `items` are the stored readings of each device; `mailed` are ids of alerts that e-mails name, which the ledger may
    have forgotten. What had ended before `since` is left out; what is only pending is no alert yet. With `thresholds`
    an alert ends at its first clear reading, as its e-mail says; without, at the one that the sweep saw.
    """
    known, made = set(mailed), []
    for record in records:
        state = record.state
        if isinstance(state, MetricState):
            of_metric = [item for item in items.get(state.device_id, ()) if state.metric in item["metrics"]]
            rule = thresholds.rule_for(state.device_id, state.metric) if thresholds is not None else None
            made += _of_metric(state, record.outbox, of_metric, known=known, rule=rule)
        elif isinstance(state, Silence):
            made += _silence(state, record.outbox, since=since)
    kept = [alert for alert in made if since is None or alert.state != "closed" or _ended(alert) >= since]
    return sorted(kept, key=_urgency)


@dataclass(frozen=True, kw_only=True)
class _Breach:
    at: datetime
    item: Item
    worst: Worst
    severity: Any

    @property
    def badness(self) -> tuple[int, float]:
        return RANK[self.severity], abs(self.worst.value - self.worst.limit)


def _of_metric(
    state: MetricState, outbox: Sequence[Message], items: Sequence[Item], *, known: set[str], rule: Rule | None
) -> list[Alert]:
    told: dict[str, list[str]] = {}
    for message in outbox:
        told.setdefault(message.message_id.partition("-")[0], []).append(message.kind)
    running = state.alert if state.alert is not None and state.alert.phase == "open" else None
    order = list(dict.fromkeys([*told, *([running.alert_id] if running is not None else ())]))
    begun_after = _all_clears(state, items, known.union(order))
    # What only e-mails remember is older than what the ledger does.
    order = [*(ident for ident in begun_after if ident not in order), *order]
    breaches, made = _breaches(state, items), []
    for ident, following in zip_longest(order, order[1:]):
        is_running = running is not None and running.alert_id == ident
        after, until = begun_after.get(ident), None
        if not is_running:
            until = begun_after.get(following) if following is not None else state.settled_through
        # Where either end is older than the readings at hand, nobody can tell which of them are of this alert.
        inside = []
        if after is not None and (is_running or until is not None):
            inside = [each for each in breaches if each.at > after and (until is None or each.at <= until)]
        if until is not None and inside and rule is not None:
            until = _first_clear(state.metric, items, rule, after=inside[-1].at, through=until)
        made.append(_alert(state, ident, inside, until=until, is_running=is_running, told=told.get(ident, ())))
    return made


def _first_clear(metric: str, items: Sequence[Item], rule: Rule, *, after: datetime, through: datetime) -> datetime:
    """Return when the first reading that was past clear was taken; `through`, if it is not at hand."""
    clear = [
        at for item in items if after < (at := counted_at(item)) <= through and rule.is_clear(item["metrics"][metric])
    ]
    return min(clear, default=through)


def _all_clears(state: MetricState, items: Sequence[Item], wanted: set[str]) -> dict[str, datetime]:
    """Return the all-clear that each wanted alert follows, by the alert's id, oldest first."""
    times = {counted_at(item) for item in items}
    if state.settled_through is not None:
        times.add(state.settled_through)
    candidates: list[datetime | None] = [None, *sorted(times)]
    found = {}
    for at in candidates:
        ident = alert_id(MetricState(device_id=state.device_id, metric=state.metric, settled_through=at))
        if ident in wanted:
            found[ident] = at or _BEGINNING
    return found


def _breaches(state: MetricState, items: Sequence[Item]) -> list[_Breach]:
    found = []
    for item in items:
        for breach in item.get("breaches", ()):
            if breach["metric"] == state.metric:
                worst = Worst(
                    value=float(item["metrics"][state.metric]),
                    unit=item.get("units", {}).get(state.metric),
                    bound=breach["bound"],
                    limit=float(breach["limit"]),
                )
                found.append(_Breach(at=counted_at(item), item=item, worst=worst, severity=breach["severity"]))
    return sorted(found, key=lambda breach: breach.at)


def _alert(
    state: MetricState,
    ident: str,
    breaches: Sequence[_Breach],
    *,
    until: datetime | None,
    is_running: bool,
    told: Sequence[str],
) -> Alert:
    gravest = max(breaches, key=lambda breach: breach.badness, default=None)
    since = breaches[0].at if breaches else None
    worst = gravest.worst if gravest is not None else None
    severity = gravest.severity if gravest is not None else None
    traces = [each.item.get("trace_id") for each in (*breaches[:1], *([gravest] if gravest is not None else []))]
    if is_running and state.alert is not None:
        # The ledger knows more than the readings at hand, which may begin after it.
        since, severity, said = state.alert.since, state.alert.worst.severity, state.alert.worst
        worst = Worst(value=float(said.value), unit=said.unit, bound=said.bound, limit=float(said.limit))
        traces = [*traces[:1], said.trace_id]
    how: AlertState = "open" if is_running else "closed"
    return Alert(
        alert_id=ident,
        device_id=state.device_id,
        metric=state.metric,
        state=how,
        severity=severity,
        since=since,
        until=until,
        worst=worst,
        told=tuple(told),
        trace_ids=tuple(dict.fromkeys(trace for trace in traces if trace)),
    )


def _silence(state: Silence, outbox: Sequence[Message], *, since: datetime | None) -> list[Alert]:
    """Return the silence, or none where nobody was told of one, or it had ended before `since`."""
    told = [message for message in outbox if since is None or message.created_at >= since]
    if not told and state.since is None:
        return []
    how: AlertState = "silent" if state.since is not None else "reporting"
    return [
        Alert(
            alert_id=outbox[-1].message_id.partition("-")[0] if outbox else "",
            device_id=state.device_id,
            metric=None,
            state=how,
            severity=None,
            since=state.since,
            told=tuple(message.kind for message in outbox),
        )
    ]


def _ended(alert: Alert) -> datetime:
    return alert.until or _BEGINNING


def _urgency(alert: Alert) -> tuple[int, int, float, str, str]:
    place = ("open", "silent", "closed", "reporting").index(alert.state)
    newest = alert.since.timestamp() if alert.since is not None else 0.0
    return place, -RANK[alert.severity], -newest, alert.device_id, alert.metric or ""
