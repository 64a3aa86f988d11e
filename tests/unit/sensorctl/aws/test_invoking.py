"""What a function's answer says: how it failed, and what ingest passed over."""

from __future__ import annotations

import io
import json
from typing import Any

from sensorctl.aws.invoking import Functions, passed_over
from tests.unit.sensorctl.command_kit import OneSession


class _Answers(OneSession):
    """A Lambda that answers what the test wants."""

    def client(self, service: str, **_: Any) -> Any:
        return self

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 as boto3 calls it
        return {"Payload": io.BytesIO(json.dumps(json.loads(Payload)).encode())}


def test_objects_that_ingest_could_not_read_are_counted_and_reported() -> None:
    functions = Functions(_Answers())

    for answer in ({"objects": 1, "objects_unreadable": 1}, {"objects": 1, "objects_unreadable": 0}, None, {}):
        assert functions.run("ingest", answer) is None

    assert functions.unreadable == 1
    assert passed_over(1) == "; 1 of them cannot be read any more and went to quarantine with the reason"
    assert passed_over(0) == ""
