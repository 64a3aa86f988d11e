"""Judges the facts, a check for each thing that can be wrong: how severe, what it means, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from lambdas.alert.domain.models import RANK
from lambdas.alert.mail.formatting import counted, duration_text
from lambdas.shared.printable import printable
from sensorctl.devices.listing import DeviceStatus, ago
from sensorctl.redrive.failed_messages import QUEUES, WORKER, FailedMessage
from sensorctl.redrive.waiting import Waiting
from sensorctl.status.facts import RECENT, Facts
from sensorctl.subscribers.subscriptions import Subscriber

# `unknown` is what this AWS does not report; it is neither good nor bad.
Level = Literal["ok", "attention", "broken", "unknown"]

# Queues keep messages for 14 days (constructs_lib/alerts/dead_letters.py); half of that is time to fix and redrive.
_KEPT, _OLD = timedelta(days=14), timedelta(days=7)
# A device that has been silent for longer was taken away, and need not be reported every day.
_GONE = timedelta(days=7)
_NAMED = 3
# AWS's reason for a denied call is at the end of a long sentence.
_LONGEST = 600


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of `sensorctl status`; `do` is what to do about it, None where nothing is to be done."""

    name: str
    level: Level
    says: str
    do: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def judge(facts: Facts) -> list[Check]:
    """Return the checks in the order of the flow."""
    return [
        _last_reading(facts),
        _function(facts, "ingest"),
        _function(facts, "alert"),
        *_queues(facts),
        *_subscribers(facts),
        _thresholds(facts),
        _silence(facts),
        *_clocks(facts),
        *_alarms(facts),
        _alerts(facts),
        _mutes(facts),
    ]


def is_healthy(checks: Sequence[Check]) -> bool:
    """Return whether nothing needs attention."""
    return all(check.level in ("ok", "unknown") for check in checks)


def verdict(checks: Sequence[Check], facts: Facts) -> str:
    """Return the state in a line: what is broken, what needs attention, and how many critical alerts are open."""
    sentences = []
    for level, words in (("broken", "Broken"), ("attention", "Needs attention")):
        names = ", ".join(check.name for check in checks if check.level == level)
        sentences += [f"{words}: {names}."] if names else []
    critical = sum(line.state == "open" and line.severity == "critical" for line in facts.alerts)
    if critical:
        is_open = f"{counted(critical, 'critical alert')} {'is' if critical == 1 else 'are'} open."
        sentences.append(is_open if sentences else f"Working; {is_open}")
    return " ".join(sentences) or "Healthy."


def _last_reading(facts: Facts) -> Check:
    name = "last reading"
    reported = [device for device in facts.devices if device.last_at is not None]
    newest = max(reported, key=lambda device: device.last_at or facts.now, default=None)
    if newest is None or newest.last_at is None:
        do = "upload a file below incoming/ or try `sensorctl simulate`; `sensorctl reconcile` finds what was missed"
        return Check(name=name, level="attention", says="no reading is stored", do=do)
    says = f"{ago(newest.last_at, now=facts.now)}, from {printable(newest.device_id)}"
    return Check(name=name, level="ok", says=says)


def _function(facts: Facts, name: Literal["ingest", "alert"]) -> Check:
    """A function fails when its errors say so, when events of it have just failed, or when its work is not done."""
    metrics = facts.functions[name] if facts.functions is not None else None
    failed = [message for message in _recent(facts) if WORKER[message.queue] == name]
    wrong = []
    if metrics is not None and metrics.errors:
        wrong.append(f"{counted(metrics.errors, 'invocation')} failed in the last {duration_text(RECENT)}")
    if failed:
        newest = max(failed, key=lambda message: message.since)
        wrong.append(f"an event failed for good {ago(newest.since, now=facts.now)}: {_short(newest.error)}")
    if name == "alert":
        wrong += _undone(facts)
    if wrong:
        do = f"`sensorctl traces --failed` and the log of {name} show why; fix it, then `sensorctl redrive`"
        if name == "alert" and not failed:
            do += " or `sensorctl replay --events`"
        return Check(name=name, level="broken", says="; ".join(wrong), do=do)
    if metrics is not None and metrics.throttles:
        says = f"throttled {counted(metrics.throttles, 'time')} in the last {duration_text(RECENT)}"
        says += "; events wait, nothing is lost yet"
        do = "raise reserved_concurrency in cdk.json, or the account's quota"
        return Check(name=name, level="attention", says=says, do=do)
    blind = "; its metrics are not known here" if metrics is None else ""
    return Check(name=name, level="ok", says=f"no event has failed in the last {duration_text(RECENT)}{blind}")


