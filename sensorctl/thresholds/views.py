"""A thresholds document as people read it: a table of its rules, and why one of them applies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from lambdas.alert.mail.formatting import amount, counted, duration_text
from lambdas.shared.thresholds import validation as threshold_document
from lambdas.shared.thresholds.gateways import Gateways
from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from lambdas.shared.thresholds.rules import Bounds, Rule, Valid
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl import terminal

_SHORT = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True, kw_only=True)
class Document:
    """The checked rules by name: defaults by metric, then by device pattern, and what is not of one metric."""

    metrics: dict[str, Rule]
    devices: dict[str, dict[str, Rule]]
    silent_after: dict[str, timedelta]
    behind: dict[str, str]
    route_by: str | None = None
    mutes: tuple[RecurringMute, ...] = ()

    @classmethod
    def read(cls, text: str, *, name: str) -> Document:
        """Check and read a document. Raises ThresholdsError."""
        return cls(**threshold_document.read(text, name=name))


def rule_table(document: Document) -> Table:
    """Return all rules, the metrics' defaults first; `>` is past an upper limit, `<` past a lower one."""

    def row(device: str, metric: str, rule: Rule) -> list[str | Text]:
        return [
            *(device, metric, rule.unit or "-"),
            Text(_signs(rule.warning), style="yellow"),
            Text(_signs(rule.critical), style="red"),
            Text(_signs(rule.clear) + (f" for {short(rule.clear_for)}" if rule.clear_for else ""), style="green"),
            *(valid_range(rule.valid), short(rule.hold) if rule.hold else "-"),
            *(short(rule.remind_every), short(rule.escalate_after) if rule.escalate_after else "-"),
            rule.runbook or "-",
        ]

    rows = [row("any", metric, rule) for metric, rule in document.metrics.items()]
    for pattern, rules in document.devices.items():
        rows += [row(pattern, metric, rule) for metric, rule in rules.items()]
    columns = (
        "device",
        "metric",
        "unit",
        "warning",
        "critical",
        "clear",
        "valid",
        "for",
        "remind",
        "escalate",
        "runbook",
    )
    return terminal.table(columns, rows, whole=columns[3:6], optional=(*columns[2:8], *columns[9:]))


def silence_table(document: Document) -> Table:
    """Return how long devices may say nothing, and which gateways they are behind."""
    patterns = dict.fromkeys((*document.silent_after, *document.behind))
    rows = (
        (
            pattern,
            short(document.silent_after[pattern]) if pattern in document.silent_after else "-",
            document.behind.get(pattern, "-"),
        )
        for pattern in patterns
    )
    return terminal.table(("device", "silent_after", "behind"), rows, optional=("behind",))


def mute_table(document: Document, *, now: datetime) -> Table:
    """Return the recurring mutes, and whether each is in force."""
    rows = ((mute.name, mute.devices, mute.metric or "all", _in_force(mute, now=now)) for mute in document.mutes)
    return terminal.table(("mute", "devices", "metric", "now"), rows)


def explain(document: Document, *, device: str, metric: str, now: datetime) -> list[str]:
    """Return lines: every rule that could apply, the most specific first, what the winner means, silence, and mutes."""
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
    mutes = [mute for mute in document.mutes if mute.concerns(device, metric)]
    lines += ["", _silence(document, device), *_behind(document, device), *_route(document)]
    return lines + [f"   {mute.source} {mute.name!r} mutes it: {_in_force(mute, now=now)}" for mute in mutes]


def left_out(document: Document, *, device: str | None, metric: str) -> str | None:
    """Return a warning when a device's rule lacks a level that the default it replaces has, else None."""
    default = document.metrics.get(metric)
    rule = document.devices.get(device, {}).get(metric) if device is not None else None
    if default is None or rule is None:
        return None
    lost = [
        level
        for level in ("warning", "critical", "clear", "valid")
        if getattr(default, level) and not getattr(rule, level)
    ]
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


