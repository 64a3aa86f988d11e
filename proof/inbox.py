"""What the e-mails tell, read as a person would: subjects, and the lines of a digest. Knows no code of alert."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from proof.expressions import Item
from proof.world import Mail

_HEADLINE = re.compile(r"\[([A-Z]+)\] (\S+) (?:(\S+) )?(.*)")
_STAGE = re.compile(r"^\[[a-z0-9]+\] ")
_GRAVITY = {"WARNING": 1, "CRITICAL": 2}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One thing that an e-mail says: a transition of an alert, or rejected records (metric `3`, and so on)."""

    label: str
    device: str
    metric: str
    text: str

    @property
    def gravity(self) -> int:
        """Return 1 for a warning, 2 for a critical alert, 0 for anything else."""
        return _GRAVITY.get(self.label, 0)

    @property
    def opens(self) -> bool:
        """Tell whether it is the beginning of an alert, or its rise to critical."""
        return self.gravity > 0 and not self.text.startswith(("no longer critical", "still open"))

    @property
    def escalates(self) -> bool:
        """Return whether it is the rise of an alert that was a warning."""
        return self.opens and self.text.endswith(", was warning")

    @property
    def crosses(self) -> bool:
        """Return whether an alert that goes on has crossed a limit on the other side of its range."""
        return self.opens and self.text.endswith((", was above", ", was below"))


def told(mail: Mail) -> frozenset[Told]:
    """Return what an e-mail tells; a digest tells each of its lines."""
    lines = [mail.subject]
    if _STAGE.sub("", mail.subject).startswith("[DIGEST]"):
        lines = [line.strip() for line in mail.body.splitlines() if line.startswith("  [")]
    return frozenset(_told(line) for line in lines)


def digest_is_whole(mail: Mail) -> bool:
    """Tell whether a digest names as many as it counts."""
    counted = re.match(r"\[DIGEST\] ([0-9,]+) ", _STAGE.sub("", mail.subject))
    return counted is None or int(counted[1].replace(",", "")) == len(told(mail))


def repeats(
    mails: Sequence[Mail], *, marks: Sequence[tuple[int, Item]], faults: Mapping[int, Set[int]]
) -> tuple[list[str], int]:
    """Return the e-mails that tell again what was told, and how many more did so inside the one window.

    The window is between SNS accepting an e-mail and its SENT mark, and only a fault there opens it: an earlier e-mail
    excuses a second one if its own invocation met a fault since, and had not marked it by then.
    """
    doubled, excused = [], 0
    for place, mail in enumerate(mails):
        earlier = [other for other in mails[:place] if told(other) & told(mail)]
        if not earlier:
            continue
        if all(_excuses(other, mail, marks=marks, faults=faults) for other in earlier):
            excused += 1
        else:
            doubled.append(f"e-mail sent twice: {mail.subject}")
    return doubled, excused


def _excuses(earlier: Mail, later: Mail, *, marks: Sequence[tuple[int, Item]], faults: Mapping[int, Set[int]]) -> bool:
    marked = any(
        earlier.call < call < later.call and f'"{earlier.message_id}"' in json.dumps(item) for call, item in marks
    )
    failed = any(earlier.call <= call <= later.call for call in faults.get(earlier.invocation, ()))
    return failed and not marked


def _told(headline: str) -> Told:
    found = _HEADLINE.fullmatch(_STAGE.sub("", headline))
    if found is None:
        raise ValueError(f"an e-mail says {headline!r}, which the proof cannot read")
    return Told(label=found[1], device=found[2], metric=found[3] or "", text=found[4])
