"""Checks a thresholds document: JSON text in, checked rules out, or one sentence naming what is wrong. Pure."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, NoReturn

from lambdas.shared.threshold_rules import DEFAULT_REMIND_EVERY, Bounds, Rule, ThresholdsError

_TOP = ("version", "metrics", "devices", "silent_after")
_RULE = ("unit", "warning", "critical", "clear", "for", "remind_every")
_BOUNDS = ("above", "below")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST = timedelta(days=366)
# RFC 8428 section 4.5.1 names; a device pattern may hold * and ? as well.
_METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9:./_*?-]{0,127}")
_UNIT = re.compile(r"[\x21-\x7e]{1,32}")
# A limit is stored beside the reading that crossed it (DynamoDB Developer Guide, "Supported data types", Number).
_SMALLEST, _LARGEST = 1e-130, 9.9e125


def read(document: str | bytes, *, name: str) -> dict[str, Any]:
    """Return the arguments of `Thresholds`: metrics, devices, silent_after. Raises ThresholdsError."""
    return _Reader(name).read(document)


class _Reader:
    """Walks the document with the path it is at, so that every error can name it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, document: str | bytes) -> dict[str, Any]:
        top = self._members(self._json(document), path="", known=_TOP)
        if not _is_number(top.get("version")) or top["version"] != 1:
            self._fail(f"version must be 1, not {_shown(top.get('version'))}")
        metrics = {
            metric: self._rule(rule, path=f"metrics.{metric}")
            for metric, rule in self._named(top.get("metrics", {}), path="metrics", name=_METRIC).items()
        }
        devices = {
            pattern: {
                metric: self._rule(rule, path=f"devices.{pattern}.{metric}", default=metrics.get(metric))
                for metric, rule in self._named(rules, path=f"devices.{pattern}", name=_METRIC).items()
            }
            for pattern, rules in self._named(top.get("devices", {}), path="devices", name=_PATTERN).items()
        }
        silent_after = {
            pattern: self._duration(value, path=f"silent_after.{pattern}", least=timedelta(minutes=1))
            for pattern, value in self._named(top.get("silent_after", {}), path="silent_after", name=_PATTERN).items()
        }
        return {"metrics": metrics, "devices": devices, "silent_after": silent_after}

    def _json(self, document: str | bytes) -> object:
        try:
            text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
            return json.loads(text, object_pairs_hook=self._unique, parse_constant=_refuse_constant)
        except ThresholdsError:
            raise
        except RecursionError:
            self._fail("is nested too deeply")
        except ValueError as error:
            self._fail(f"is not JSON ({error})")

    def _unique(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        members: dict[str, object] = {}
        for member, value in pairs:
            if member in members:
                self._fail(f"{_shown(member)} stands twice in one object; keep one of the two")
            members[member] = value
        return members

    def _members(self, value: object, *, path: str, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(f"{path or 'the document'} must be a JSON object, not {_shown(value)}")
        for member in value:
            if member not in known:
                self._fail(f"{_join(path, member)} is unknown; known here: {', '.join(known)}")
        return value

    def _named(self, value: object, *, path: str, name: re.Pattern[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(f"{path} must be a JSON object, not {_shown(value)}")
        for member in value:
            if not name.fullmatch(member):
                what = "metric name" if name is _METRIC else "device id or pattern"
                self._fail(
                    f"{path} holds {_shown(member)}, which is no {what}: letters, digits and - : . / _, starting with "
                    f"a letter or digit" + ("" if name is _METRIC else "; * and ? stand for any characters and any one")
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
            self._fail(f"{path}.unit must be 1 to 32 printable ASCII characters without spaces, not {_shown(unit)}")
        rule = Rule(
            unit=unit if unit is not None or default is None else default.unit,
            warning=levels["warning"],
            critical=levels["critical"],
            clear=levels["clear"],
            hold=self._duration(members.get("for", "0s"), path=f"{path}.for", least=timedelta(0)),
            remind_every=self._duration(
                members.get("remind_every", f"{int(DEFAULT_REMIND_EVERY.total_seconds())}s"),
                path=f"{path}.remind_every",
                least=timedelta(minutes=1),
            ),
            source=path,
        )
        self._ordered(rule)
        return rule

    def _bounds(self, value: object, *, path: str) -> Bounds:
        members = self._members(value, path=path, known=_BOUNDS)
        if not members:
            self._fail(f"{path} needs above, below or both")
        for side, limit in members.items():
            if not _is_number(limit) or not _can_be_stored(limit):
                self._fail(
                    f"{path}.{side} must be a number (0, or 1e-130 to 9.9e125 in size, at most 38 digits), "
                    f"not {_shown(limit)}"
                )
        return Bounds(**members)

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

    def _under(self, low: tuple[str, Any, str], high: tuple[str, Any, str], *, path: str) -> None:
        if not low[1] < high[1]:
            self._fail(f"{path}.{low[0]} ({low[1]}) must be under {high[0]} ({high[1]})")

    def _duration(self, value: object, *, path: str, least: timedelta) -> timedelta:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        duration = timedelta(seconds=min(int(found[1]) * _SECONDS[found[2]], 10**10)) if found else None
        if duration is None or not least <= duration <= _LONGEST:
            self._fail(
                f"{path} must be a duration such as 90s, 5m, 4h or 1d, from {int(least.total_seconds())}s to 366d, "
                f"not {_shown(value)}"
            )
        return duration

    def _fail(self, message: str) -> NoReturn:
        raise ThresholdsError(f"{self._name}: {message}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _can_be_stored(limit: float | int) -> bool:
    if isinstance(limit, int) and len(str(abs(limit)).rstrip("0")) > 38:
        return False
    return limit == 0 or _SMALLEST <= abs(limit) <= _LARGEST


def _refuse_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not a JSON number")


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _join(path: str, member: str) -> str:
    shown = json.dumps(member)[1:-1][:60]
    return f"{path}.{shown}" if path else shown
