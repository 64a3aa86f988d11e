from collections.abc import Iterator

import pytest
from alert_kit import Wires, World
from moto import mock_aws


@pytest.fixture(scope="session")
def wires() -> Wires:
    with mock_aws():
        return Wires()


@pytest.fixture
def world(wires: Wires) -> Iterator[World]:
    """The stack around the alert function, as moto has it, and a clock that stands still until it is moved."""
    with mock_aws():
        yield World(wires)
