"""Programs that are subscribed by the command line get each alert as a document: a web address and a queue."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema
import pytest

from docs.events.generate import notification_schema
from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from tests.e2e.command_line import Ctl
from tests.e2e.test_alerts import SECONDS, about, send


class Receiver:
    """A web address on this machine; `received` is what was posted to it."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alerts"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return what was posted of one type: Notification or SubscriptionConfirmation."""
        return [message for message in self.received if message["Type"] == kind]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


def test_a_web_address_and_a_queue_get_the_document_and_people_the_same_text_as_ever(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl, receiver: Receiver
) -> None:
    sqs = aws.access.client("sqs")
    url = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    _, added = ctl("subscribers", "add", arn, "--device", "pager-1")
    statement = json.loads(next(line for line in added.splitlines() if line.strip().startswith("{")))
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    ctl("subscribers", "add", receiver.url, "--device", "pager-1", "--kind", "opened")
    # The gate lets in only what is signed, so the link is opened by the command.
    assert wait_until(lambda: bool(receiver.of("SubscriptionConfirmation")), seconds=SECONDS)
    link = receiver.of("SubscriptionConfirmation")[0]["SubscribeURL"]
    assert ctl("subscribers", "confirm", link)[0] == 0
    _, listed = ctl("subscribers", "list")
    assert "documents by sqs" in listed
    assert "documents by http" in listed

    send(uploader, "pager-2", at=datetime.now(UTC), temperature=95)
    send(uploader, "pager-1", at=datetime.now(UTC), temperature=95)

    assert wait_until(lambda: bool(receiver.of("Notification")), seconds=SECONDS)
    (posted,) = receiver.of("Notification")
    document = json.loads(posted["Message"])
    jsonschema.validate(document, notification_schema())
    assert (document["device_id"], document["kind"], document["value"]) == ("pager-1", "opened", 95)
    assert posted["MessageAttributes"]["device_id"]["Value"] == "pager-1"
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(message["Body"]) == document
    assert message["MessageAttributes"]["kind"]["StringValue"] == "opened"
    assert wait_until(lambda: bool(about(aws, "pager-1")), seconds=SECONDS)
    (mail,) = about(aws, "pager-1")
    assert mail.subject == document["content"]["title"]
    assert mail.body.rstrip().endswith(f"Alert {document['alert_id']}")
    assert "{" not in mail.body

    for address in (arn, receiver.url):
        assert ctl("subscribers", "remove", address)[0] == 0
