"""The words of each kind of notice: label, headline, sentence, rows and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from lambdas.alert.domain.lifecycle import CALM_AFTER
from lambdas.alert.domain.notices import AlertFacts, FloodFacts, Notice, PendingBreach, RejectedFacts, SilenceFacts
from lambdas.alert.mail.formatting import acknowledged_text, amount, counted, duration_text, masked, utc, utc_argument
from lambdas.shared.events import Bound, ObjectRef, ReadingsRejected, ThresholdBreached
from lambdas.shared.printable import printable
from lambdas.shared.thresholds.rules import Crossing

_OTHER: dict[Bound, Bound] = {"above": "below", "below": "above"}
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an e-mail comes from: the stage, and the region whose X-Ray console has the traces."""

    stage: str
    region: str

    @property
    def options(self) -> str:
        """Return the options that lead a `sensorctl` command there, whatever the reader's own defaults are."""
        return f"--stage {self.stage} --region {self.region}"


@dataclass(frozen=True, kw_only=True)
class Text:
    """The parts of one e-mail; the Subject is `label`, `device` (or source prefix), `metric` and `tail`.

    `rows` are (label, text); `pointers` are (title, one line that is not wrapped: a link or a command). In `runbook`,
    the operator's own text, a link stays one.
    """

    label: str
    device: str = ""
    metric: str = ""
    tail: str
    sentence: str
    rows: tuple[tuple[str, str], ...]
    pointers: tuple[tuple[str, str], ...] = ()
    runbook: str | None = None


def text_of(notice: Notice, *, origin: Origin) -> Text:
    """Return the words of a notice. Raises ValueError for a digest, which has words of its own."""
    if notice.alert is not None:
        return _alert(notice, notice.alert, origin=origin)
    if notice.silence is not None:
        return _silence(notice, notice.silence, origin=origin)
    if notice.rejected is not None:
        return _rejected(notice.rejected, origin=origin)
    if notice.flood is not None:
        return _flood(notice.flood, origin=origin)
    raise ValueError(f"a notice of kind {notice.kind} has nothing to say")


def _alert(notice: Notice, facts: AlertFacts, *, origin: Origin) -> Text:
    breach = facts.breach
    tail, sentence = _tail_and_sentence(notice, facts)
    unit = facts.unit or breach.unit
    limit = facts.limit or breach
    bound = _bound(limit, unit=unit if facts.limit is not None else breach.unit)
    rows = [("Since", _since(facts)), ("Limit", f"{bound} ({limit.severity})")]
    rows += [(printable(name), printable(value)) for name, value in (breach.tags or {}).items()]
    if facts.opposite is not None:
        rows.append(("Also", f"{_OTHER[breach.bound]} its {facts.opposite} limit"))
    if facts.cleared is not None:
        rows.append(("Clear", f"{amount(facts.cleared.value, unit)}, read {utc(facts.cleared.at)}"))
    if facts.latest is not None and facts.latest != facts.cleared:
        label = "Now" if facts.quiet_since is None else "Last"
        rows.append((label, f"{amount(facts.latest.value, unit)}, read {utc(facts.latest.at)}"))
    about_this_breach = notice.kind in ("opened", "escalated", "crossed")
    rows.append(("Value" if about_this_breach else "Worst", amount(breach.value, breach.unit)))
    if facts.withheld_at is not None:
        rows.append(("Muted", f"its e-mails were withheld from {utc(facts.withheld_at)} until now"))
    rows.append(("Readings", f"{breach.count:,} out of bounds in this object"))
    rows += _object_rows(breach.object)
    if facts.acknowledged is not None:
        rows.append(("Acknowledged", acknowledged_text(facts.acknowledged)))
    device, metric = shlex.quote(printable(facts.device_id)), shlex.quote(printable(facts.metric))
    see = f"sensorctl readings {device} --metric {metric} --since {utc_argument(facts.since)} {origin.options}"
    label = "resolved" if facts.level is None else facts.level
    acknowledge = f"sensorctl alerts ack {notice.alert_id} {origin.options}"
    return Text(
        label="unattended" if notice.kind == "unattended" else label,
        device=facts.device_id,
        metric=facts.metric,
        tail=tail,
        sentence=sentence,
        rows=tuple(rows),
        pointers=(
            *([("Acknowledge it", acknowledge)] if facts.level is not None else []),
            ("See the readings", see),
            *_trace(breach.trace_id, region=origin.region),
        ),
        runbook=facts.runbook,
    )


