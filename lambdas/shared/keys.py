"""Keys of the readings table that are no readings: the registry of devices, and the receipts of objects taken in.

Device ids start with a letter or a digit, so that no device can own a partition that starts with `#`.
"""

from __future__ import annotations

import hashlib
import zlib

from lambdas.shared.events import ObjectRef

# The registry names each device that has ever reported, with when it last uploaded, so that somebody can notice when
# one no longer does. It has so many partitions: each takes 1,000 write units a second (DynamoDB Developer Guide, "Best
# practices for designing and using partition keys").
LEAST_PARTITIONS, MOST_PARTITIONS = 4, 64
# Where ingest notes how many it writes to, if those are more than the least: who reads the registry reads as many as
# there ever were, and so loses no name whatever the setting becomes.
PARTITION_COUNTS = "#registry"
# After this a receipt is forgotten, and reconcile no longer asks for it.
RECEIPT_DAYS = 90
_HEX_DIGITS = 32


def registry_partition(device_id: str, *, partitions: int = LEAST_PARTITIONS) -> str:
    """Return the partition (`device_id` attribute) in which a device is named; its id is the item's `reading_id`."""
    return f"#devices#{zlib.crc32(device_id.encode()) % partitions}"


def registry_partitions(count: int) -> tuple[str, ...]:
    """Return the first `count` partitions of the registry."""
    return tuple(f"#devices#{number}" for number in range(count))


def partition_count_key(partitions: int) -> tuple[str, str]:
    """Return the `device_id` and `reading_id` attributes of the note that the registry has had so many partitions."""
    return PARTITION_COUNTS, f"{partitions:03}"


def receipt_key(source: ObjectRef) -> tuple[str, str]:
    """Return the `device_id` and `reading_id` attributes of the receipt of one version of an object.

    Receipts of one key stand in a partition of their own, so that none is busier than another. The key is hashed, so
    that the receipt of the longest one still costs one write unit.
    """
    name = f"{source.bucket}/{source.key}"
    return f"#objects#{hashlib.sha256(name.encode()).hexdigest()[:_HEX_DIGITS]}", source.version_id
