"""What the functions' dependencies carry and never use, taken out of a bundle.

botocore describes some 400 services and reads, for each client made, the whole description of its service: 1.4 MB of
JSON for S3, two thirds of it documentation. A bundle keeps the operations that its function calls, with the shapes,
errors and endpoint rules these need, as plain JSON without blanks: an init takes a third less CPU.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from constructs_lib.bundling.operations import Operations
from constructs_lib.errors import SynthError

# Never imported, or read, by what the functions do; a test makes every call without them. Of tzdata, zoneinfo reads the
# zones alone.
_UNUSED = (
    "aws_xray_sdk/ext",
    "boto3",
    "dateutil/zoneinfo",
    "s3transfer",
    "tzdata/zoneinfo/iso3166.tab",
    "tzdata/zoneinfo/leapseconds",
    "tzdata/zoneinfo/tzdata.zi",
    "tzdata/zoneinfo/zone.tab",
    "tzdata/zoneinfo/zone1970.tab",
    "tzdata/zoneinfo/zonenow.tab",
    "tzdata/zones",
    "urllib3/contrib/emscripten",
    "wrapt-stubs",
)
_UNUSED_SUFFIXES = frozenset((".c", ".pyi", ".typed"))
# In each service's folder: the model, what botocore adds to it, and where the service is.
_MODEL = "service-2.json"
_EXTRAS = "service-2.sdk-extras.json"
_ENDPOINTS = "endpoint-rule-set-1.json"

Json = dict[str, Any]


class SlimmingError(SynthError):
    """botocore does not describe something that a function calls; the message names it."""


def slim(folder: Path, operations: Operations) -> None:
    """Cut what is installed in `folder` down to what `operations` need. Raises SlimmingError."""
    for unused in _UNUSED:
        shutil.rmtree(folder / unused, ignore_errors=True)
        (folder / unused).unlink(missing_ok=True)
    for path in [path for path in folder.rglob("*") if path.suffix in _UNUSED_SUFFIXES]:
        path.unlink()
    data = folder / "botocore" / "data"
    if data.is_dir():
        _slim_data(data, operations)


def _slim_data(data: Path, operations: Operations) -> None:
    for described in [path for path in data.iterdir() if path.is_dir()]:
        if described.name not in operations:
            shutil.rmtree(described)
    for service, called in operations.items():
        newest = _newest(data / service)
        for version in (data / service).iterdir():
            if version != newest:
                shutil.rmtree(version)
        kept = {_MODEL: _slim_model(_read(newest / _MODEL), called, service=service)}
        kept[_ENDPOINTS] = _read(newest / _ENDPOINTS)
        if (newest / _EXTRAS).exists():
            kept[_EXTRAS] = _slim_extras(_read(newest / _EXTRAS), kept[_MODEL])
        shutil.rmtree(newest)
        newest.mkdir()
        for name, content in kept.items():
            _write(newest / name, content)
    _write(data / "endpoints.json", _slim_endpoints(_read(data / "endpoints.json"), operations))


def _newest(service: Path) -> Path:
    """Return the folder of the API version that botocore takes: the newest with a model."""
    versions = [path.parent for path in service.glob(f"*/{_MODEL}*")] if service.is_dir() else []
    if not versions:
        raise SlimmingError(f"botocore has no description of the service {service.name}.")
    return max(versions)


def _slim_model(model: Json, called: Iterable[str], *, service: str) -> Json:
    missing = sorted(set(called) - set(model["operations"]))
    if missing:
        raise SlimmingError(f"botocore describes no operation {missing[0]} of the service {service}.")
    operations = {name: model["operations"][name] for name in called}
    needed: set[str] = set()
    found = set(_shapes(operations))
    while found:
        needed |= found
        found = {inner for name in found for inner in _shapes(model["shapes"][name])} - needed
    shapes = {name: shape for name, shape in model["shapes"].items() if name in needed}
    # What else stands at the top is small, and botocore insists on the documentation of `clientContextParams`.
    others = {name: part for name, part in model.items() if name != "documentation"}
    return {**others, "operations": _without_words(operations), "shapes": _without_words(shapes)}


def _slim_extras(extras: Json, model: Json) -> Json:
    """Keep additions to shapes that are left: botocore merges the rest in as shapes of their own."""
    shapes = extras.get("merge", {}).get("shapes", {})
    return {**extras, "merge": {"shapes": {name: part for name, part in shapes.items() if name in model["shapes"]}}}


def _slim_endpoints(endpoints: Json, operations: Operations) -> Json:
    def left(partition: Json) -> Json:
        services = {name: part for name, part in partition["services"].items() if name in operations}
        return {**partition, "services": services}

    return {**endpoints, "partitions": [left(partition) for partition in endpoints["partitions"]]}


def _shapes(part: Any) -> Iterator[str]:
    """Yield the name of every shape that a part of a model refers to."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _shapes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _shapes(value)


def _without_words(part: Any) -> Any:
    """Leave out texts called `documentation`; a member or a shape of that name is no text."""
    if isinstance(part, dict):
        kept = {name: value for name, value in part.items() if not (name == "documentation" and isinstance(value, str))}
        return {name: _without_words(value) for name, value in kept.items()}
    return [_without_words(value) for value in part] if isinstance(part, list) else part


def _read(path: Path) -> Json:
    """Read `path`, or `path`.gz as botocore's wheel has most of them."""
    packed = path.with_name(path.name + ".gz")
    content: Json = json.loads(gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes())
    return content


def _write(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