def _undone(facts: Facts) -> Iterator[str]:
    if facts.missed_breaches:
        yield f"it has not taken the breach of {_named(facts.missed_breaches)}"
    if facts.unsent.since is not None:
        since = ago(facts.unsent.since, now=facts.now)
        yield f"{counted(facts.unsent.count, 'e-mail')} not sent, the first from {since}"


def _recent(facts: Facts) -> list[FailedMessage]:
    return [message for queue in facts.waiting for message in queue.seen if facts.now - message.since <= RECENT]


def _queues(facts: Facts) -> Iterator[Check]:
    waiting = [queue for queue in sorted(facts.waiting, key=lambda queue: QUEUES.index(queue.queue)) if queue.count]
    if not waiting:
        yield Check(name="queues", level="ok", says="nothing waits in the failure and dead-letter queues")
    for queue in waiting:
        yield _queue(queue, facts)


def _queue(waiting: Waiting, facts: Facts) -> Check:
    says = f"{counted(waiting.count, 'message')} waiting"
    level: Level = "attention"
    if waiting.seen:
        oldest = min(waiting.seen, key=lambda message: message.since)
        left = _KEPT - (facts.now - oldest.since)
        level = "broken" if left < _KEPT - _OLD else "attention"
        says += f", the oldest seen from {ago(oldest.since, now=facts.now)}, lost in {duration_text(left)}"
        says += f": {_short(printable(oldest.about))}: {_short(printable(oldest.error))}"
    do = f"`sensorctl redrive --queue {waiting.queue} --dry-run` shows them, without --dry-run it does them again"
    return Check(name=f"queue {waiting.queue}", level=level, says=says, do=do)


def _subscribers(facts: Facts) -> Iterator[Check]:
    yield _mailed("subscribers", facts.subscribers, add="`sensorctl subscribers add you@example.com`")
    if facts.alarm_subscribers is not None:
        add = "`sensorctl subscribers add --alarms you@example.com`"
        yield _mailed("alarm subscribers", facts.alarm_subscribers, add=add)


def _mailed(name: str, subscribers: Sequence[Subscriber], *, add: str) -> Check:
    waiting = [printable(subscriber.address) for subscriber in subscribers if not subscriber.confirmed]
    confirmed = len(subscribers) - len(waiting)
    if not subscribers:
        return Check(name=name, level="broken", says="nobody is subscribed: no e-mail reaches anybody", do=add)
    do = "click the link in the e-mail from AWS or give it to `sensorctl subscribers confirm`; `add` sends it again"
    if not confirmed:
        says = f"nobody has confirmed, so no e-mail reaches anybody: {_named(waiting)}"
        return Check(name=name, level="broken", says=says, do=do)
    if waiting:
        says = f"{confirmed} confirmed; not confirmed: {_named(waiting)}"
        return Check(name=name, level="attention", says=says, do=do)
    return Check(name=name, level="ok", says=f"{confirmed} confirmed")


def _thresholds(facts: Facts) -> Check:
    name = "thresholds"
    if facts.thresholds_problem is not None:
        says = f"{facts.thresholds_problem}; the functions go on with the last good ones"
        return Check(name=name, level="broken", says=says, do="fix them with `sensorctl thresholds edit`")
    if facts.functions is None:
        return Check(name=name, level="ok", says="valid; what the functions say of them is not known here")
    refusing = [function for function, metrics in facts.functions.items() if metrics.thresholds_invalid]
    if refusing:
        says = f"valid, but {' and '.join(refusing)} could not use them in the last {duration_text(RECENT)}"
        do = "if they were fixed just now, it will pass; else the function's log says why (may it read the parameter?)"
        return Check(name=name, level="attention", says=says, do=do)
    return Check(name=name, level="ok", says="valid, and both functions use them")