def _tail_and_sentence(notice: Notice, facts: AlertFacts) -> tuple[str, str]:
    """Return the end of the Subject and the first sentence of the body."""
    breach = facts.breach
    what = f"{printable(facts.device_id)}: {printable(facts.metric)}"
    value, bound = amount(breach.value, breach.unit), _bound(breach, unit=breach.unit)
    lasted = duration_text(facts.until - facts.since)
    tail = f"{value} {breach.bound} {breach.limit:.10g}"
    match notice.kind:
        case "opened":
            sentence = f"{what} is {value}, {bound}, the {breach.severity} limit."
        case "escalated":
            tail += ", was warning"
            sentence = f"{what} has gone from warning to critical: {value}, {bound}."
        case "crossed":
            tail += f", was {_OTHER[breach.bound]}"
            sentence = f"{what} has crossed the other side of its range: {value}, {bound}, the {breach.severity} limit."
        case "deescalated":
            tail = "no longer critical"
            calm = f"nothing critical was read for {duration_text(CALM_AFTER)}, and the alert goes on as a warning."
            sentence = f"{what} is no longer critical: {calm}"
        case "unattended":
            waited = duration_text(facts.until - (facts.unattended_since or facts.since))
            tail = f"{facts.level}, nobody has acknowledged it for {waited}"
            sentence = f"Nobody has acknowledged the alert on {what} for {waited}: {value}, {bound}, at its worst."
        case "reminder" if facts.quiet_since is not None:
            tail = f"still open after {lasted}, no reading for {duration_text(facts.until - facts.quiet_since)}"
            sentence = (
                f"The alert on {what} is still open after {lasted}, and there has been no reading since "
                f"{utc(facts.quiet_since)}."
            )
        case "reminder" if facts.clear_for:
            tail = f"still open after {lasted}, clear again"
            wait = duration_text(timedelta(seconds=facts.clear_for))
            sentence = f"{what} is clear again, but not yet for {wait}, and the alert is open after {lasted}."
        case "reminder":
            tail = f"still open after {lasted}"
            sentence = f"{what} has not been back within its limits for {lasted}, and the alert is still open."
        case _ if facts.reason is not None:
            tail, sentence = f"closed after {lasted}", f"The alert on {what} ended after {lasted}: {facts.reason}."
        case _:
            tail = f"after {lasted}"
            if facts.cleared is not None:
                tail = f"{amount(facts.cleared.value, facts.unit or breach.unit)} {tail}"
            sentence = f"{what} is back within its limits, after {lasted}."
    return tail, sentence


def _silence(notice: Notice, facts: SilenceFacts, *, origin: Origin) -> Text:
    lasted, device = duration_text(facts.until - facts.since), printable(facts.device_id)
    rows = [
        ("Last seen", utc(facts.since)),
        ("Expected", f"a reading at least every {duration_text(timedelta(seconds=facts.limit))}"),
    ]
    if facts.behind_count:
        rows.append(("Behind it", _named_of(facts.behind, count=facts.behind_count)))
    devices = counted(facts.behind_count, "device")
    if notice.kind == "silent" and facts.behind_count:
        label, tail = "silent", f"no reading for {lasted}, nor of {facts.behind_count} behind it"
        sentence = f"Nothing has come through {device} for {lasted}, nor from {devices} behind it."
    elif notice.kind == "silent":
        label, tail = "silent", f"no reading for {lasted}"
        sentence = f"{device} has sent no reading for {lasted}."
        if facts.pending:
            tail += ", was out of bounds"
            sentence += f" {_metrics_pending(facts)} out of bounds when it fell silent, with an alert still pending."
            rows += [("Pending", _pending(pending)) for pending in facts.pending]
    else:
        label, tail = "back", f"reports again after {lasted}"
        sentence = f"{device} sends readings again, after a silence of {lasted}."
        if facts.behind_count:
            sentence += f" Of the {devices} behind it, those that stay silent are mailed one by one."
        rows.insert(1, ("Back at", utc(facts.until)))
    see = f"sensorctl readings {shlex.quote(device)} --since {utc_argument(facts.since)} {origin.options}"
    return Text(
        label=label,
        device=facts.device_id,
        tail=tail,
        sentence=sentence,
        rows=tuple(rows),
        pointers=(("See the readings", see),),
    )


def _metrics_pending(facts: SilenceFacts) -> str:
    """Return the metrics with their verb: `a was`, `a, b and 3 more were`."""
    names = [pending.breach.metric for pending in facts.pending]
    return f"{_named_of(names, count=facts.pending_count)} {_was(facts.pending_count)}"


