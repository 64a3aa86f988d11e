"""Where each device that has ever reported is named, so that somebody can notice when one no longer does. Pure.

Names stand in partitions of their own in the readings table, beside the readings: device ids start with a letter or a
digit, so no device can own one of these.
"""

from __future__ import annotations

import zlib

PARTITIONS = tuple(f"#devices#{shard}" for shard in range(4))


def partition_of(device_id: str) -> str:
    """Return the partition (`device_id` attribute) in which a device is named; its id is the item's `reading_id`."""
    return PARTITIONS[zlib.crc32(device_id.encode()) % len(PARTITIONS)]
