"""Which devices an upload may contain readings of: that of its folder, or any where a gateway uploads.

The landing bucket lets a device write into its own folder alone, so the folder is who uploaded. Without this check a
device could upload readings in another's name, which would open, or end, that one's alerts.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Literal

import msgspec

from lambdas.ingest.decoding.reading import Batch, Reading, Reject
from lambdas.shared.names import source_of

DeviceIdentity = Literal["open", "folder"]

_EXCERPT = 512
_encode = msgspec.json.encode


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """The rule of a stage: `folder` holds each upload to its own folder's device, `open` takes any device anywhere.

    `gateways` are patterns (`*` and `?`) of the folders that may upload for every device.
    """

    identity: DeviceIdentity = "open"
    gateways: tuple[str, ...] = ()

    def only_device(self, key: str) -> str | None:
        """Return the one device that the object `key` may have readings of, or None: any."""
        source = source_of(key)
        if self.identity == "open" or (source and any(fnmatch.fnmatchcase(source, glob) for glob in self.gateways)):
            return None
        return source


ANY_DEVICE = Ownership()


def owned(batch: Batch, *, device_id: str | None) -> Batch:
    """Return the batch with readings of other devices than `device_id` among its rejects; None is any device."""
    if device_id is None or all(reading.device_id == device_id for reading in batch.readings):
        return batch
    own = [reading for reading in batch.readings if reading.device_id == device_id]
    foreign = [_reject(reading, device_id) for reading in batch.readings if reading.device_id != device_id]
    return Batch(readings=own, rejects=[*batch.rejects, *foreign])


def _reject(reading: Reading, device_id: str) -> Reject:
    where = f"the folder {device_id}" if device_id else "no folder of a device"
    return Reject(
        position=f"device {reading.device_id}",
        offset=0,
        reason="not_its_device",
        detail=f"the reading is of {reading.device_id}, but was uploaded under {where}; a gateway that speaks for "
        "other devices has to be named in the stage's gateways",
        excerpt=_encode(reading)[:_EXCERPT],
    )
