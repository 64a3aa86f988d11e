import json
from datetime import UTC, datetime

from sensorctl.embedded.mailbox import parse

ENVELOPE = json.dumps(
    {
        "Type": "Notification",
        "MessageId": "4f1f",
        "Subject": "[CRITICAL] boiler-7 temperature 92.4 Cel above 85",
        "Message": "boiler-7 is hot.\n",
        "Timestamp": "2026-11-22T10:00:00.250Z",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "opened"}},
    }
)


def test_a_delivery_is_read_as_the_mail_it_stands_for() -> None:
    mail = parse(ENVELOPE, address="you@example.com")
    assert mail.subject == "[CRITICAL] boiler-7 temperature 92.4 Cel above 85"
    assert mail.sent_at == datetime(2026, 11, 22, 10, 0, 0, 250_000, tzinfo=UTC)
    assert mail.attributes == {"kind": "opened"}


def test_the_mail_is_one_that_a_mail_program_opens() -> None:
    email = parse(ENVELOPE, address="you@example.com").to_email()
    assert email["To"] == "you@example.com"
    assert email["Date"] == "Sun, 22 Nov 2026 10:00:00 +0000"
    assert email.get_content() == "boiler-7 is hot.\n"


def test_a_message_without_a_subject_gets_the_one_that_sns_gives() -> None:
    envelope = {**json.loads(ENVELOPE), "Subject": None}
    assert parse(json.dumps(envelope), address="a@b.org").subject == "AWS Notification Message"