def valid_range(valid: Valid | None) -> str:
    """Return what counts as measured: `between -55 and 125, not 85`."""
    if valid is None:
        return "-"
    ends = [amount(end, None) if end is not None else "" for end in (valid.above, valid.below)]
    parts = []
    if all(ends):
        parts.append(f"between {ends[0]} and {ends[1]}")
    elif any(ends):
        parts.append(f"above {ends[0]}" if ends[0] else f"below {ends[1]}")
    if valid.excluded:
        parts.append("not " + ", ".join(amount(value, None) for value in valid.excluded))
    return ", ".join(parts) or "-"


def _why(pattern: str, device: str) -> str:
    if pattern == device:
        return "it names the device"
    literal = sum(character not in "*?" for character in pattern)
    return f"its pattern matches with {counted(literal, 'literal character')}"


def _meaning(rule: Rule) -> list[str]:
    rows = [
        (level, _bounds(bounds, unit=rule.unit), f"a reading past it breaches as {level}")
        for level, bounds in (("warning", rule.warning), ("critical", rule.critical))
        if bounds is not None
    ]
    clear = _bounds(rule.clear, unit=rule.unit, joined="and") if rule.clear else "-"
    within = "there; until then nothing changes" if rule.clear else "within bounds"
    rows.append(("clear", clear, f"an alert ends once the newest reading is {within}"))
    if rule.valid is not None:
        rejected = "any other value is rejected: not stored, neither breach nor all-clear"
        rows.append(("valid", valid_range(rule.valid), rejected))
    hold = rule.hold
    opens = f"once readings have been out of bounds for {duration_text(hold)}" if hold else "with the first breach"
    rows.append(("for", short(hold) if hold else "-", f"an alert opens {opens}"))
    if rule.clear_for:
        ends = f"it ends only when readings have been clear for {duration_text(rule.clear_for)}, without one between"
        rows.append(("clear_for", short(rule.clear_for), ends))
    reminded = f"while it is open, an e-mail every {duration_text(rule.remind_every)}"
    rows.append(("remind_every", short(rule.remind_every), reminded))
    if rule.escalate_after is not None:
        within = duration_text(rule.escalate_after)
        rows.append(
            ("escalate_after", short(rule.escalate_after), f"an e-mail unattended unless acknowledged within {within}")
        )
    if rule.runbook is not None:
        rows.append(("runbook", rule.runbook, ""))
    names, values = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    return [f"   {name:<{names}}  {value:<{values}}  {text}" for name, value, text in rows]


def _silence(document: Document, device: str) -> str:
    pattern = next(iter(matching(document.silent_after, device=device)), None)
    if pattern is None:
        return "   silent_after: none; no e-mail is sent when the device stops reporting."
    limit = document.silent_after[pattern]
    return f"   silent_after.{pattern}: {short(limit)}; an e-mail when there is no reading for {duration_text(limit)}."


def _behind(document: Document, device: str) -> list[str]:
    gateways = Gateways(document.behind).of(device)
    if not gateways:
        return []
    pattern = next(name for name in matching(document.behind, device=device) if document.behind[name] == gateways[0])
    above = f", which is behind {' behind '.join(gateways[1:])}" if gateways[1:] else ""
    return [
        f"   behind.{pattern}: {gateways[0]}{above}; while that is cut off, one e-mail is about it and all behind it."
    ]


def _route(document: Document) -> list[str]:
    tag = document.route_by
    if tag is None:
        return []
    return [
        f"   route_by: {tag}; subscribers choose by `--only {tag}=...`; `--only {tag}=-` is of readings without it."
    ]


def _in_force(mute: RecurringMute, *, now: datetime) -> str:
    """Return `in force until 2026-11-26 17:00 UTC`, `always in force` or `not in force now`."""
    if not mute.intervals:
        return "always in force"
    if not mute.is_in_force(now):
        return "not in force now"
    until = mute.until(now)
    return f"in force until {until:%Y-%m-%d %H:%M} UTC" if until is not None else "in force for more than a year"


def _signs(bounds: Bounds | None) -> str:
    if bounds is None:
        return "-"
    sides = [("<", bounds.below), (">", bounds.above)]
    return " ".join(f"{sign}{amount(value, None)}" for sign, value in sides if value is not None)


def _bounds(bounds: Bounds, *, unit: str | None, joined: str = "or") -> str:
    sides = [("below", bounds.below), ("above", bounds.above)]
    return f" {joined} ".join(f"{side} {amount(value, unit)}" for side, value in sides if value is not None)
