"""Checks a thresholds document: JSON text in, checked rules out, or one sentence naming what is wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from lambdas.shared.document_reader import is_number, shown
from lambdas.shared.durations import duration
from lambdas.shared.names import ATTRIBUTE_NAME, MESSAGE_ATTRIBUTES, ROUTE_MOST
from lambdas.shared.numbers import is_storable
from lambdas.shared.thresholds.by_device import ByDevice
from lambdas.shared.thresholds.gateways import Gateways
from lambdas.shared.thresholds.patterns import DEVICES, METRIC
from lambdas.shared.thresholds.recurring_mutes import MuteReader
from lambdas.shared.thresholds.rules import DEFAULT_REMIND_EVERY, Bounds, Rule, ThresholdsError, Valid

_TOP = ("version", "metrics", "devices", "silent_after", "behind", "route_by", "mutes")
_RULE = (
    "unit",
    "warning",
    "critical",
    "clear",
    "valid",
    "for",
    "clear_for",
    "remind_every",
    "escalate_after",
    "runbook",
)
_BOUNDS = ("above", "below")
_MOST_EXCLUDED = 20
_LONGEST = timedelta(days=366)
# A link or a sentence: each e-mail of an alert carries it, and the ledger keeps it while one waits.
_LONGEST_RUNBOOK = 300
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,127}")
_UNIT = re.compile(r"[\x21-\x7e]{1,32}")


def read(document: str | bytes, *, name: str) -> dict[str, Any]:
    """Return the arguments of `Thresholds`, which are named like the members. Raises ThresholdsError."""
    return _Reader(name).read(document)


class _Reader(MuteReader):
    """Walks the document with the path it is at, so that every error can name it."""

    error = ThresholdsError

    def read(self, document: str | bytes) -> dict[str, Any]:
        top = self._members(self._json(document), path="", known=_TOP)
        self._version_1(top)
        metrics = {
            metric: self._rule(rule, path=f"metrics.{metric}")
            for metric, rule in self._named(top.get("metrics", {}), path="metrics", name=METRIC).items()
        }
        devices = {
            pattern: {
                metric: self._rule(rule, path=f"devices.{pattern}.{metric}", default=metrics.get(metric))
                for metric, rule in self._named(rules, path=f"devices.{pattern}", name=METRIC).items()
            }
            for pattern, rules in self._named(top.get("devices", {}), path="devices", name=DEVICES).items()
        }
        silent_after = {
            pattern: self._duration(value, path=f"silent_after.{pattern}", least=timedelta(minutes=1))
            for pattern, value in self._named(top.get("silent_after", {}), path="silent_after", name=DEVICES).items()
        }
        behind = {
            pattern: self._gateway(gateway, path=f"behind.{pattern}", silent_after=silent_after)
            for pattern, gateway in self._named(top.get("behind", {}), path="behind", name=DEVICES).items()
        }
        if (circle := Gateways(behind).circle) is not None:
            self._fail(f"behind puts {circle} behind itself; take it out of its own pattern, or of the others'")
        return {
            "metrics": metrics,
            "devices": devices,
            "silent_after": silent_after,
            "behind": behind,
            "route_by": self._route_by(top["route_by"]) if "route_by" in top else None,
            "mutes": self._mutes(top.get("mutes", [])),
        }

    def _gateway(self, value: object, *, path: str, silent_after: dict[str, timedelta]) -> str:
        if not isinstance(value, str) or not _DEVICE.fullmatch(value):
            self._fail(f"{path} must be the id of a gateway, which is no pattern, not {shown(value)}")
        if ByDevice(silent_after).first(value) is None:
            self._fail(f"{path} needs silent_after for {value}, or nobody would hear that it is silent")
        return value

    def _route_by(self, value: object) -> str:
        if not isinstance(value, str) or len(value) > ROUTE_MOST or not ATTRIBUTE_NAME.fullmatch(value):
            self._fail(
                'route_by must name one tag, such as "site" (letters, digits, - and _, and single dots in between; it '
                f"becomes a message attribute of SNS), not {shown(value)}"
            )
        if value in MESSAGE_ATTRIBUTES:
            self._fail(f"route_by must not be {shown(value)}, which every alert has anyway; name a tag such as site")
        return value

    def _named(self, value: object, *, path: str, name: re.Pattern[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(f"{path} must be a JSON object, not {shown(value)}")
        for member in value:
            if not name.fullmatch(member):
                what = "metric name" if name is METRIC else "device id or pattern"
                self._fail(
                    f"{path} holds {shown(member)}, which is no {what}: letters, digits and - : . / _, starting with "
                    f"a letter or digit" + ("" if name is METRIC else "; * and ? stand for any characters and any one")
                )
        return value

    def _rule(self, value: object, *, path: str, default: Rule | None = None) -> Rule:
        members = self._members(value, path=path, known=_RULE)
        levels = {
            level: self._bounds(members[level], path=f"{path}.{level}") if level in members else None
            for level in ("warning", "critical", "clear")
        }
        if levels["warning"] is None and levels["critical"] is None:
            self._fail(f"{path} needs warning or critical bounds")
        unit = members.get("unit")
        if unit is not None and not (isinstance(unit, str) and _UNIT.fullmatch(unit)):
            self._fail(f"{path}.unit must be 1 to 32 printable ASCII characters without spaces, not {shown(unit)}")
        rule = Rule(
            unit=unit if unit is not None or default is None else default.unit,
            warning=levels["warning"],
            critical=levels["critical"],
            clear=levels["clear"],
            valid=self._valid(members["valid"], path=f"{path}.valid") if "valid" in members else None,
            hold=self._duration(members.get("for", "0s"), path=f"{path}.for", least=timedelta(0)),
            remind_every=self._duration(
                members.get("remind_every", f"{int(DEFAULT_REMIND_EVERY.total_seconds())}s"),
                path=f"{path}.remind_every",
                least=timedelta(minutes=1),
            ),
            clear_for=self._duration(members.get("clear_for", "0s"), path=f"{path}.clear_for", least=timedelta(0)),
            escalate_after=self._duration(
                members["escalate_after"], path=f"{path}.escalate_after", least=timedelta(minutes=1)
            )
            if "escalate_after" in members
            else None,
            runbook=self._runbook(members["runbook"], path=f"{path}.runbook") if "runbook" in members else None,
            source=path,
        )
        self._ordered(rule)
        return rule

    def _bounds(self, value: object, *, path: str) -> Bounds:
        members = self._members(value, path=path, known=_BOUNDS)
        if not members:
            self._fail(f"{path} needs above, below or both")
        for side, limit in members.items():
            self._number(limit, path=f"{path}.{side}")
        return Bounds(**members)

    def _valid(self, value: object, *, path: str) -> Valid:
        members = self._members(value, path=path, known=(*_BOUNDS, "not"))
        if not members:
            self._fail(f"{path} needs above, below or not")
        excluded = members.get("not", [])
        if not isinstance(excluded, list) or len(excluded) > _MOST_EXCLUDED:
            self._fail(f"{path}.not must be an array of at most {_MOST_EXCLUDED} numbers, not {shown(excluded)}")
        for place, number in enumerate(excluded):
            self._number(number, path=f"{path}.not[{place}]")
        for side in _BOUNDS:
            if side in members:
                self._number(members[side], path=f"{path}.{side}")
        return Valid(above=members.get("above"), below=members.get("below"), excluded=tuple(excluded))

    def _runbook(self, value: object, *, path: str) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_RUNBOOK or not value.isprintable():
            self._fail(
                f"{path} must be one line of text, such as a link, of at most {_LONGEST_RUNBOOK} characters, not "
                f"{shown(value)}"
            )
        return value.strip()

    def _number(self, value: object, *, path: str) -> None:
        if not is_number(value) or not is_storable(value):
            self._fail(
                f"{path} must be a number (0, or 1e-130 to 9.9e125 in size, at most 38 digits), not {shown(value)}"
            )

    def _ordered(self, rule: Rule) -> None:
        """Refuse levels that contradict each other: a rule that can never fire, or an alert that can never end."""
        path = rule.source
        limits = [
            (f"{level}.{side}", getattr(bounds, side), side)
            for level, bounds in (("warning", rule.warning), ("critical", rule.critical))
            for side in _BOUNDS
            if bounds is not None and getattr(bounds, side) is not None
        ]
        clears = [
            (f"clear.{side}", getattr(rule.clear, side), side)
            for side in _BOUNDS
            if rule.clear is not None and getattr(rule.clear, side) is not None
        ]
        above = [limit for limit in limits if limit[2] == "above"]
        below = [limit for limit in limits if limit[2] == "below"]
        if len(above) == 2:
            self._under(above[0], above[1], path=path)
        if len(below) == 2:
            self._under(below[1], below[0], path=path)
        for low in below:
            for high in above:
                self._under(low, high, path=path)
        for clear in clears:
            ended, side = (above, "above") if clear[2] == "below" else (below, "below")
            if not ended:
                self._fail(f"{path}.{clear[0]} ({clear[1]}) has no {side} bound whose alert it could end")
            for high in above:
                self._under(clear, high, path=path)
            for low in below:
                self._under(low, clear, path=path)
        if len(clears) == 2:
            self._under(clears[0], clears[1], path=path)
        self._within(rule.valid, [*limits, *clears], path=path)

    def _within(self, valid: Valid | None, limits: list[tuple[str, Any, str]], *, path: str) -> None:
        """Refuse a limit beyond what counts as measured: no value could pass it, or none come back.

        Each rule has a limit, so that this puts `valid.above` under `valid.below` too.
        """
        least = valid.above if valid is not None else None
        most = valid.below if valid is not None else None
        for limit in limits:
            if least is not None:
                self._under(("valid.above", least, "above"), limit, path=path)
            if most is not None:
                self._under(limit, ("valid.below", most, "below"), path=path)

    def _under(self, low: tuple[str, Any, str], high: tuple[str, Any, str], *, path: str) -> None:
        if not low[1] < high[1]:
            self._fail(f"{path}.{low[0]} ({low[1]}) must be under {high[0]} ({high[1]})")

    def _duration(self, value: object, *, path: str, least: timedelta) -> timedelta:
        found = duration(value) if isinstance(value, str) else None
        if found is None or not least <= found <= _LONGEST:
            self._fail(
                f"{path} must be a duration such as 90s, 5m, 4h or 1d, from {int(least.total_seconds())}s to 366d, "
                f"not {shown(value)}"
            )
        return found
