"""The documents that we send keep X-Ray's rules: the functions' phases, the uploader's segment, and what is joined."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas.shared import tracing
from sensorctl.aws.access import Access
from sensorctl.aws.uploader import Uploader
from sensorctl.embedded.trace_join import join
from tests.segment_rules import violations

HEADER = "Root=1-6b036e83-14db0be3773133b61e14847c;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def sent(documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    return documents


def an_invocation() -> None:
    with tracing.phase("ingest", object_key="incoming/ü b.json", version_id="v1", severity=None) as ingest:
        with tracing.phase("fetch", bytes=12):
            pass
        with tracing.phase("emit", ratio=0.5, last=True) as emit:
            emit.annotate(long="x" * 5000)
        ingest.note("counts", {"stored": 3})


def test_what_a_function_sends_keeps_the_rules(sent: list[dict[str, Any]]) -> None:
    an_invocation()
    (ingest,) = sent
    assert [phase["name"] for phase in ingest["subsegments"]] == ["fetch", "emit"]
    assert violations(ingest) == []


def test_a_phase_that_fails_keeps_the_rules_and_is_a_fault(sent: list[dict[str, Any]]) -> None:
    with pytest.raises(ZeroDivisionError), tracing.phase("ingest"):
        raise ZeroDivisionError("no")
    (document,) = sent
    assert document["fault"] is True
    assert violations(document) == []


def test_an_upload_and_its_ingest_are_one_trace_of_good_segments(sent: list[dict[str, Any]]) -> None:
    an_invocation()
    uploads: list[dict[str, Any]] = []
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="landing")
        uploader = Uploader(Access(), bucket="landing", trace=uploads.append)
        uploader.upload("ü b.json", b"{}")
    assert violations(uploads[0]) == []
    uploads[0]["annotations"]["version_id"] = "v1"
    joined = join([*uploads, *sent])
    assert [violations(segment) for segment in joined] == [[], []]
    assert len({segment["trace_id"] for segment in joined}) == 1


GOOD: dict[str, Any] = {
    "name": "upload",
    "id": "53995c3f42cd8ad8",
    "trace_id": "1-6b036e83-14db0be3773133b61e14847c",
    "start_time": 1.0,
    "end_time": 2.0,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "53995C3F42CD8AD8"},
        {"id": "53995c3f"},
        {"trace_id": "1-6b036e83-14db"},
        {"name": ""},
        {"name": "a?"},
        {"start_time": "now"},
        {"end_time": 0.5},
        {"end_time": None},
        {"in_progress": True},
        {"parent_id": "x"},
        {"type": "subsegment"},
        {"fault": "yes"},
        {"annotations": {"object-key": "x"}},
        {"annotations": {"key": ["x"]}},
        {"annotations": {"key": "x" * 1001}},
        {"annotations": {f"key{n}": n for n in range(51)}},
        {"metadata": {"default": {"much": "x" * 65_536}}},
        {"subsegments": [{"name": "fetch", "id": "1", "start_time": 1, "end_time": 2}]},
        {"subsegments": [{"name": "fetch", "id": "53995c3f42cd8ad8", "start_time": 1, "end_time": 2}]},
    ],
)
def test_the_checker_sees_each_rule_broken(wrong: dict[str, Any]) -> None:
    assert violations(GOOD) == []
    assert len(violations({**GOOD, **wrong})) == 1
