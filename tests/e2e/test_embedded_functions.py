"""The embedded AWS runs functions as Lambda documents it: events are tried again, and updates interrupt nobody."""

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws

SECONDS = 30
# It writes a line for every call, fails as often as it is told to, and waits for a file where it is told to.
CODE = """
import pathlib, time

def handler(event, context):
    detail = event.get("detail", event)
    calls = pathlib.Path(detail["calls"])
    with calls.open("a") as file:
        file.write("called\\n")
    while detail.get("wait_for") and not pathlib.Path(detail["wait_for"]).exists():
        time.sleep(0.01)
    if len(calls.read_text().splitlines()) <= detail.get("failures", 0):
        raise RuntimeError("as it was told")
    return "done"
"""


@pytest.fixture
def function(aws: EmbeddedAws) -> Iterator[str]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", CODE)
    functions = aws.access.client("lambda")
    role = functions.get_function_configuration(FunctionName=aws.pipeline.alert_function)["Role"]
    made = functions.create_function(
        FunctionName="told",
        Runtime="python3.13",
        Handler="main.handler",
        Role=role,
        Timeout=60,
        Code={"ZipFile": packed.getvalue()},
    )
    yield made["FunctionArn"]
    functions.delete_function(FunctionName="told")


def calls(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_an_event_that_a_function_fails_on_comes_again(aws: EmbeddedAws, function: str, tmp_path: Path) -> None:
    events, functions = aws.access.client("events"), aws.access.client("lambda")
    events.put_rule(Name="to-told", EventPattern=json.dumps({"source": ["test.told"]}))
    events.put_targets(Rule="to-told", Targets=[{"Id": "told", "Arn": function}])
    functions.add_permission(
        FunctionName="told", StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    detail = {"calls": str(tmp_path / "calls"), "failures": 1}
    events.put_events(Entries=[{"Source": "test.told", "DetailType": "told", "Detail": json.dumps(detail)}])
    assert wait_until(lambda: calls(tmp_path / "calls") == 2, seconds=SECONDS)
    events.remove_targets(Rule="to-told", Ids=["told"])
    events.delete_rule(Name="to-told")


def test_an_invocation_under_way_outlives_an_update_of_its_function(
    aws: EmbeddedAws, function: str, tmp_path: Path
) -> None:
    functions = aws.access.client("lambda")
    event = {"calls": str(tmp_path / "calls"), "wait_for": str(tmp_path / "go on")}

    def invoke() -> Any:
        answer = aws.access.client("lambda").invoke(FunctionName="told", Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    with ThreadPoolExecutor() as pool:
        under_way = pool.submit(invoke)
        assert wait_until(lambda: calls(tmp_path / "calls") == 1, seconds=SECONDS)
        functions.update_function_configuration(FunctionName="told", MemorySize=256)
        (tmp_path / "go on").touch()
        assert under_way.result(timeout=SECONDS) == (None, "done")