def _silence(facts: Facts) -> Check:
    name = "devices"
    if facts.thresholds_problem is not None:
        return Check(name=name, level="unknown", says="who may be silent is not known without valid thresholds")
    watched = [device for device in facts.devices if device.silent is not None]
    silent = [device for device in watched if device.silent]
    if watched and len(silent) == len(watched):
        newest = max(device.uploaded_at for device in silent if device.uploaded_at is not None)
        says = f"the whole fleet is silent: none of {counted(len(watched), 'device')} has reported for "
        do = (
            "look at the network, gateways and device credentials; `sensorctl reconcile` finds uploads that were missed"
        )
        return Check(name=name, level="broken", says=says + duration_text(facts.now - newest), do=do)
    missed = [device for device in silent if not _gone(device, facts)]
    gone = f"; {len(silent) - len(missed)} gone for over {duration_text(_GONE)}" if len(silent) > len(missed) else ""
    if missed:
        says = f"{len(missed)} of {len(watched)} silent: {_named(_by_gateway(missed))}{gone}"
        return Check(name=name, level="attention", says=says, do="`sensorctl devices --silent` lists them")
    if not watched:
        return Check(name=name, level="ok", says=f"{len(facts.devices)} known, none that must not be silent")
    return Check(name=name, level="ok", says=f"{len(watched) - len(silent)} of {len(watched)} report{gone}")


def _by_gateway(silent: Sequence[DeviceStatus]) -> list[str]:
    """Return silent devices by name, those that are cut off by their gateway's alone."""
    cut_off = Counter(device.cut_off for device in silent if device.cut_off is not None)
    gateways = [f"{name} ({count:,} behind it)" for name, count in cut_off.items()]
    alone = (device.device_id for device in silent if device.cut_off is None and device.device_id not in cut_off)
    return [*gateways, *alone]


def _clocks(facts: Facts) -> Iterator[Check]:
    """List devices whose clocks are wrong: their readings are stored and alerted, but with a wrong time."""
    wrong = [f"{device.device_id} ({device.clock})" for device in facts.devices if device.clock is not None]
    if wrong:
        do = "set the clock of each, by NTP for example; `sensorctl devices` lists them"
        yield Check(name="clocks", level="attention", says=f"{len(wrong)} wrong: {_named(wrong)}", do=do)


def _gone(device: DeviceStatus, facts: Facts) -> bool:
    return device.uploaded_at is not None and facts.now - device.uploaded_at > _GONE


def _alarms(facts: Facts) -> Iterator[Check]:
    if facts.alarms is None:
        yield Check(name="alarms", level="unknown", says="not known here: the embedded AWS evaluates none")
    elif not facts.alarms:
        yield Check(name="alarms", level="ok", says="none rings")
    for alarm in facts.alarms or ():
        means, _, do = alarm.description.partition(" What to do: ")
        says = f"{alarm.name} has rung for {duration_text(facts.now - alarm.since)}: {means}"
        yield Check(name="alarm", level="attention", says=says, do=do or None)


def _alerts(facts: Facts) -> Check:
    """Open alerts are what the pipeline is for: they are listed, and are no fault of its own."""
    running = [line for line in facts.alerts if line.state == "open"]
    if not running:
        return Check(name="alerts", level="ok", says="none is open")
    worst = max((line.severity for line in running), key=lambda severity: RANK[severity])
    taken = [line.acknowledged.by for line in running if line.acknowledged and line.acknowledged.holds(facts.now)]
    by = f", {len(taken)} acknowledged by {_named(sorted(set(taken)))}" if taken else ""
    says = f"{len(running)} open, the most severe {worst}{by}: `sensorctl alerts --open`"
    return Check(name="alerts", level="ok", says=says)


def _mutes(facts: Facts) -> Check:
    """Mutes are somebody's intention, and no fault; what they hold back is counted, so that none hides it."""
    name = "mutes"
    if facts.mutes_unreadable:
        says = f"{counted(facts.mutes_unreadable, 'mute')} cannot be read, so nothing is muted by it"
        do = "`sensorctl mutes list` shows the others; any `sensorctl mutes add` or `end` leaves it out"
        return Check(name=name, level="attention", says=says, do=do)
    running = [line.mute_id for line in facts.mutes if line.state == "running"]
    if not running:
        return Check(name=name, level="ok", says="none is in force")
    held = sum(line.is_running and line.muted is not None for line in facts.alerts)
    says = f"{len(running)} in force ({_named(running)}), holding back {counted(held, 'open alert or silent device')}"
    return Check(name=name, level="ok", says=f"{says}: `sensorctl mutes list`")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(printable, names[:_NAMED])) + more


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
