from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.uploader import Uploader

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """The whole pipeline, deployed from the template on an embedded AWS of its own."""
    # The tests share one minute's e-mails, and only the run is about what is over the budget.
    budget = {"emails_per_minute": "200"}
    with EmbeddedAws(root=ROOT, folder=tmp_path_factory.mktemp("embedded"), context=budget) as running:
        yield running


@pytest.fixture(scope="session")
def uploader(aws: EmbeddedAws) -> Uploader:
    return aws.uploader()
