"""The registry of devices that ingest keeps in the readings table: every device's name, source and last upload.

It is read without asking for each device: some thousands of names a page (1 MB at most; DynamoDB API Reference,
"Query"), all partitions side by side, at half a read unit for 4 KB.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from lambdas.shared.keys import LEAST_PARTITIONS, PARTITION_COUNTS, registry_partitions

# Names held in memory at once, of all partitions together: 1 MB of each if there are four.
_NAMES = 32_000
_PARALLEL = 8
# Sorts behind every character of a device's id.
_PAST = "~"


class Device(NamedTuple):
    """A registered device: its id, who last uploaded for it (nothing for what came in no folder), and when.

    `uploaded_at` is an upload's time as stored, no later than the last one, and by at most a third of the shortest
    `silent_after` that concerns the device older than that, unless an old delivery has come since. It is empty where an
    older version registered the device.
    """

    key: str
    source: str
    uploaded_at: str


@dataclass(kw_only=True)
class _Partition:
    """How far one partition has been read, and what of it has not been handed out yet."""

    name: str
    after: str
    devices: list[Device] = field(default_factory=list)
    is_read: bool = False

    def take(self, *, through: str | None) -> list[Device]:
        """Hand out the devices up to that name, or all."""
        count = bisect_right(self.devices, through, key=lambda device: device.key) if through else len(self.devices)
        taken, self.devices = self.devices[:count], self.devices[count:]
        return taken


class Registry:
    """Reads the registry; eventually consistent."""

    def __init__(self, dynamodb: Any, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        dynamodb.meta.events.register("before-parse.dynamodb.Query", _items_as_sent, unique_id="items-as-sent")
        self._pool: Any = None

    def walk(self, *, after: str = "", prefix: str = "") -> Iterator[list[Device]]:
        """Yield the devices whose names begin with `prefix` in the order of their names, some thousands at a time.

        Behind the last one that was yielded a later walk can go on. A device that stands in two partitions, because
        their number was raised, is yielded once, as of its later upload.
        """
        partitions = [_Partition(name=name, after=after) for name in registry_partitions(self.count())]
        page = _NAMES // len(partitions)
        unread = partitions
        while unread:
            self._read([part for part in unread if 2 * len(part.devices) < page], prefix=prefix, page=page)
            unread = [part for part in partitions if not part.is_read]
            # What lies behind the end of a page may stand in another partition too.
            through = min((part.devices[-1].key for part in unread if part.devices), default=None)
            taken = [device for part in partitions for device in part.take(through=through)]
            taken.sort(key=itemgetter(0, 2))
            if taken:
                yield list({device.key: device for device in taken}.values())

    def count(self) -> int:
        """Return how many partitions the registry has ever had."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="device_id = :counts",
            ExpressionAttributeValues={":counts": {"S": PARTITION_COUNTS}},
            ScanIndexForward=False,
            Limit=1,
        )["Items"]
        return int(found[0]["reading_id"]["S"]) if found else LEAST_PARTITIONS

    def _read(self, partitions: list[_Partition], *, prefix: str, page: int) -> None:
        """Read a page more of each."""
        self._pool = self._pool or ThreadPoolExecutor(_PARALLEL, thread_name_prefix="registry")
        reads = [self._pool.submit(self._read_one, partition, prefix, page) for partition in partitions]
        for read in reads:
            read.result()

    def _read_one(self, partition: _Partition, prefix: str, page: int) -> None:
        start = {"device_id": {"S": partition.name}, "reading_id": {"S": partition.after}}
        answer = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="device_id = :registry AND reading_id BETWEEN :from AND :to",
            ProjectionExpression="reading_id, #source, uploaded_at",
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues={
                ":registry": {"S": partition.name},
                ":from": {"S": prefix or "-"},
                ":to": {"S": prefix + _PAST},
            },
            Limit=page,
            **({"ExclusiveStartKey": start} if partition.after else {}),
        )
        partition.devices += [_device(item) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        partition.is_read = last is None
        partition.after = last["reading_id"]["S"] if last is not None else partition.after


def _items_as_sent(*, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the items of an answer out of it before botocore parses it, and hand them on as they are.

    Its parser makes a copy of each value by the service's model: half of the CPU of a page. The copy is equal, but for
    binary values (DynamoDB API Reference, "AttributeValue"), which none of our tables has: every Query of the client is
    answered so, also those of others that share it.
    """
    if response_dict["status_code"] < 300:
        answer = json.loads(response_dict["body"])
        customized_response_dict["Items"] = answer.pop("Items", [])
        response_dict["body"] = json.dumps(answer).encode()


def _device(item: dict[str, Any]) -> Device:
    return Device(
        item["reading_id"]["S"],
        item["source"]["S"] if "source" in item else "",
        item["uploaded_at"]["S"] if "uploaded_at" in item else "",
    )
