"""One rule of a thresholds document changed, as text in and text out. Pure; no AWS SDK import.

The documents that come in have passed `Thresholds.parse`; what goes out has not, and must before it is used.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from typing import Any

from sensorctl.errors import UserError

# What a rule holds, in the order in which it is written; a dot leads into its bounds.
MEMBERS = (
    "unit",
    "warning.above",
    "warning.below",
    "critical.above",
    "critical.below",
    "clear.above",
    "clear.below",
    "for",
    "remind_every",
)
NONE = "none"

_ORDER = ("unit", "warning", "critical", "clear", "for", "remind_every")


def limit(text: str, *, option: str) -> float | int | None:
    """Return the number that an option was given, or None for `none`. Raises UserError naming the option."""
    if text == NONE:
        return None
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    raise UserError(f"{option} {text}: give a number, or {NONE} to take the limit out")


def rule_path(*, metric: str, device: str | None) -> str:
    """Return where a rule stands in the document; `device` is an id or a pattern, None means the metric's default."""
    return f"metrics.{metric}" if device is None else f"devices.{device}.{metric}"


def with_rule(
    document: str, *, metric: str, device: str | None, members: Mapping[str, float | int | str | None]
) -> str:
    """Return the document with one rule changed, or made; a member (of `MEMBERS`) that is None is taken out."""
    top = json.loads(document)
    rules = _rules(top, device)
    rule: dict[str, Any] = rules.setdefault(metric, {})
    for path, value in members.items():
        level, _, side = path.partition(".")
        holder, name = (rule.setdefault(level, {}), side) if side else (rule, level)
        if value is None:
            holder.pop(name, None)
        else:
            holder[name] = value
        if rule.get(level) == {}:
            del rule[level]
    rules[metric] = {name: rule[name] for name in _ORDER if name in rule}
    return layout(top)


def without_rule(document: str, *, metric: str, device: str | None) -> str:
    """Return the document without one rule. Raises UserError when it is not there."""
    top = json.loads(document)
    rules = _rules(top, device)
    if metric not in rules:
        raise UserError(f"there is no rule {rule_path(metric=metric, device=device)}; `thresholds show` lists them")
    del rules[metric]
    if device is not None and not rules:
        del top["devices"][device]
    return layout(top)


def layout(document: Mapping[str, Any]) -> str:
    """Return the document as text, one line for each object that holds no other, as thresholds.json is written."""
    return _laid_out(document, indent="")


def difference(before: str, after: str) -> list[str]:
    """Return the lines that differ, first those that go (`- `), then those that come (`+ `), with two lines around."""
    lines = difflib.unified_diff(_normal(before), _normal(after), n=2, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in lines if not line.startswith(("---", "+++", "@@"))]


def _rules(top: dict[str, Any], device: str | None) -> dict[str, Any]:
    rules: dict[str, Any] = (
        top.setdefault("metrics", {}) if device is None else top.setdefault("devices", {}).setdefault(device, {})
    )
    return rules


def _laid_out(value: Any, *, indent: str) -> str:
    if not isinstance(value, dict) or not any(isinstance(member, dict) for member in value.values()):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    members = [f"{inner}{json.dumps(name)}: {_laid_out(member, indent=inner)}" for name, member in value.items()]
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _normal(document: str) -> list[str]:
    """Return its lines as `layout` writes them, so that spaces are no difference; of what is no JSON, as they are."""
    try:
        top = json.loads(document)
    except ValueError:
        return document.splitlines()
    return _laid_out(top, indent="").splitlines()
