"""Whatever a program of this machine sends to the trace collector's port, what is not a segment is dropped."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensorctl.embedded.trace_collector import readable
from sensorctl.embedded.trace_join import DEEPEST, join

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
    max_leaves=4,
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


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
@given(st.lists(st.dictionaries(st.sampled_from([*SEGMENT, "subsegments", "fault"]), ANY, max_size=3), max_size=3))
def test_what_is_kept_can_be_joined_and_written(changes: list[dict[str, Any]]) -> None:
    bodies = [json.dumps({**SEGMENT, **change}).encode() for change in changes]
    kept = [document for document in map(readable, bodies) if document is not None]
    joined = join(kept)
    assert json.loads(json.dumps(joined, allow_nan=False)) == joined


@pytest.mark.parametrize("levels", [20, 300, 400])
def test_subsegments_deeper_than_any_of_ours_are_dropped(levels: int) -> None:
    """One datagram of 400 levels ended the collector's thread, and with it `make up`."""
    body = json.dumps({**SEGMENT, "subsegments": []}).encode()[:-3]
    assert body.endswith(b'"subsegments": ')
    head, tail = b'[{"id":"dddddddddddddddd","name":"a","start_time":0,"end_time":0,"subsegments":', b"}]"
    assert readable(body + b"[]}") is not None
    assert readable(body + head * levels + b"[]" + tail * levels + b"}") is None


def test_a_chain_of_datagrams_is_joined_to_its_first_levels_alone() -> None:
    """1,500 datagrams, each the child of the one before, ended `make up`."""
    chain = [{**SEGMENT, "id": f"{place:016x}", "parent_id": f"{place - 1:016x}", "name": "x"} for place in range(1500)]
    chain[0] |= {"parent_id": "f" * 16, "name": "ingest"}
    assert all(readable(json.dumps(document).encode()) for document in chain)
    (segment,) = join(chain)
    assert json.dumps(segment).count('"subsegments"') <= DEEPEST + 1


WHOLE = {name: value for name, value in SEGMENT.items() if name not in ("parent_id", "type")}


@pytest.mark.parametrize(
    "change",
    [
        {"raw": 1},
        {"self": 1},
        {"segment_id": "x"},
        {"parent_id": WHOLE["id"]},
        {"end_time": 253_402_300_000},
        {"cause": 1},
        {"cause": {"exceptions": [1]}},
    ],
)
def test_members_that_would_break_what_reads_them_are_dropped_with_the_segment(change: dict[str, Any]) -> None:
    """A member named `raw` ended `make up`: moto's X-Ray takes members for its own arguments."""
    assert readable(json.dumps(WHOLE).encode()) == WHOLE
    assert readable(json.dumps({**WHOLE, **change}).encode()) is None
