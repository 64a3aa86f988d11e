"""Phases as Lambda runs them: one environment, one invocation after the other."""

import json
from typing import Any

import pytest
from aws_xray_sdk.core import xray_recorder

from lambdas.shared import tracing

ROOT = "1-6b036e83-14db0be3773133b61e14847c"
OTHER_ROOT = "1-6b036e84-14db0be3773133b61e14847c"


def invoke(monkeypatch: pytest.MonkeyPatch, *, root: str, parent: str, sampled: str = "1") -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root};Parent={parent};Sampled={sampled}")
    with tracing.phase("outer"), tracing.phase("inner"):
        pass


def hung_below(documents: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the trace and the parent of each outer phase."""
    return [(each["trace_id"], each["parent_id"]) for each in documents if each["name"] == "outer"]


def test_each_invocation_of_one_trace_has_its_own_phases(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two breaches of one object, or a retry: the trace is the same, the function's segment is not.
    invoke(monkeypatch, root=ROOT, parent="a" * 16)
    invoke(monkeypatch, root=ROOT, parent="b" * 16)
    invoke(monkeypatch, root=OTHER_ROOT, parent="c" * 16)
    assert hung_below(documents) == [(ROOT, "a" * 16), (ROOT, "b" * 16), (OTHER_ROOT, "c" * 16)]


def test_a_phase_that_was_left_open_is_not_the_next_invocations_parent(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={'a' * 16};Sampled=1")
    xray_recorder.begin_subsegment("left open by a time-out")
    invoke(monkeypatch, root=ROOT, parent="b" * 16)
    assert hung_below(documents) == [(ROOT, "b" * 16)]


def test_what_is_not_sampled_is_not_sent(documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    invoke(monkeypatch, root=ROOT, parent="a" * 16, sampled="0")
    assert documents == []
    invoke(monkeypatch, root=ROOT, parent="b" * 16)
    assert hung_below(documents) == [(ROOT, "b" * 16)]


def test_the_header_of_what_is_not_sampled_keeps_its_parent(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"Root={ROOT};Parent={'a' * 16};Sampled=0"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    with tracing.phase("emit"):
        assert tracing.trace_header() == header
    assert documents == []


def test_the_header_for_the_next_hop_names_the_open_phase(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={'a' * 16};Sampled=1")
    assert tracing.trace_header() == f"Root={ROOT};Parent={'a' * 16};Sampled=1"
    with tracing.phase("emit"):
        header = tracing.trace_header()
    assert header == f"Root={ROOT};Parent={documents[0]['id']};Sampled=1"


def test_an_invocation_is_one_datagram_with_its_phases_in_each_other(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={'a' * 16};Sampled=1")
    with tracing.phase("ingest"):
        for name in ("fetch", "decode", "store"):
            with tracing.phase(name):
                assert documents == []
    (document,) = documents
    assert (document["name"], document["parent_id"]) == ("ingest", "a" * 16)
    assert [part["name"] for part in document["subsegments"]] == ["fetch", "decode", "store"]


def test_what_fails_is_sent_with_its_exception(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={'a' * 16};Sampled=1")
    with pytest.raises(ZeroDivisionError), tracing.phase("ingest"), tracing.phase("store"):
        _ = 1 / 0
    (document,) = documents
    assert [document["fault"], document["subsegments"][0]["fault"]] == [True, True]


def test_more_phases_than_fit_into_a_datagram_are_sent_as_they_end(
    documents: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep has one for each e-mail; a datagram holds 64 KB at most (RFC 768)."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={'a' * 16};Sampled=1")
    with tracing.phase("sweep"):
        for number in range(500):
            with tracing.phase("publish", object_key="k" * 1000, number=number):
                pass
    flat = [part for document in documents for part in (document, *document.get("subsegments", ()))]
    assert sorted(part["annotations"]["number"] for part in flat if part["name"] == "publish") == list(range(500))
    assert max(len(json.dumps(document)) for document in documents) < 64_000
