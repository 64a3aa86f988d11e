"""The words of each kind of notice: label, headline, sentence, rows and commands. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from lambdas.alert.lifecycle import CALM_AFTER
from lambdas.alert.records import AlertFacts, Notice, RejectedFacts, SilenceFacts
from lambdas.alert.wording import amount, spoken, utc, utc_argument
from lambdas.shared.contracts import ObjectRef, ThresholdBreached
from lambdas.shared.printable import printable

_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")


@dataclass(frozen=True, kw_only=True)
class Text:
    """The parts of one e-mail; the Subject is `label`, `device` (or source prefix), `metric` and `tail`.

    `rows` are (label, text); `pointers` are (title, one line that is not wrapped: a link or a command).
    """

    label: str
    device: str = ""
    metric: str = ""
    tail: str
    sentence: str
    rows: tuple[tuple[str, str], ...]
    pointers: tuple[tuple[str, str], ...] = ()


def text_of(notice: Notice, *, region: str) -> Text:
    """Return the words of a notice. Raises ValueError for a digest, which has words of its own."""
    if notice.alert is not None:
        return _alert(notice, notice.alert, region=region)
    if notice.silence is not None:
        return _silence(notice, notice.silence)
    if notice.rejected is not None:
        return _rejected(notice.rejected, region=region)
    raise ValueError(f"a notice of kind {notice.kind} has nothing to say")


def _alert(notice: Notice, facts: AlertFacts, *, region: str) -> Text:
    breach = facts.breach
    tail, sentence = _told(notice, facts)
    rows = [("Since", _since(facts)), ("Limit", f"{_bound(breach)} ({breach.severity})")]
    if facts.latest is not None:
        rows.append(("Now", f"{amount(facts.latest.value, breach.unit)}, read {utc(facts.latest.at)}"))
    about_this_breach = notice.kind in ("opened", "escalated")
    rows.append(("Value" if about_this_breach else "Worst", amount(breach.value, breach.unit)))
    rows.append(("Readings", f"{breach.count:,} out of bounds in this object"))
    rows += _object_rows(breach.object)
    device, metric = shlex.quote(printable(facts.device_id)), shlex.quote(printable(facts.metric))
    see = f"sensorctl readings {device} --metric {metric} --since {utc_argument(facts.since)}"
    label = "resolved" if facts.level is None else facts.level
    return Text(
        label=label,
        device=facts.device_id,
        metric=facts.metric,
        tail=tail,
        sentence=sentence,
        rows=tuple(rows),
        pointers=(("See the readings", see), *_trace(breach.trace_id, region=region)),
    )


def _told(notice: Notice, facts: AlertFacts) -> tuple[str, str]:
    """Return the end of the Subject and the first sentence of the body."""
    breach = facts.breach
    what = f"{printable(facts.device_id)}: {printable(facts.metric)}"
    value, bound, limit = amount(breach.value, breach.unit), _bound(breach), f"{breach.limit:.10g}"
    lasted = spoken(facts.until - facts.since)
    short = f"{value} {breach.bound} {limit}"
    match notice.kind:
        case "opened":
            return short, f"{what} is {value}, {bound}, the {breach.severity} limit."
        case "escalated":
            return f"{short}, was warning", f"{what} has gone from warning to critical: {value}, {bound}."
        case "deescalated":
            calm = f"nothing critical was read for {spoken(CALM_AFTER)}, and the alert goes on as a warning."
            return "no longer critical", f"{what} is no longer critical: {calm}"
        case "reminder":
            told = f"{what} has not been back within its limits for {lasted}, and the alert is still open."
            return f"still open after {lasted}", told
        case _ if facts.reason is not None:
            return f"closed after {lasted}", f"The alert on {what} ended after {lasted}: {facts.reason}."
        case _:
            now = f"{amount(facts.latest.value, breach.unit)} " if facts.latest is not None else ""
            return f"{now}after {lasted}", f"{what} is back within its limits, after {lasted}."


def _silence(notice: Notice, facts: SilenceFacts) -> Text:
    lasted, device = spoken(facts.until - facts.since), printable(facts.device_id)
    rows = [("Last seen", utc(facts.since)), ("Expected", f"a reading at least every {spoken(facts.limit)}")]
    if notice.kind == "silent":
        label, tail = "silent", f"no reading for {lasted}"
        sentence = f"{device} has sent no reading for {lasted}."
    else:
        label, tail = "back", f"reports again after {lasted}"
        sentence = f"{device} sends readings again, after a silence of {lasted}."
        rows.insert(1, ("Back at", utc(facts.until)))
    see = f"sensorctl readings {shlex.quote(device)} --since {utc_argument(facts.since)}"
    return Text(
        label=label,
        device=facts.device_id,
        tail=tail,
        sentence=sentence,
        rows=tuple(rows),
        pointers=(("See the readings", see),),
    )


def _rejected(facts: RejectedFacts, *, region: str) -> Text:
    rejected = facts.rejected
    total = rejected.stored + rejected.rejected
    counts = sorted(rejected.reasons.items(), key=lambda reason: (-reason[1], reason[0]))
    examples = [
        (f"At {printable(example.position)}", f"{printable(example.reason)}: {printable(example.detail)}")
        for example in rejected.examples
    ]
    source = rejected.object
    return Text(
        label="rejected",
        device=facts.prefix,
        tail=f"{rejected.rejected} of {total} records in {source.key.rsplit('/', 1)[-1]}",
        sentence=(
            f"{rejected.rejected:,} of {total:,} records of one object were rejected; {rejected.stored:,} were stored. "
            f"More from {printable(facts.prefix) or 'the same folder'} in this hour are logged, not mailed."
        ),
        rows=(
            ("Reasons", ", ".join(f"{printable(reason)} {count:,}" for reason, count in counts) or "none given"),
            *examples,
            *_object_rows(source),
        ),
        pointers=(
            ("The rejected records", f"s3://{printable(source.bucket)}/{printable(rejected.quarantine_key)}"),
            *_trace(rejected.trace_id, region=region),
        ),
    )


def _since(facts: AlertFacts) -> str:
    lasted = facts.until - facts.since
    return utc(facts.since) + (f", for {spoken(lasted)}" if lasted.total_seconds() >= 1 else "")


def _bound(breach: ThresholdBreached) -> str:
    return f"{breach.bound} {amount(breach.limit, breach.unit)}"


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
