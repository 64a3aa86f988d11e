from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.unit.ingest.ingest_world import World


@pytest.fixture(scope="session")
def ingest_session() -> boto3.Session:
    """One session for all tests: it keeps the service models it has read."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")


@pytest.fixture
def world(ingest_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The stack around the ingest function, as moto has it."""
    with mock_aws():
        yield World(ingest_session, monkeypatch)
