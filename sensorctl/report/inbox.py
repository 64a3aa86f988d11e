"""The inbox that the embedded AWS keeps (a Maildir), as the report's e-mails."""

from __future__ import annotations

import mailbox
import re
from datetime import UTC
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from sensorctl.report.model import Mail

# The last line of every e-mail (`lambdas/alert/mail/message.py`).
_LAST_LINE = re.compile(r"(?:Alert ([0-9a-f]{12})|Digest \S+)\s*\Z")
_LABEL = re.compile(r"(?:\[[a-z0-9]+\] )?\[([A-Z]+)\] ")  # a stage that is not prod comes first


def read(folder: Path) -> list[Mail]:
    """Return the e-mails of a Maildir, oldest first; none when it is not there."""
    if not folder.is_dir():
        return []
    box = mailbox.Maildir(folder, create=False)
    parser = BytesParser(policy=policy.default)
    messages = [parser.parsebytes(box.get_bytes(key)) for key in box.iterkeys()]
    return sorted((_mail(message) for message in messages), key=lambda mail: mail.sent_at)


def _mail(message: EmailMessage) -> Mail:
    subject, body = str(message["Subject"]), str(message.get_content())
    label, last = _LABEL.match(subject), _LAST_LINE.search(body)
    return Mail(
        sent_at=parsedate_to_datetime(str(message["Date"])).astimezone(UTC),
        subject=subject,
        kind=label.group(1).lower() if label else "other",
        to=str(message["To"]),
        body=body,
        about=last.group(1) if last else None,
    )
