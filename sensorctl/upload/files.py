"""The files that are uploaded, and the keys that they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdas.ingest.decoding.limits import DEFAULT
from lambdas.ingest.decoding.reading import RecordError
from lambdas.ingest.decoding.values.identifiers import check_device_id
from lambdas.shared.names import INCOMING_PREFIX
from lambdas.shared.printable import printable
from sensorctl.aws.object_keys import keys_of
from sensorctl.errors import UserError


@dataclass(frozen=True, kw_only=True)
class FileToUpload:
    """A file, its size in bytes, and the key that it gets."""

    path: Path
    size: int
    key: str

    def body(self) -> bytes:
        """Return the content. Raises UserError when it cannot be read."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise _cannot_be_read(self.path, error) from None


def files_to_upload(files: Sequence[Path], *, device: str | None) -> list[FileToUpload]:
    """Return the files with their keys below `incoming/`: in the folder `device`, else in that which each lies in.

    Raises UserError for what is no file that ingest would take, before anything is uploaded.
    """
    sizes = {path: _size(path) for path in files}
    folder = _folder(device) if device is not None else None
    return [
        FileToUpload(path=path, size=sizes[path], key=INCOMING_PREFIX + key)
        for key, path in keys_of(files, folder=folder).items()
    ]


def _size(path: Path) -> int:
    name = printable(str(path))
    if not path.is_file():
        raise UserError(f"{name} is not a file; give files of readings, such as readings.ndjson")
    try:
        str(path.resolve()).encode()
        size = path.open("rb").seek(0, 2)
    except UnicodeEncodeError:
        raise UserError(f"the name of {name} is not UTF-8, which keys in S3 are; rename it") from None
    except OSError as error:
        raise _cannot_be_read(path, error) from None
    if size > DEFAULT.stored:
        raise UserError(f"{name} has {size:,} bytes, and ingest rejects objects over {DEFAULT.stored:,}; split it")
    return size


def _folder(device: str) -> str:
    """Return the device as the name of a folder: who uploads is the first folder of a key, so it has no slash."""
    try:
        check_device_id(device, "--device")
    except RecordError as error:
        raise UserError(str(error)) from None
    if "/" in device:
        raise UserError(f"--device {device}: the folder of a device has no / in its name")
    return device


def _cannot_be_read(path: Path, error: OSError) -> UserError:
    return UserError(f"{printable(str(path))} cannot be read: {error.strerror or error}")
