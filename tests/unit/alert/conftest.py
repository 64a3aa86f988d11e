from collections.abc import Callable, Iterator
from functools import partial

import pytest
from moto import mock_aws

from lambdas.alert.adapters.ledger import Ledger
from tests.unit.alert.alert_kit import Aws, World
from tests.unit.alert.ledger_kit import Table


@pytest.fixture(scope="session")
def aws() -> Aws:
    with mock_aws():
        return Aws()


@pytest.fixture
def make_world(aws: Aws) -> Iterator[Callable[..., World]]:
    """Makes the stack around the alert function, as moto has it, with some of the function's variables replaced."""
    with mock_aws():
        yield partial(World, aws)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def table(aws: Aws) -> Iterator[Table]:
    with mock_aws():
        yield Table(aws)


@pytest.fixture
def ledger(table: Table) -> Ledger:
    return table.ledger
