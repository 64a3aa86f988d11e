from collections.abc import Iterator

import pytest

from tests.faults.world.clients import Clients
from tests.faults.world.functions import installed
from tests.refusing_clients import forget_tables


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """This process, set up to play schedules: nothing sleeps, and nothing reaches a network."""
    forget_tables()
    with installed() as clients:
        yield clients


@pytest.fixture(autouse=True)
def _no_sockets(socket_disabled: None) -> None:
    """A call that this world does not answer would need one."""
