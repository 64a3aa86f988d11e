"""The JSON that programs get of a notice: what its e-mail says, with numbers as numbers and times as RFC 3339.

Beside our own members stand those of a custom notification of Amazon Q Developer in chat applications (its
Administrator Guide, "Custom notifications": version, source, id, content, metadata), so that a chat channel may be
subscribed to the same topic. Headline, text and commands stand there alone.

Everything in it is bounded: under 64 KB, which SNS counts as one request. `docs/events/` has its schema, made from
these classes; a member may be added with a default, none may be taken away or change its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from lambdas.alert.domain.notices import Acknowledgement, AlertFacts, Kind, Notice, SilenceFacts
from lambdas.alert.mail.formatting import cut, masked, unlinked
from lambdas.alert.mail.sentences import Text
from lambdas.shared.events import Bound, ObjectRef, ReadingsRejected, RejectExample, Severity
from lambdas.shared.printable import printable
from lambdas.shared.times import timestamp

NAMED_MOST = 50
NOBODY = "-"
_TEXT_MOST = 4_000
_LINE_MOST = 256
# Slack takes `<!channel>` for a mention and `<https://...|text>` for a link; file names may hold them.
_NO_MENTIONS = str.maketrans("<>", "()")


def _described(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


Time = Annotated[str | None, _described("RFC 3339, UTC, with microseconds.")]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What people read of it in a chat."""

    title: Annotated[str, _described("The headline: the e-mail's Subject.")]
    description: Annotated[str, _described("What happened, and the e-mail's rows below it, a line each.")]
    nextSteps: Annotated[tuple[str, ...], _described("Ready commands and links, each with what it is for.")] = ()  # noqa: N815


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """How a chat sorts it."""

    threadId: Annotated[str, _described("The alert_id: a chat keeps one alert in one thread.")]  # noqa: N815
    summary: str
    eventType: Annotated[str, _described("The kind.")]  # noqa: N815
    relatedResources: Annotated[tuple[str, ...], _described("The object that it came from.")] = ()  # noqa: N815


class LatestReading(msgspec.Struct, frozen=True, kw_only=True):
    """The newest reading of the metric, where it is newer than the breach."""

    at: str
    value: float | int


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Who has taken the alert on: it lapses at until, or lasts as long as the alert."""

    by: str
    at: str
    until: str | None = None
    note: str | None = None


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that a digest stands for."""

    alert_id: str
    kind: Kind
    severity: Severity | None = None
    status: Literal["firing", "resolved"] | None = None
    device_id: str | None = None
    metric: str | None = None
    tags: dict[str, str] | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """How many records and values of one object were rejected, why, and where they are listed."""

    stored: int
    records: int
    values: int
    reasons: dict[str, int]
    examples: tuple[RejectExample, ...]
    quarantine_key: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One notification about an alert, a silent device, rejected records or many alerts at once.

    It may come twice, with the same id. All of one alert have its alert_id.
    """

    version: Annotated[Literal["1.0"], _described("The version of AWS's format for chats; ours is schema.")] = "1.0"
    source: Literal["custom"] = "custom"
    id: Annotated[str, _described("Of this notification: a second one with the same id is a repetition.")] = ""
    content: Content
    metadata: Metadata
    schema: Literal[1] = 1
    alert_id: Annotated[str, _described("What deduplicates: the same from the first to the last of one alert.")]
    kind: Kind
    stage: str
    region: str
    status: Annotated[
        Literal["firing", "resolved"] | None,
        _described("null for what has no end: rejected records, a flood, a digest."),
    ] = None
    severity: Annotated[Severity | None, _described("The worst that the alert has had; null for what has none.")] = None
    level: Annotated[Severity | None, _described("What holds now; null once the alert has ended.")] = None
    device_id: Annotated[str | None, _described("Of rejected and flood, the source: the first folder.")] = None
    metric: str | None = None
    value: Annotated[float | int | None, _described("Of the breach it is about, else the worst, in unit.")] = None
    unit: str | None = None
    bound: Annotated[Bound | None, _described("On which side of limit value is.")] = None
    limit: Annotated[float | int | None, _described("The limit that value crossed, as it was then.")] = None
    readings: Annotated[int | None, _described("How many of the object's readings were out of bounds.")] = None
    since: Time = None
    until: Time = None
    latest: LatestReading | None = None
    object: ObjectRef | None = None
    tags: Annotated[dict[str, str] | None, _described("The tag that route_by names; null without one.")] = None
    trace_id: str | None = None
    links: Annotated[dict[str, str], _described("Addresses by what they show.")] = {}
    commands: Annotated[dict[str, str], _described("Commands by what they do.")] = {}
    acknowledged: Annotated[Acknowledged | None, _described("By whom last, also if that has lapsed.")] = None
    runbook: Annotated[str | None, _described("What its rule says to do, or where that stands.")] = None
    behind: Annotated[tuple[str, ...] | None, _described("The first devices behind a silent gateway.")] = None
    behind_count: int | None = None
    rejected: Rejected | None = None
    counted: Annotated[int | None, _described("How many notices a digest stands for.")] = None
    named: Annotated[tuple[Counted, ...] | None, _described("The worst of them.")] = None


def document_of(notice: Notice, text: Text, *, title: str, stage: str, region: str) -> Notification:
    """Return the document of any notice but a digest; `text` and `title` are its e-mail's."""
    links = {name: line for name, line in text.pointers if "://" in line}
    lines = [text.sentence, *(f"{label}: {row}" for label, row in text.rows)]
    common = Notification(
        content=Content(
            title=title,
            description=_safe("\n".join(lines), _TEXT_MOST),
            nextSteps=tuple(_safe(f"{name}: {line}", _TEXT_MOST) for name, line in text.pointers),
        ),
        metadata=Metadata(threadId=notice.alert_id, summary=title, eventType=notice.kind),
        alert_id=notice.alert_id,
        kind=notice.kind,
        stage=stage,
        region=region,
        status=_status(notice),
        severity=notice.severity,
        device_id=printable(text.device) or None,
        metric=printable(text.metric) or None,
        links=links,
        commands={name: line for name, line in text.pointers if name not in links},
    )
    if notice.alert is not None:
        return _of_alert(common, notice.alert)
    if notice.silence is not None:
        return _of_silence(common, notice.silence)
    if notice.flood is not None:
        return _from(common, notice.flood.first.object, trace_id=notice.flood.first.trace_id)
    if notice.rejected is not None:
        return _of_rejected(common, notice.rejected.rejected)
    return common


