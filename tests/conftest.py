"""Loaded before every test module."""

from functools import cache, partial
from typing import Any

import botocore.handlers
import botocore.loaders
import moto.core.serialize
import pytest

# moto answers the calls of sessions that are made after it was imported, and lambdas/shared/clients.py makes its own
# when imported: which test is collected first must not decide.
from moto.core.models import botocore_stubber

from tests import ROOT
from tests.refusing_clients import unless_refused

# What coverage is measured by: to trace the thousands of examples and schedules of the others would take minutes.
MEASURED = tuple(ROOT / "tests" / "unit" / folder for folder in ("alert", "ingest", "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what coverage leaves out, by pytest-cov's own mark."""
    for item in items:
        if not any(item.path.is_relative_to(folder) for folder in MEASURED):
            item.add_marker("no_cover")


# In moto's place, so that what AWS refuses has no effect in moto either.
_place = botocore.handlers.BUILTIN_HANDLERS.index(("before-send", botocore_stubber))
botocore.handlers.BUILTIN_HANDLERS[_place] = ("before-send", partial(unless_refused, botocore_stubber))

# Each test makes sessions of its own, and most of the time that took was the parsing of the same service models again.
_load_file = botocore.loaders.JSONFileLoader.load_file
_loaded = cache(lambda path: _load_file(botocore.loaders.JSONFileLoader(), path))
setattr(botocore.loaders.JSONFileLoader, "load_file", lambda _self, path: _loaded(path))  # noqa: B010 mypy's method-assign

# An AttributeValue has one of ten members, and moto looks for each of the others under every name that it might have.
_serialize_member = moto.core.serialize.ResponseSerializer._serialize_structure_member


def _serialize_what_is_there(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.parent.name != "AttributeValue" or key in value:
        _serialize_member(serializer, serialized, value, shape, key)


setattr(moto.core.serialize.ResponseSerializer, "_serialize_structure_member", _serialize_what_is_there)  # noqa: B010
