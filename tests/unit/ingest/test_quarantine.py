from __future__ import annotations

from lambdas.ingest.adapters.quarantine import Quarantine, quarantine_key
from lambdas.ingest.decoding.reading import Reject
from lambdas.shared.events import ObjectRef
from tests.unit.ingest.ingest_world import BUCKET, World


def source(key: str = "incoming/a b.json", version_id: str = "v1") -> ObjectRef:
    return ObjectRef(bucket=BUCKET, key=key, version_id=version_id)


def reject(excerpt: bytes = b"nonsense", line: int = 3) -> Reject:
    return Reject(position=f"line {line}", offset=70, reason="not_json", detail="Expecting value", excerpt=excerpt)


def test_the_key_is_the_object_s_own_under_the_prefix() -> None:
    assert quarantine_key(source(), prefix="quarantine/") == "quarantine/incoming/a b.json/v1.ndjson"


def test_keys_too_long_for_s3_are_cut_and_stay_apart() -> None:
    version = "v" * 32
    keys = ["incoming/" + "x" * 1015, "incoming/" + "x" * 1014 + "y", "incoming/" + "ü" * 507, "incoming/" + "🚰" * 253]
    found = [quarantine_key(source(key, version), prefix="quarantine/") for key in keys]
    assert all(len(key.encode()) <= 1024 and key.endswith(f"/{version}.ndjson") for key in found)
    assert len(set(found)) == len(keys)
    assert found == [quarantine_key(source(key, version), prefix="quarantine/") for key in keys]


def test_the_longest_key_that_fits_is_not_cut() -> None:
    key = "incoming/" + "x" * (1024 - len("quarantine/incoming//v1.ndjson"))
    assert quarantine_key(source(key), prefix="quarantine/") == f"quarantine/{key}/v1.ndjson"
    assert "~" in quarantine_key(source(key + "x"), prefix="quarantine/")


def test_each_reject_is_one_line_whatever_it_holds(world: World) -> None:
    excerpts = [b"nonsense", b"two\nlines\r\n", b"\xff\xfe\x00", "ünï".encode()[:-1], b"x" * 1024]
    with Quarantine(world.s3, source=source(), prefix="quarantine/") as quarantine:
        quarantine.add([reject(excerpt, line) for line, excerpt in enumerate(excerpts)])
        quarantine.write()
    kept = world.quarantined("quarantine/incoming/a b.json/v1.ndjson")
    assert [line["record"] for line in kept] == ["nonsense", "two\nlines\r\n", "\\xff\\xfe\x00", "ün\\xc3", "x" * 1024]
    assert kept[0] == {
        "position": "line 0",
        "offset": 70,
        "reason": "not_json",
        "detail": "Expecting value",
        "record": "nonsense",
    }


def test_what_is_more_than_fits_is_counted_in_a_last_line(world: World) -> None:
    with Quarantine(world.s3, source=source(), prefix="quarantine/", most_bytes=1000) as quarantine:
        for _ in range(100):
            quarantine.add([reject()])
        quarantine.write()
    kept = world.quarantined("quarantine/incoming/a b.json/v1.ndjson")
    assert kept[-1] == {"unlisted": 100 - (len(kept) - 1)}
    assert 5 < len(kept) < 20


def test_what_no_longer_fits_in_memory_is_kept_all_the_same(world: World) -> None:
    with Quarantine(world.s3, source=source(), prefix="quarantine/") as quarantine:
        quarantine.add([reject(b"x" * 1024, line) for line in range(2000)])
        quarantine.write()
    kept = world.quarantined("quarantine/incoming/a b.json/v1.ndjson")
    assert [line["position"] for line in kept] == [f"line {line}" for line in range(2000)]
