import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_xray_sdk.core import xray_recorder

from lambdas.shared import tracing


@pytest.fixture(autouse=True)
def _no_sockets_no_credentials(socket_disabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests reach no network and no account, whatever is configured on the machine."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def documents(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Phases as in Lambda, but for the header, which each test sets; what they would send to the daemon."""
    sent: list[dict[str, Any]] = []

    class Daemon:
        def send_entity(self, entity: Any) -> None:
            sent.append(json.loads(entity.serialize()))

    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    monkeypatch.setattr(xray_recorder, "context", tracing.InvocationContext())
    monkeypatch.setattr(xray_recorder, "emitter", Daemon())
    # What the SDK sets for itself when it is imported on Lambda: every subsegment is a datagram of its own.
    monkeypatch.setattr(xray_recorder, "streaming_threshold", 0)
    yield sent
    xray_recorder.clear_trace_entities()
