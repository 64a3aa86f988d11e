"""The e-mails under two thresholds documents, compared: by device, by kind, and alert by alert."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from lambdas.alert.domain.notices import Kind
from lambdas.shared.events import Severity, ThresholdBreached
from sensorctl.backtest.mail import Mail

_KINDS = get_args(Kind)


@dataclass(frozen=True, kw_only=True)
class MailedAlert:
    """An alert, or without a `metric` a silence: mailed from `opened_at` on, over at `ended_at` (None: it goes on).

    `severity` and `worst` are of its last e-mail, which knows the worst.
    """

    device_id: str
    metric: str | None
    opened_at: datetime
    ended_at: datetime | None = None
    severity: Severity | None = None
    worst: ThresholdBreached | None = None

    def overlaps(self, other: MailedAlert) -> bool:
        """Return whether both were open at one time."""
        return (self.ended_at is None or other.opened_at <= self.ended_at) and (
            other.ended_at is None or self.opened_at <= other.ended_at
        )

    def to_json(self) -> dict[str, Any]:
        """Return it for a program; absent members are null."""
        names = ("device_id", "metric", "severity", "opened_at", "ended_at")
        worst = self.worst
        return {
            **{name: getattr(self, name) for name in names},
            "worst": worst and {name: getattr(worst, name) for name in ("value", "unit", "bound", "limit")},
        }


@dataclass(kw_only=True)
class Comparison:
    """What the present document (`now`) and the one that is tried (`new`) would have mailed.

    The alerts of one that overlap none of the other on the same device and metric are `gone` and `added`.
    """

    devices: dict[str, tuple[int, int]] = field(default_factory=dict)
    now: Counter[str] = field(default_factory=Counter)
    new: Counter[str] = field(default_factory=Counter)
    added: list[MailedAlert] = field(default_factory=list)
    gone: list[MailedAlert] = field(default_factory=list)

    def add(self, device_id: str, *, now: Sequence[Mail], new: Sequence[Mail]) -> None:
        """Add what would have been mailed about one device."""
        if now or new:
            self.devices[device_id] = len(now), len(new)
        self.now.update(mail.notice.kind for mail in now)
        self.new.update(mail.notice.kind for mail in new)
        before, after = _alerts(now), _alerts(new)
        self.added += _only_in(after, before)
        self.gone += _only_in(before, after)

    @property
    def kinds(self) -> list[tuple[str, int, int]]:
        """How many e-mails of each kind under either, in the order of an alert's life."""
        return [(kind, self.now[kind], self.new[kind]) for kind in _KINDS if self.now[kind] or self.new[kind]]

    @property
    def most_changed(self) -> list[tuple[str, int, int]]:
        """The devices with e-mails under either, those first that differ most."""
        counts = [(device_id, now, new) for device_id, (now, new) in self.devices.items()]
        return sorted(counts, key=lambda count: (-abs(count[2] - count[1]), -max(count[1:]), count[0]))

    def to_json(self) -> dict[str, Any]:
        """Return it for a program, with nothing left out."""
        return {
            "now": {"emails": self.now.total(), "kinds": {kind: now for kind, now, _ in self.kinds if now}},
            "new": {"emails": self.new.total(), "kinds": {kind: new for kind, _, new in self.kinds if new}},
            "by_device": [
                {"device_id": device_id, "now": now, "new": new} for device_id, now, new in self.most_changed
            ],
            "alerts_added": [alert.to_json() for alert in by_time(self.added)],
            "alerts_gone": [alert.to_json() for alert in by_time(self.gone)],
        }


def by_time(alerts: Iterable[MailedAlert]) -> list[MailedAlert]:
    """Return alerts in the order in which they opened."""
    return sorted(alerts, key=lambda alert: (alert.opened_at, alert.device_id, alert.metric or ""))


def _alerts(mails: Sequence[Mail]) -> dict[str | None, list[MailedAlert]]:
    """Return the alerts that e-mails are about, by metric; a silence has none."""
    found: dict[str, MailedAlert] = {}
    for mail in mails:
        notice = mail.notice
        known = found.get(notice.alert_id)
        facts = notice.alert
        worst = facts.breach if facts is not None else None
        if known is not None and known.worst is not None and notice.kind == "crossed":
            worst = known.worst
        found[notice.alert_id] = MailedAlert(
            device_id=mail.device_id,
            metric=facts.metric if facts is not None else None,
            opened_at=known.opened_at if known is not None else mail.at,
            ended_at=mail.at if notice.kind in ("resolved", "back") else None,
            severity=notice.severity,
            worst=worst,
        )
    by_metric: dict[str | None, list[MailedAlert]] = defaultdict(list)
    for alert in found.values():
        by_metric[alert.metric].append(alert)
    return by_metric


def _only_in(
    these: dict[str | None, list[MailedAlert]], those: dict[str | None, list[MailedAlert]]
) -> Iterator[MailedAlert]:
    """Yield the alerts that were open at no time at which one of the others was; each list is in its order."""
    for metric, alerts in these.items():
        others = iter(those.get(metric, ()))
        other = next(others, None)
        for alert in alerts:
            while other is not None and other.ended_at is not None and other.ended_at < alert.opened_at:
                other = next(others, None)
            if other is None or not alert.overlaps(other):
                yield alert
