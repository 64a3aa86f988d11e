from collections.abc import Iterator

import pytest

from proof.functions import installed
from proof.wire import Clients
from tests.service_rules import forget_tables


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """This process, set up to play schedules: nothing sleeps, and nothing reaches a network."""
    forget_tables()
    with installed() as made:
        yield made


@pytest.fixture(autouse=True)
def _no_sockets(socket_disabled: None) -> None:
    """A call that the proof's world does not answer would need one."""
