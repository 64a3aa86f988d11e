"""Items of the alerts table: the key of each kind of record, the item that a record becomes, and back."""

from __future__ import annotations

import zlib
from contextlib import suppress
from datetime import datetime, timedelta

from lambdas.alert.adapters.codec import Attribute, from_map, size, to_attribute, to_map
from lambdas.alert.domain import outbox
from lambdas.alert.domain.models import Digest, Flood, MetricState, Record, Rejection, Silence, State
from lambdas.alert.domain.notices import Message
from lambdas.shared.names import source_of
from lambdas.shared.times import timestamp

SHARDS = 4
# What an item that is not as we write them raises when it is read.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
RECORDS: dict[str, type[State]] = {
    "alert": MetricState,
    "silence": Silence,
    "rejected": Rejection,
    "flood": Flood,
    "digest": Digest,
}
# How long items are kept that nobody needs any more: sent digests, rejections, devices that report again.
RETENTION = timedelta(days=90)
# An item may take 400 KB (DynamoDB Developer Guide, "Quotas in Amazon DynamoDB"); the rest is for the key set aside.
_MOST_BYTES = 400 * 1024 - 4096


def alert_key(device_id: str, metric: str) -> str:
    """Return the key of a metric's alert. Ids hold no '#', so one '#' means this kind; all others hold two or more."""
    return f"{device_id}#{metric}"


def silence_key(device_id: str) -> str:
    """Return the key under which a device's silence is kept."""
    return f"silent#device#{device_id}"


def rejection_key(prefix: str, hour: str) -> str:
    """Return the key of the rejections under a prefix in one hour."""
    return f"rejected#{prefix}#{hour}"


def flood_key(source: str, hour: str) -> str:
    """Return the key of a source's flood of new alerts in one hour."""
    return f"flood#{source}#{hour}"


def digest_key(digest_id: str) -> str:
    """Return the key of a minute's digest."""
    return f"digest#minute#{digest_id}"


def item_of(record: Record, *, now: datetime) -> dict[str, Attribute]:
    """Return the item that holds a record; it stands in the index while it needs attention."""
    state = record.state
    kind = next(name for name, cls in RECORDS.items() if isinstance(state, cls))
    item: dict[str, Attribute] = {
        **to_map(state),
        "alert_key": {"S": record.key},
        "record": {"S": kind},
        "status": {"S": state.status},
        "version": {"N": str(record.version)},
        "outbox": to_attribute(record.outbox),
    }
    unsent = outbox.due_at(record)
    due = unsent or state.watched_since or outbox.muted_since(record)
    if due is not None:
        shard = zlib.crc32(record.key.encode()) % SHARDS
        item["work"] = {"S": f"{'send' if unsent else 'watch'}#{shard}"}
        item["due_at"] = {"S": timestamp(due)}
    elif not isinstance(state, MetricState):
        item["expires_at"] = {"N": str(int((now + RETENTION).timestamp()))}
    return item


def record_of(item: dict[str, Attribute]) -> Record:
    """Return the record of an item. Raises one of UNREADABLE."""
    state: State = from_map(RECORDS[item["record"]["S"]], item)
    messages = tuple(from_map(Message, member["M"]) for member in item["outbox"]["L"])
    return Record(key=item["alert_key"]["S"], version=int(item["version"]["N"]), state=state, outbox=messages)


def readable_record(item: dict[str, Attribute]) -> Record | None:
    """Return the record of an item, or None: it cannot be read."""
    with suppress(*UNREADABLE):
        return record_of(item)
    return None


def source_in(item: dict[str, Attribute]) -> str:
    """Return whose an item is that was not read whole."""
    with suppress(*UNREADABLE):
        if "source" in item:
            return str(item["source"]["S"])
        return source_of(item["alert"]["M"]["worst"]["M"]["object"]["M"]["key"]["S"])
    return ""


def check(item: dict[str, Attribute], record: Record) -> None:
    """Raise ValueError for an item that DynamoDB would refuse or that would not be read as it is written."""
    taken = size(item)
    if taken > _MOST_BYTES:
        raise ValueError(f"{record.key}: its ledger record would take {taken:,} bytes, and DynamoDB takes 400 KB")
    if record_of(item) != record:
        raise ValueError(f"{record.key}: its ledger record would not be read back as it is")


def blank_state(key: str) -> State:
    """Return the state with which the record of a key begins."""
    kind, _, rest = key.partition("#")
    if key.startswith(silence_key("")):
        return Silence(device_id=key.removeprefix(silence_key("")))
    if key.startswith(digest_key("")):
        return Digest(digest_id=key.removeprefix(digest_key("")))
    if kind == "rejected" and "#" in rest:
        prefix, _, hour = rest.rpartition("#")
        return Rejection(prefix=prefix, hour=hour)
    if kind == "flood" and "#" in rest:
        source, _, hour = rest.rpartition("#")
        return Flood(source=source, hour=hour)
    return MetricState(device_id=kind, metric=rest)


def readable_messages(item: dict[str, Attribute]) -> tuple[Message, ...]:
    """Return the messages of an item that can be read."""
    found = []
    for member in item.get("outbox", {}).get("L", ()):
        with suppress(*UNREADABLE):
            found.append(from_map(Message, member["M"]))
    return tuple(found)


def next_version(version: Attribute | None) -> int:
    """Return the version after that of an item that may have none."""
    try:
        return int((version or {})["N"]) + 1
    except UNREADABLE:
        return 1
