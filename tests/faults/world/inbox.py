"""What the e-mails say, read as a person would: subjects, and the lines of a digest. Knows no code of alert."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from tests.faults.world.expressions import Item
from tests.faults.world.world import Mail

_HEADLINE = re.compile(r"(?:\[[a-z0-9]+\] )?\[([A-Z]+)\] (\S+) (?:(\S+) )?(.*)")
_DIGEST = re.compile(r"(?:\[[a-z0-9]+\] )?\[DIGEST\] ([0-9,]+) ")
_SEVERITIES = {"WARNING": 1, "CRITICAL": 2}


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One line of an e-mail: a transition of an alert, or a source's rejected records (`metric`: their count)."""

    label: str
    device: str
    metric: str
    text: str

    @property
    def severity(self) -> int:
        """Return 1 for a warning, 2 for a critical alert, 0 for anything else."""
        return _SEVERITIES.get(self.label, 0)

    @property
    def opens(self) -> bool:
        """Return whether it is the beginning of an alert, or its rise to critical."""
        return self.severity > 0 and not self.text.startswith(("no longer critical", "still open"))

    @property
    def escalates(self) -> bool:
        """Return whether it is the rise of an alert that was a warning."""
        return self.opens and self.text.endswith(", was warning")

    @property
    def crosses(self) -> bool:
        """Return whether an open alert has crossed a limit on the other side of its range."""
        return self.opens and self.text.endswith((", was above", ", was below"))


def headlines(mail: Mail) -> frozenset[Headline]:
    """Return what an e-mail says: its subject, or the lines of a digest."""
    lines = [mail.subject]
    if _DIGEST.match(mail.subject):
        lines = [line.strip() for line in mail.body.splitlines() if line.startswith("  [")]
    return frozenset(map(_headline, lines))


def flood_of(mail: Mail) -> str | None:
    """Return the source whose flood of alerts an e-mail is about."""
    return next((headline.device for headline in headlines(mail) if headline.label == "FLOOD"), None)


def digest_is_whole(mail: Mail) -> bool:
    """Return whether a digest names as many as it counts."""
    counted = _DIGEST.match(mail.subject)
    return counted is None or int(counted[1].replace(",", "")) == len(headlines(mail))


def duplicates(
    mails: Sequence[Mail], *, marks: Sequence[tuple[int, Item]], faults: Mapping[int, Set[int]]
) -> tuple[list[str], int]:
    """Return the e-mails that repeat an earlier one, and how many more did so inside the window where that is allowed.

    The window is between SNS accepting an e-mail and its SENT mark, and only a fault there opens it: an earlier e-mail
    excuses a second one if its own invocation met a fault since, and had not marked it by then.
    """
    duplicated, allowed = [], 0
    for place, mail in enumerate(mails):
        earlier = [other for other in mails[:place] if headlines(other) & headlines(mail)]
        if earlier and all(_excuses(other, mail, marks=marks, faults=faults) for other in earlier):
            allowed += 1
        elif earlier:
            duplicated.append(f"e-mail sent twice: {mail.subject}")
    return duplicated, allowed


def _excuses(earlier: Mail, later: Mail, *, marks: Sequence[tuple[int, Item]], faults: Mapping[int, Set[int]]) -> bool:
    marked = any(
        earlier.call < call < later.call and f'"{earlier.message_id}"' in json.dumps(item) for call, item in marks
    )
    failed = any(earlier.call <= call <= later.call for call in faults.get(earlier.invocation, ()))
    return failed and not marked


def _headline(text: str) -> Headline:
    found = _HEADLINE.fullmatch(text)
    if found is None:
        raise ValueError(f"an e-mail says {text!r}, which fault injection cannot read")
    return Headline(label=found[1], device=found[2], metric=found[3] or "", text=found[4])
