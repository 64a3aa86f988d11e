"""Changes one rule of a thresholds document, text to text.

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
_LIMITS = tuple(f"{level}.{side}" for level in ("warning", "critical", "clear", "valid") for side in ("above", "below"))
_LATER = ("for", "clear_for", "remind_every", "escalate_after", "runbook")
MEMBERS = ("unit", *_LIMITS, "valid.not", *_LATER)
NONE = "none"

_ORDER = ("unit", "warning", "critical", "clear", "valid", *_LATER)

Member = float | int | str | list[float | int] | None


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


def member(name: str, text: str) -> Member:
    """Return what the option of one of `MEMBERS` was given, or None for `none`. Raises UserError naming the option."""
    option = "--" + name.replace(".", "-")
    if text == NONE:
        return None
    if name == "valid.not":
        return [number for part in text.split(",") if (number := limit(part.strip(), option=option)) is not None]
    return limit(text, option=option) if "." in name else text


def rule_path(*, metric: str, device: str | None) -> str:
    """Return the path of a rule in the document; `device` is an id or a pattern, None means the metric's default."""
    return f"metrics.{metric}" if device is None else f"devices.{device}.{metric}"


def with_rule(document: str, *, metric: str, device: str | None, members: Mapping[str, Member]) -> str:
    """Return the document with one rule changed, or added; a member (of `MEMBERS`) that is None is taken out."""
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


def layout(value: Any, *, indent: str = "") -> str:
    """Return the document as text, one line for each object that holds no other, as thresholds.json is written.

    An array of objects, such as the mutes, has a line for each.
    """
    inner = indent + "  "
    if isinstance(value, list) and any(isinstance(member, dict) for member in value):
        lines = ",\n".join(f"{inner}{json.dumps(member, ensure_ascii=False)}" for member in value)
        return f"[\n{lines}\n{indent}]"
    if not isinstance(value, dict) or not any(isinstance(member, dict) for member in value.values()):
        return json.dumps(value, ensure_ascii=False)
    members = [f"{inner}{json.dumps(name)}: {layout(member, indent=inner)}" for name, member in value.items()]
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def difference(before: str, after: str) -> list[str]:
    """Return the lines that differ, first those that go (`- `), then those that come (`+ `), with two lines around."""
    lines = difflib.unified_diff(_normal(before), _normal(after), n=2, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in lines if not line.startswith(("---", "+++", "@@"))]


def _rules(top: dict[str, Any], device: str | None) -> dict[str, Any]:
    rules: dict[str, Any] = (
        top.setdefault("metrics", {}) if device is None else top.setdefault("devices", {}).setdefault(device, {})
    )
    return rules


def _normal(document: str) -> list[str]:
    """Return its lines as `layout` writes them, so that spaces are no difference; of what is no JSON, as they are."""
    try:
        return layout(json.loads(document)).splitlines()
    except ValueError:
        return document.splitlines()
