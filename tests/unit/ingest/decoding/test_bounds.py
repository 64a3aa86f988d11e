"""Memory is measured with tracemalloc, which sees what Python allocates; the inputs hold many times as much."""

from __future__ import annotations

import gc
import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from lambdas.ingest.decoding.limits import MIB
from lambdas.ingest.decoding.payload import Payload
from tests.unit.ingest.ingest_kit import NOW, text

SIXTEEN_MIB = 16 * MIB
# Rejects as each of the readers finds them.
BAD = [
    b'device_id,timestamp,t,t\nd,2026-11-22T10:00:00Z,x\nd,never,1\nd,2026-11-22T10:00:00Z,"\n',
    b'{"device_id": "d", "timestamp": "never", "metrics": {"t": 1}}',
    b'{"device_id": "d", "timestamp": 1e300, "metrics": {"t": 1}}',
    b'{"device_id": "d", "timestamp": "2026-11-22T10:00:00Z", "metrics": {"t": 1, "u": "x", "v w": 1}, "tags": 1}',
    b'{"device_id": "d", "x": "\xff"}',
    b'{"n": "d:t", "v": "x"}',
    b'{"n": "d:t", "v": 1, "t": 1e300}',
    b'{"linkquality": 1, "state": [1]}',
    b'{"metrics": [{"fields": {"a": 1}, "name": "m", "tags": {"host": "a b"}}]}',
    b'{"end_device_ids": {"device_id": "d"}, "uplink_message": {"decoded_payload": "x"}}',
    b"nonsense",
    b'{"x": ' + b"[" * 2_000,
]
GOOD = text() + b"\n"


def bomb(unit: bytes, *, mib: int, head: bytes = b"") -> bytes:
    """Return an object whose second member (RFC 1952) is one stream of `mib` MiB, packed once and repeated."""
    packer, crc = zlib.compressobj(9, wbits=-15), 0
    block = unit * (MIB // len(unit))
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(mib):
        crc = zlib.crc32(block, crc)
    trailer = crc.to_bytes(4, "little") + (len(block) * mib % 2**32).to_bytes(4, "little")
    start, end = gzip.compress(b"", mtime=0)[:10], packer.flush()
    return gzip.compress(head, mtime=0) + start + packed * mib + end + trailer


@pytest.fixture(autouse=True)
def without_garbage_collector() -> Iterator[None]:
    """What only the collector would free counts, and when it last ran does not."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chunks(data: bytes) -> Iterator[bytes]:
    file = io.BytesIO(data)
    while chunk := file.read(128 * 1024):
        yield chunk


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bomb(b"\0", mib=1024), "object_too_large"),
        (bomb(b" ", mib=300), "object_too_large"),
        (bomb(b"[", mib=300), "object_too_large"),
        (bomb(b'"', mib=300), "object_too_large"),
        (bomb(b" ", mib=300, head=b"[1x,"), "object_too_large"),
        (gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), "bad_gzip"),
        (b"[" * 100_000 + b"]" * 100_000, "not_json"),
        (b'{"a": "' + b"x" * 10_000_000 + b'"}', "record_too_large"),
        (b"x" * 10_000_000, "not_json"),
        (b"1" * 10_000_000, "record_too_large"),
    ],
    ids=[
        "1 GiB",
        "blanks",
        "brackets",
        "quotes",
        "blanks in array",
        "gzip of gzip",
        "deep",
        "long line",
        "x",
        "digits",
    ],
)
def test_a_hostile_object_ends_as_one_reason_in_little_memory(data: bytes, reason: str) -> None:
    assert len(data) < 11_000_000
    tracemalloc.start()
    rejects = [reject for batch in Payload(chunks(data), now=NOW) for reject in batch.rejects]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [reject.reason for reject in rejects] == [reason]
    assert peak < SIXTEEN_MIB


@pytest.mark.parametrize("bad", BAD)
def test_rejects_leave_nothing_to_the_garbage_collector(bad: bytes) -> None:
    rejects = [reject for batch in Payload(chunks(bad + b"\n" + GOOD), now=NOW) for reject in batch.rejects]
    assert rejects
    assert gc.collect() == 0


@pytest.mark.parametrize("packed", [False, True])
def test_memory_does_not_grow_with_the_number_of_readings(packed: bool) -> None:
    def peak(count: int) -> int:
        data = b"".join([json.dumps({"x": 1}).encode() + b"\n" if n % 2000 == 9 else GOOD for n in range(count)])
        stored = gzip.compress(data, compresslevel=1, mtime=0) if packed else data
        del data
        tracemalloc.start()
        total = sum(len(batch.readings) + len(batch.rejects) for batch in Payload(chunks(stored), now=NOW))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert total == count
        return most

    assert peak(40_000) < 1.5 * peak(5_000)
