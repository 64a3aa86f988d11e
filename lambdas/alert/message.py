"""What an e-mail says: a notice in, Subject, body and message attributes out. Pure; no AWS SDK import.

The Subject is printable ASCII of at most 99 characters (SNS API Reference, "Publish": fewer than 100, no control
characters); attributes are never empty, which SNS refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.alert.fairness import round_robin, source_of_notice
from lambdas.alert.lifecycle import badness
from lambdas.alert.records import RANK, Notice
from lambdas.alert.texts import Origin, Text, text_of
from lambdas.alert.wording import COLUMNS, ascii_only, cut, paragraph, table, unlinked
from lambdas.shared.printable import printable

SUBJECT_MOST = 99
NAMED_IN_DIGEST = 50
NOBODY = "-"

_METRIC_MOST = 32
# Sources whose counts a digest gives, and columns of the name of each.
_SOURCES_NAMED = 10
_SOURCE_MOST = 40


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What goes to the topic; `attributes` are for subscription filter policies."""

    subject: str
    body: str
    attributes: dict[str, str]


def render(notice: Notice, *, stage: str, region: str) -> Mail:
    """Return the e-mail of any notice but a digest. The Subject names the stage unless it is prod."""
    text = text_of(notice, origin=Origin(stage=stage, region=region))
    prefix = _stage_prefix(stage)
    blocks = [paragraph(unlinked(text.sentence)), table([(label, unlinked(row)) for label, row in text.rows])]
    blocks += [
        f"{title}:\n  {line if line.startswith('https://') else unlinked(line)}" for title, line in text.pointers
    ]
    blocks.append(f"Alert {notice.alert_id}")
    return Mail(
        subject=prefix + _headline(text, width=SUBJECT_MOST - len(prefix)),
        body="\n\n".join(blocks) + "\n",
        attributes={
            "kind": notice.kind,
            "severity": notice.severity or "none",
            "device_id": printable(text.device) or NOBODY,
            "metric": printable(text.metric) or NOBODY,
        },
    )


def render_digest(digest_id: str, notices: Sequence[Notice], *, stage: str, region: str) -> Mail:
    """Return the e-mail that stands for all `notices`: the worst of each source by name, the rest by count."""
    origin = Origin(stage=stage, region=region)
    worst_first = sorted(notices, key=urgency, reverse=True)
    ordered = round_robin(worst_first, source=source_of_notice)
    named, rest = ordered[:NAMED_IN_DIGEST], ordered[NAMED_IN_DIGEST:]
    critical = sum(notice.severity == "critical" for notice in notices)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in Counter(notice.kind for notice in notices).most_common())
    title = f"The worst {len(named)}, of each source in turn" if rest else "All of them"
    lines = [_headline(text_of(notice, origin=origin), width=COLUMNS - 2) for notice in named]
    blocks = [
        paragraph(
            f"{len(notices):,} alert e-mails were over the budget and are told here together: {kinds}; {critical:,} of "
            "them about critical alerts."
        ),
        "\n".join([f"{title}:", *(f"  {line}" for line in lines)]),
        *([paragraph(_not_named(rest))] if rest else []),
        f"See all of them:\n  sensorctl alerts --digest {digest_id} {origin.options}",
        f"Digest {digest_id}",
    ]
    worst = max((notice.severity for notice in notices), key=lambda severity: RANK[severity], default=None)
    headline = f"[DIGEST] {len(notices)} alerts over the e-mail budget, {critical} of them critical"
    return Mail(
        subject=_stage_prefix(stage) + headline,
        body="\n\n".join(blocks) + "\n",
        attributes={"kind": "digest", "severity": worst or "none", "device_id": NOBODY, "metric": NOBODY},
    )


def _not_named(notices: Sequence[Notice]) -> str:
    """Return `And 880 more of gateway-9, 12 of press-1, 40 of 30 more sources.`"""
    counts = Counter(source_of_notice(notice) for notice in notices).most_common()
    parts = [
        f"{count:,}{' more' if not place else ''} of {cut(printable(source), _SOURCE_MOST) or 'no folder'}"
        for place, (source, count) in enumerate(counts[:_SOURCES_NAMED])
    ]
    if others := counts[_SOURCES_NAMED:]:
        parts.append(f"{sum(count for _, count in others):,} of {len(others):,} more sources")
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
    return RANK[notice.severity], running, badness(facts.breach) if facts is not None else (0, 0.0, "", "")
