"""A thresholds document as people read it: a table of its rules, and why one of them applies. Pure; no AWS SDK."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from lambdas.alert.wording import amount, spoken
from lambdas.shared import threshold_document
from lambdas.shared.threshold_rules import Bounds, Rule
from lambdas.shared.thresholds import Thresholds

_SHORT = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True, kw_only=True)
class Document:
    """The checked rules by name: defaults by metric, then by device pattern, and `silent_after` by device pattern."""

    metrics: dict[str, Rule]
    devices: dict[str, dict[str, Rule]]
    silent_after: dict[str, timedelta]

    @classmethod
    def read(cls, text: str, *, name: str) -> Document:
        """Check and read a document. Raises ThresholdsError."""
        return cls(**threshold_document.read(text, name=name))


def rule_table(document: Document) -> Table:
    """Return all rules, the metrics' defaults first; `>` is past an upper limit, `<` past a lower one."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("rule", "device", "metric", "unit", "warning", "critical", "clear", "for", "remind"):
        table.add_column(column, overflow="fold")
    listed = [("default", "any", metric, rule) for metric, rule in document.metrics.items()]
    for pattern, rules in document.devices.items():
        kind = "pattern" if "*" in pattern or "?" in pattern else "device"
        listed += [(kind, pattern, metric, rule) for metric, rule in rules.items()]
    for kind, device, metric, rule in listed:
        table.add_row(
            kind,
            Text(device),
            Text(metric),
            Text(rule.unit or "-"),
            Text(_signs(rule.warning), style="yellow"),
            Text(_signs(rule.critical), style="red"),
            Text(_signs(rule.clear), style="green"),
            short(rule.hold) if rule.hold else "-",
            short(rule.remind_every),
        )
    return table


def silence_table(document: Document) -> Table:
    """Return how long devices may say nothing."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("device")
    table.add_column("silent_after")
    for pattern, limit in document.silent_after.items():
        table.add_row(Text(pattern), short(limit))
    return table


def explain(document: Document, *, device: str, metric: str) -> list[str]:
    """Return lines: every rule that could apply, the most specific first, what the winner means, and the silence."""
    patterns = [pattern for pattern, rules in document.devices.items() if metric in rules]
    candidates = [
        (document.devices[pattern][metric], _why(pattern, device)) for pattern in matching(patterns, device=device)
    ]
    if metric in document.metrics:
        candidates.append((document.metrics[metric], "the metric's default"))
    lines = [f"{metric} of {device}"]
    if not candidates:
        lines += ["  No rule: its readings are stored, and none of them alerts."]
        lines += [f"  Metrics with a default: {', '.join(document.metrics) or 'none'}."]
    width = max((len(rule.source) for rule, _ in candidates), default=0)
    for place, (rule, why) in enumerate(candidates):
        mark, verdict = ("->", "applies: ") if place == 0 else ("  ", "does not: less specific, ")
        lines.append(f"{mark} {rule.source:<{width}}  {verdict}{why}")
    if len(candidates) > 1:
        lines.append("   The first replaces the others whole; only a missing unit is taken from the default.")
    if candidates:
        lines += ["", *_meaning(candidates[0][0])]
    return [*lines, "", _silence(document, device)]


def left_out(document: Document, *, device: str | None, metric: str) -> str | None:
    """Return a warning when a device's rule lacks a level that the default it replaces has, else None."""
    default = document.metrics.get(metric)
    rule = document.devices.get(device, {}).get(metric) if device is not None else None
    if default is None or rule is None:
        return None
    lost = [level for level in ("warning", "critical", "clear") if getattr(default, level) and not getattr(rule, level)]
    if not lost:
        return None
    return f"{rule.source} replaces {default.source} whole, and has no {' and no '.join(lost)} of its own."


def matching(patterns: Iterable[str], *, device: str) -> list[str]:
    """Return the device patterns that match, in the order in which the functions prefer them.

    It asks the functions' own selection for its winner, then again without that one, so the two cannot differ.
    """
    left = {pattern: {"": Rule(source=pattern)} for pattern in patterns}
    found: list[str] = []
    while (rule := Thresholds(metrics={}, devices=left, silent_after={}).rule_for(device, "")) is not None:
        found.append(rule.source)
        left = {pattern: rules for pattern, rules in left.items() if pattern != rule.source}
    return found


def short(duration: timedelta) -> str:
    """Return a duration as the document writes it: 90s, 5m, 4h, 1d."""
    seconds = int(duration.total_seconds())
    return next(f"{seconds // size}{unit}" for unit, size in _SHORT if seconds % size == 0)


def _why(pattern: str, device: str) -> str:
    if pattern == device:
        return "it names the device"
    literal = sum(character not in "*?" for character in pattern)
    return f"its pattern matches with {literal} literal character{'' if literal == 1 else 's'}"


def _meaning(rule: Rule) -> list[str]:
    rows = [
        (level, _bounds(bounds, unit=rule.unit), f"a reading past it breaches as {level}")
        for level, bounds in (("warning", rule.warning), ("critical", rule.critical))
        if bounds is not None
    ]
    if rule.clear is not None:
        ends = _bounds(rule.clear, unit=rule.unit, joined="and")
        rows.append(("clear", ends, "an alert ends once the newest reading is there; until then nothing changes"))
    else:
        rows.append(("clear", "-", "an alert ends once the newest reading is within bounds"))
    if rule.hold:
        rows.append(
            ("for", short(rule.hold), f"an alert opens once readings have been out of bounds for {spoken(rule.hold)}")
        )
    else:
        rows.append(("for", "-", "an alert opens with the first breach"))
    rows.append(
        ("remind_every", short(rule.remind_every), f"while it is open, an e-mail every {spoken(rule.remind_every)}")
    )
    names, values = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    return [f"   {name:<{names}}  {value:<{values}}  {text}" for name, value, text in rows]


def _silence(document: Document, device: str) -> str:
    pattern = next(iter(matching(document.silent_after, device=device)), None)
    if pattern is None:
        return "   silent_after: none; nobody is told when the device says nothing."
    limit = document.silent_after[pattern]
    return f"   silent_after.{pattern}: {short(limit)}; an e-mail when there is no reading for {spoken(limit)}."


def _signs(bounds: Bounds | None) -> str:
    if bounds is None:
        return "-"
    sides = [("<", bounds.below), (">", bounds.above)]
    return " ".join(f"{sign}{amount(value, None)}" for sign, value in sides if value is not None)


def _bounds(bounds: Bounds, *, unit: str | None, joined: str = "or") -> str:
    sides = [("below", bounds.below), ("above", bounds.above)]
    return f" {joined} ".join(f"{side} {amount(value, unit)}" for side, value in sides if value is not None)