def _named_of(names: Sequence[str], *, count: int) -> str:
    """Return the first of `count` names: `a, b and 3 more`."""
    more = count - len(names)
    return ", ".join(map(printable, names)) + (f" and {more:,} more" if more > 0 else "")


def _pending(pending: PendingBreach) -> str:
    breach = pending.breach
    crossing = f"{amount(breach.value, breach.unit)}, {_bound(breach, unit=breach.unit)} ({breach.severity})"
    return f"{printable(breach.metric)} {crossing}, since {utc(pending.since)}"


def _rejected(facts: RejectedFacts, *, origin: Origin) -> Text:
    rejected = facts.rejected
    total, values = rejected.stored + rejected.rejected, rejected.values_rejected
    parts = [f"{rejected.rejected:,} of {counted(total, 'record')}"] if rejected.rejected or not values else []
    parts += [counted(values, "single value")] if values else []
    counts = sorted(rejected.reasons.items(), key=lambda reason: (-reason[1], reason[0]))
    examples = [
        (f"At {printable(example.position)}", f"{printable(example.reason)}: {printable(masked(example.detail))}")
        for example in rejected.examples
    ]
    source = rejected.object
    return Text(
        label="rejected",
        device=facts.prefix,
        tail=f"{parts[0].replace(',', '')} in {source.key.rsplit('/', 1)[-1]}",
        sentence=(
            f"{' and '.join(parts)} of one object {_was(rejected.rejected + values)} rejected; "
            f"{counted(rejected.stored, 'reading')} {_was(rejected.stored)} stored. "
            f"{_unwatched(rejected)}"
            f"More from {printable(facts.prefix) or 'the same folder'} in this hour are logged, not mailed."
        ),
        rows=(
            ("Reasons", ", ".join(f"{printable(reason)} {count:,}" for reason, count in counts) or "none given"),
            *examples,
            *_object_rows(source),
        ),
        pointers=(
            *(
                [("The rejected records", f"s3://{printable(source.bucket)}/{printable(rejected.quarantine_key)}")]
                if rejected.quarantine_key
                else []
            ),
            *_trace(rejected.trace_id, region=origin.region),
        ),
    )


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _unwatched(rejected: ReadingsRejected) -> str:
    count = rejected.reasons.get("too_many_devices", 0)
    return f"{count:,} are of more devices than a source may have: stored, but not watched. " if count else ""


def _flood(facts: FloodFacts, *, origin: Origin) -> Text:
    first, source = facts.first, printable(facts.source) or "Uploads in no folder"
    what = f"{printable(first.device_id)} {printable(first.metric)}, {amount(first.value, first.unit)}"
    return Text(
        label="flood",
        device=facts.source,
        tail=f"more than {facts.most} new alerts in an hour",
        sentence=(
            f"What {source} uploaded in one hour has opened more than {facts.most:,} alerts over the e-mail budget. "
            "Those beyond are open in the ledger, and neither their beginning nor their end is mailed, unless they get "
            "worse or go on until a reminder. Look whether this source is in order: a rule that it cannot meet, a "
            "sensor or gateway out of order, or credentials in other hands."
        ),
        rows=(
            ("Hour", f"from {facts.hour.removesuffix('Z').replace('T', ' ')}:00 UTC on"),
            ("First", what),
            *_object_rows(first.object),
        ),
        pointers=(
            ("See all that are open", f"sensorctl alerts --open {origin.options}"),
            *_trace(first.trace_id, region=origin.region),
        ),
    )


def _since(facts: AlertFacts) -> str:
    lasted = facts.until - facts.since
    return utc(facts.since) + (f", for {duration_text(lasted)}" if lasted.total_seconds() >= 1 else "")


def _bound(limit: Crossing | ThresholdBreached, *, unit: str | None) -> str:
    return f"{limit.bound} {amount(limit.limit, unit)}"


def _object_rows(source: ObjectRef) -> list[tuple[str, str]]:
    rows = [("Object", f"s3://{printable(source.bucket)}/{printable(source.key)}")]
    if source.version_id:
        rows.append(("Version", printable(source.version_id)))
    return rows


def _trace(trace_id: str | None, *, region: str) -> tuple[tuple[str, str], ...]:
    """Link to the trace in the X-Ray console, if there is one; an id of another shape has no page there."""
    if trace_id is None or not _TRACE_ID.fullmatch(trace_id):
        return ()
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    return (("Trace of the upload", f"{console}#xray:traces/{trace_id}"),)
