"""What an e-mail says: a notice in, Subject, body and message attributes out, and the document for programs.

The Subject is printable ASCII of at most 99 characters (SNS API Reference, "Publish": fewer than 100, no control
characters); attributes are never empty, which SNS refuses.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.alert.domain.fairness import round_robin, source_of_notice
from lambdas.alert.domain.joining import severity_key
from lambdas.alert.domain.models import RANK
from lambdas.alert.domain.notices import Notice
from lambdas.alert.mail.document import NAMED_MOST, Content, Notification, attributes_of, digest_document, document_of
from lambdas.alert.mail.formatting import COLUMNS, ascii_only, counted, cut, paragraph, table, unlinked
from lambdas.alert.mail.sentences import Origin, Text, text_of
from lambdas.shared.printable import printable

SUBJECT_MOST = 99

_METRIC_MOST = 32
# Sources whose counts a digest gives, and columns of the name of each.
_SOURCES_NAMED = 10
_SOURCE_MOST = 40


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What goes to the topics: Subject and body to people, `document` to programs, `attributes` with both."""

    subject: str
    body: str
    document: Notification

    @property
    def attributes(self) -> dict[str, str]:
        """Return the message attributes: kind, severity, device, metric, and the tag that `route_by` names."""
        return attributes_of(self.document)


def render(notice: Notice, *, stage: str, region: str) -> Mail:
    """Return the e-mail of any notice but a digest. The Subject names the stage unless it is prod."""
    text = text_of(notice, origin=Origin(stage=stage, region=region))
    prefix = _stage_prefix(stage)
    blocks = [paragraph(unlinked(text.sentence)), table([(label, unlinked(row)) for label, row in text.rows])]
    blocks += [
        f"{title}:\n  {line if line.startswith('https://') else unlinked(line)}" for title, line in text.pointers
    ]
    if text.runbook is not None:
        blocks.insert(2, f"Runbook:\n{textwrap.indent(paragraph(printable(text.runbook)), '  ')}")
    blocks.append(f"Alert {notice.alert_id}")
    subject = prefix + _headline(text, width=SUBJECT_MOST - len(prefix))
    return Mail(
        subject=subject,
        body="\n\n".join(blocks) + "\n",
        document=document_of(notice, text, title=subject, stage=stage, region=region),
    )


def render_digest(digest_id: str, notices: Sequence[Notice], *, stage: str, region: str) -> Mail:
    """Return the e-mail that stands for all `notices`: the worst of each source by name, the rest by count."""
    origin = Origin(stage=stage, region=region)
    worst_first = sorted(notices, key=urgency, reverse=True)
    ordered = round_robin(worst_first, source=source_of_notice)
    named, rest = ordered[:NAMED_MOST], ordered[NAMED_MOST:]
    critical = sum(notice.severity == "critical" for notice in notices)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in Counter(notice.kind for notice in notices).most_common())
    title = f"The worst {len(named)}, of each source in turn" if rest else "All of them"
    lines = [_headline(text_of(notice, origin=origin), width=COLUMNS - 2) for notice in named]
    sentence = (
        f"{counted(len(notices), 'alert e-mail')} {'was' if len(notices) == 1 else 'were'} over the budget and listed "
        f"here together instead: {kinds}; {critical:,} of them about critical alerts."
    )
    see = f"sensorctl alerts --digest {digest_id} {origin.options}"
    blocks = [
        paragraph(sentence),
        "\n".join([f"{title}:", *(f"  {line}" for line in lines)]),
        *([paragraph(_not_named(rest))] if rest else []),
        f"See all of them:\n  {see}",
        f"Digest {digest_id}",
    ]
    worst = max((notice.severity for notice in notices), key=lambda severity: RANK[severity], default=None)
    headline = f"[DIGEST] {counted(len(notices), 'alert')} over the e-mail budget, {critical} of them critical"
    subject = _stage_prefix(stage) + headline
    return Mail(
        subject=subject,
        body="\n\n".join(blocks) + "\n",
        document=digest_document(
            digest_id,
            notices,
            named=named,
            severity=worst,
            content=Content(title=subject, description=sentence, nextSteps=(f"See all of them: {see}",)),
            stage=stage,
            region=region,
        ),
    )


def _not_named(notices: Sequence[Notice]) -> str:
    """Return `And 880 more of gateway-9, 12 of press-1, 40 of 30 more sources.`"""
    counts = Counter(source_of_notice(notice) for notice in notices).most_common()
    parts = [
        f"{count:,}{' more' if not place else ''} of {cut(printable(source), _SOURCE_MOST) or 'no folder'}"
        for place, (source, count) in enumerate(counts[:_SOURCES_NAMED])
    ]
    if others := counts[_SOURCES_NAMED:]:
        parts.append(f"{sum(count for _, count in others):,} of {counted(len(others), 'more source')}")
    return f"And {', '.join(parts)}."


def _stage_prefix(stage: str) -> str:
    return "" if stage == "prod" else f"[{stage}] "


def _headline(text: Text, *, width: int) -> str:
    """Return label, device, metric and tail in `width` columns: the device is cut first, then the metric, then all."""
    label, tail = f"[{text.label.upper()}]", ascii_only(unlinked(text.tail))
    metric = cut(ascii_only(unlinked(text.metric)), _METRIC_MOST)
    room = width - sum(len(part) + 1 for part in (label, metric, tail) if part)
    device = cut(ascii_only(unlinked(text.device)), max(room, 12))
    return cut(" ".join(part for part in (label, device, metric, tail) if part), width)


def urgency(notice: Notice | None) -> tuple[int, int, tuple[int, float, str, str]]:
    """Return the order of notices: severity, then what goes on before what has ended, then how far past the limit."""
    if notice is None:
        return 0, 0, (0, 0.0, "", "")
    facts = notice.alert
    running = int(facts is None or facts.level is not None)
    return RANK[notice.severity], running, severity_key(facts.breach) if facts is not None else (0, 0.0, "", "")
