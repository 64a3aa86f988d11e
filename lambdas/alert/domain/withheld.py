"""E-mails that are not sent: those about an alert that a flood e-mail stands for, and those about what is muted.

State goes on as ever. What is muted remembers what people were last mailed of it (`known`); once the mute
has ended the next look mails what is new to them, as it is then. An end that they wait for is kept in the outbox as
MUTED until the mute has ended; an end of what nobody heard of is never mailed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from lambdas.alert.domain.models import Alert, Decision, Known, MetricState, Silence, State

_ENDS = ("resolved", "back")
# Mailed by the clock: what is due while it is muted is due when the mute ends.
_TIMED = ("reminder", "unattended")


def is_unannounced(state: State) -> bool:
    """Return whether nobody was mailed the beginning of what goes on."""
    if isinstance(state, Silence):
        return state.withheld_at is not None
    alert = state.alert if isinstance(state, MetricState) else None
    return alert is not None and (alert.flood is not None or (alert.known is not None and alert.known.severity is None))


def announced(before: State, decision: Decision[Any]) -> Decision[Any]:
    """Return the decision without the end of what nobody was mailed the beginning of."""
    if not decision.notices:
        return decision
    if is_unannounced(before) and decision.notices[0].kind in ("deescalated", *_ENDS):
        return replace(decision, notices=())
    return _marked(decision, flood=None, known=None)


def muted(before: State, decision: Decision[Any], *, now: datetime) -> Decision[Any]:
    """Return the decision without its e-mail, which a mute withholds.

    Kept instead is what people know, or the end that they wait for.
    """
    if not decision.notices:
        return decision
    kind = decision.notices[0].kind
    if kind in _TIMED:  # it stays due, and what was looked at for an all-clear is kept
        looked = _marked(Decision(state=before, outcome="clearing"), clear_row=decision.state.alert.clear_row)
        return looked if looked.state != before else Decision(state=before, outcome="unchanged")
    if kind in _ENDS:
        withheld = () if is_unannounced(before) else decision.notices
        return replace(decision, notices=(), withheld=withheld)
    if isinstance(decision.state, Silence):
        return replace(decision, state=replace(decision.state, withheld_at=now), notices=())
    alert = before.alert if isinstance(before, MetricState) else None
    return replace(_marked(decision, known=_known(alert, now=now)), notices=())


def flooded(decision: Decision[Any], *, hour: str) -> Decision[Any]:
    """Return the decision without its e-mail, for which the flood e-mail of that hour stands."""
    return replace(_marked(decision, flood=hour), notices=())


def _known(alert: Alert | None, *, now: datetime) -> Known:
    """Return what people know of an alert."""
    if alert is not None and alert.known is not None:
        return alert.known
    if alert is None or alert.phase == "pending" or alert.flood is not None:
        return Known(withheld_at=now)
    return Known(withheld_at=now, severity=alert.severity, above=alert.above, below=alert.below)


def _marked(decision: Decision[Any], **members: Any) -> Decision[Any]:
    if not isinstance(decision.state, MetricState) or decision.state.alert is None:
        return decision
    return replace(decision, state=replace(decision.state, alert=replace(decision.state.alert, **members)))
