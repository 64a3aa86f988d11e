"""Whatever a program of this machine sends to the trace collector's port, what is not a segment is dropped."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensorctl.embedded.trace_collector import readable
from sensorctl.embedded.trace_join import join

SEGMENT: dict[str, Any] = {
    "id": "a" * 16,
    "trace_id": "1-6745a1b2-" + "c" * 24,
    "parent_id": "b" * 16,
    "type": "subsegment",
    "name": "ingest",
    "start_time": 1.5,
    "end_time": 2.5,
    "annotations": {"object_key": "incoming/a.json"},
}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*SEGMENT, "subsegments"]), inner),
    max_leaves=8,
)


def test_a_segment_is_read_as_it_is() -> None:
    assert readable(json.dumps(SEGMENT).encode()) == SEGMENT


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"1", b"\xff", b"{", b"[" * 60_000, b'{"id": 1}', b'"\\ud800"', b"1" * 5_000, b"NaN"],
)
def test_what_is_no_segment_is_dropped(body: bytes) -> None:
    assert readable(body) is None


@given(st.binary())
def test_any_bytes_are_dropped(body: bytes) -> None:
    assert readable(body) is None


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*SEGMENT, "subsegments", "fault"]), ANY), max_size=3))
def test_what_is_kept_can_be_joined_and_written(changes: list[dict[str, Any]]) -> None:
    bodies = [json.dumps({**SEGMENT, **change}).encode() for change in changes]
    kept = [document for document in map(readable, bodies) if document is not None]
    json.dumps(join(kept), allow_nan=False)