def digest_document(
    digest_id: str,
    notices: Sequence[Notice],
    *,
    named: Sequence[Notice],
    severity: Severity | None,
    content: Content,
    stage: str,
    region: str,
) -> Notification:
    """Return the document that stands for all `notices` and names the `named` ones, at most `NAMED_MOST`."""
    return Notification(
        content=content,
        metadata=Metadata(threadId=digest_id, summary=content.title, eventType="digest"),
        alert_id=digest_id,
        kind="digest",
        stage=stage,
        region=region,
        severity=severity,
        commands=dict(step.split(": ", 1) for step in content.nextSteps),
        counted=len(notices),
        named=tuple(_counted(notice) for notice in named[:NAMED_MOST]),
    )


def attributes_of(document: Notification) -> dict[str, str]:
    """Return the message attributes, which filter policies look at; SNS takes no empty one."""
    return {
        "kind": document.kind,
        "severity": document.severity or "none",
        "device_id": document.device_id or NOBODY,
        "metric": document.metric or NOBODY,
        **(document.tags or {}),
    }


def document_in(message: object) -> Notification | None:
    """Return the document that a decoded message is, or None: it is something else."""
    with suppress(msgspec.ValidationError):
        return msgspec.convert(message, Notification)
    return None


def to_json(document: Notification, *, id: str) -> str:
    """Return the text that is published."""
    return msgspec.json.encode(replace(document, id=id)).decode()


def _of_alert(common: Notification, facts: AlertFacts) -> Notification:
    breach, latest = facts.breach, facts.cleared or facts.latest
    return replace(
        _from(common, breach.object, trace_id=breach.trace_id),
        level=facts.level,
        value=breach.value,
        unit=breach.unit,
        bound=breach.bound,
        limit=breach.limit,
        readings=breach.count,
        since=timestamp(facts.since),
        until=timestamp(facts.until),
        latest=LatestReading(at=timestamp(latest.at), value=latest.value) if latest is not None else None,
        tags=breach.tags,
        acknowledged=_acknowledged(facts.acknowledged) if facts.acknowledged is not None else None,
        runbook=cut(printable(facts.runbook), _TEXT_MOST) if facts.runbook is not None else None,
    )


def _acknowledged(given: Acknowledgement) -> Acknowledged:
    return Acknowledged(
        by=cut(printable(given.by), _LINE_MOST),
        at=timestamp(given.at),
        until=timestamp(given.until) if given.until is not None else None,
        note=cut(printable(given.note), _TEXT_MOST) if given.note is not None else None,
    )


def _of_silence(common: Notification, facts: SilenceFacts) -> Notification:
    return replace(
        common,
        since=timestamp(facts.since),
        until=timestamp(facts.until),
        behind=facts.behind or None,
        behind_count=facts.behind_count or None,
    )


def _of_rejected(common: Notification, rejected: ReadingsRejected) -> Notification:
    examples = (
        RejectExample(
            position=example.position, reason=example.reason, detail=_safe(masked(example.detail), _LINE_MOST)
        )
        for example in rejected.examples
    )
    return replace(
        _from(common, rejected.object, trace_id=rejected.trace_id),
        rejected=Rejected(
            stored=rejected.stored,
            records=rejected.rejected,
            values=rejected.values_rejected,
            reasons=rejected.reasons,
            examples=tuple(examples),
            quarantine_key=rejected.quarantine_key,
        ),
    )


def _from(common: Notification, source: ObjectRef, *, trace_id: str | None) -> Notification:
    resources = (_safe(f"s3://{source.bucket}/{source.key}", _TEXT_MOST),)
    return replace(
        common, object=source, trace_id=trace_id, metadata=replace(common.metadata, relatedResources=resources)
    )


def _counted(notice: Notice) -> Counted:
    facts = notice.alert
    of_silence = notice.silence.device_id if notice.silence is not None else None
    return Counted(
        alert_id=notice.alert_id,
        kind=notice.kind,
        severity=notice.severity,
        status=_status(notice),
        device_id=facts.device_id if facts is not None else of_silence,
        metric=facts.metric if facts is not None else None,
        tags=facts.breach.tags if facts is not None else None,
    )


def _status(notice: Notice) -> Literal["firing", "resolved"] | None:
    if notice.alert is not None:
        return "firing" if notice.alert.level is not None else "resolved"
    if notice.silence is not None:
        return "resolved" if notice.kind == "back" else "firing"
    return None


def _safe(text: str, most: int) -> str:
    """Return device's own words so that no chat makes links, mentions or lines of them."""
    return cut("\n".join(unlinked(printable(line)) for line in text.split("\n")).translate(_NO_MENTIONS), most)
