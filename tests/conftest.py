"""Loaded before every test module."""

from functools import partial

import botocore.handlers
import pytest

# moto answers the calls of sessions that are made after it was imported, and lambdas/shared/clients.py makes its own
# when imported: which test is collected first must not decide.
from moto.core.models import botocore_stubber

from tests import (
    ROOT,
    quick_moto,  # noqa: F401
)
from tests.refusing_clients import unless_refused

# What coverage is measured by: to trace the thousands of examples and schedules of the others would take minutes.
MEASURED = tuple(
    ROOT / "tests" / path for path in ("unit/alert", "unit/ingest", "unit/shared", "faults/test_gateways.py")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what coverage leaves out, by pytest-cov's own mark."""
    for item in items:
        if not any(item.path.is_relative_to(folder) for folder in MEASURED):
            item.add_marker("no_cover")


# In moto's place, so that what AWS refuses has no effect in moto either.
_place = botocore.handlers.BUILTIN_HANDLERS.index(("before-send", botocore_stubber))
botocore.handlers.BUILTIN_HANDLERS[_place] = ("before-send", partial(unless_refused, botocore_stubber))
