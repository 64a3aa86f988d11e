from collections.abc import Iterator

import boto3
import pytest
from alert_kit import World
from moto import mock_aws


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One session for all tests: it keeps the service models it has read."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")


@pytest.fixture
def world(aws_session: boto3.Session) -> Iterator[World]:
    """The stack around the alert function, as moto has it, and a clock that stands still until it is moved."""
    with mock_aws():
        yield World(aws_session)
