"""What an e-mail says: a notice in, Subject, body and message attributes out. Pure; no AWS SDK import.

The Subject is printable ASCII of at most 99 characters (SNS API Reference, "Publish": fewer than 100, no control
characters); attributes are never empty, which SNS refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.alert.lifecycle import badness
from lambdas.alert.records import RANK, Notice
from lambdas.alert.texts import Origin, Text, text_of
from lambdas.alert.wording import COLUMNS, ascii_only, cut, paragraph, table, unlinked
from lambdas.shared.printable import printable

SUBJECT_MOST = 99
NAMED_IN_DIGEST = 50
NOBODY = "-"

_METRIC_MOST = 32


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
    """Return the e-mail that stands for all `notices`: how many, the worst by name, and where to see the rest."""
    origin = Origin(stage=stage, region=region)
    named = sorted(notices, key=urgency, reverse=True)[:NAMED_IN_DIGEST]
    critical = sum(notice.severity == "critical" for notice in notices)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in Counter(notice.kind for notice in notices).most_common())
    title = "All of them" if len(named) == len(notices) else f"The worst {len(named)}"
    lines = [_headline(text_of(notice, origin=origin), width=COLUMNS - 2) for notice in named]
    blocks = [
        paragraph(
            f"{len(notices):,} alert e-mails were over the budget and are told here together: {kinds}; {critical:,} of "
            "them about critical alerts."
        ),
        "\n".join([f"{title}:", *(f"  {line}" for line in lines)]),
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
