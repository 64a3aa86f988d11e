import json
import smtplib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from sensorctl.aws.access import Access
from sensorctl.embedded.mailbox import Mailbox, parse

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


def test_a_delivery_is_read_as_the_mail_it_carries() -> None:
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


class Server:
    """An SMTP server that refuses the first connections; `came` is set once as many mails came as are waited for."""

    def __init__(self, *, refuses: int, awaited: int = 1) -> None:
        self.subjects: list[str] = []
        self.refused = threading.Event()
        self.came = threading.Event()
        self._refuses = refuses
        self._awaited = awaited

    def __call__(self, _host: str, _port: int, **_: Any) -> "Server":
        if self._refuses > 0:
            self._refuses -= 1
            self.refused.set()
            raise ConnectionRefusedError(111, "Connection refused")
        return self

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None: ...

    def send_message(self, mail: EmailMessage) -> None:
        self.subjects.append(str(mail["Subject"]))
        if len(self.subjects) == self._awaited:
            self.came.set()


class Topic:
    """A topic with one e-mail subscription, in moto."""

    def __init__(self) -> None:
        self._sns = boto3.client("sns", region_name="us-east-1")
        self.deploy("alerts")

    def deploy(self, name: str) -> None:
        """Create the topic and its subscriber, as a stack would."""
        self.arn = self._sns.create_topic(Name=name)["TopicArn"]
        self._sns.subscribe(TopicArn=self.arn, Protocol="email", Endpoint="you@example.com")

    def destroy(self) -> None:
        """Delete the topic."""
        self._sns.delete_topic(TopicArn=self.arn)

    def client(self, service: str) -> Any:
        return boto3.client(cast(Any, service), region_name="us-east-1")

    def publish(self, subject: str) -> None:
        self._sns.publish(TopicArn=self.arn, Subject=subject, Message="hot")


@pytest.fixture
def topic() -> Iterator[Topic]:
    with mock_aws():
        yield Topic()


def mailbox(topic: Topic, folder: Path, server: Server) -> Mailbox:
    return Mailbox(cast(Access, topic), folder=folder / "inbox", smtp=("127.0.0.1", 25), connect=cast(Any, server))


def test_what_a_mail_server_refuses_is_handed_over_later_and_no_later_mail_is_lost(
    topic: Topic, tmp_path: Path
) -> None:
    server = Server(refuses=2, awaited=2)
    box = mailbox(topic, tmp_path, server)
    box.start()
    topic.publish("first")
    assert server.refused.wait(30)
    topic.publish("second")
    assert server.came.wait(30)
    box.stop()
    assert server.subjects == ["first", "second"]
    assert [mail.subject for mail in box.mails] == ["first", "second"]


def test_a_mail_server_that_never_answers_is_told_at_the_end_with_the_reason(topic: Topic, tmp_path: Path) -> None:
    server = Server(refuses=1_000_000)
    box = mailbox(topic, tmp_path, server)
    box.start()
    topic.publish("first")
    assert server.refused.wait(30)
    box.stop()
    assert str(box.not_handed_on).startswith("1 e-mail could not be handed to 127.0.0.1:25 ([Errno 111] Connection")
    assert [mail.subject for mail in box.mails] == ["first"]


@pytest.mark.parametrize("name", ["alerts", "others"])
def test_a_stack_that_is_destroyed_and_deployed_anew_is_delivered_again(
    name: str, topic: Topic, tmp_path: Path
) -> None:
    server = Server(refuses=0)
    box = mailbox(topic, tmp_path, server)
    box.start()
    topic.destroy()
    box.attach()
    topic.deploy(name)
    box.attach()
    topic.publish("first")
    assert server.came.wait(30)
    box.stop()
    assert [mail.subject for mail in box.mails] == ["first"]


def test_an_e_mail_that_the_server_refuses_holds_no_other_up(topic: Topic, tmp_path: Path) -> None:
    class Picky(Server):
        def send_message(self, mail: EmailMessage) -> None:
            if mail["Subject"] == "first":
                raise smtplib.SMTPRecipientsRefused({"you@example.com": (550, b"No such user")})
            super().send_message(mail)

    server = Picky(refuses=0)
    box = mailbox(topic, tmp_path, server)
    box.start()
    topic.publish("first")
    topic.publish("second")
    assert server.came.wait(30)
    box.stop()
    assert server.subjects == ["second"]
    assert "1 e-mail could not be handed" in str(box.not_handed_on)
    assert "550" in str(box.not_handed_on)
