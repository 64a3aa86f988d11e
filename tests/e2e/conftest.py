from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Ctl, sensorctl

from sensorctl.embedded import background
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


@pytest.fixture
def ctl(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """The command line with --embedded, which finds this pipeline by its state file."""
    monkeypatch.setattr(background, "folder", lambda _root: aws.folder)
    return lambda *arguments: sensorctl(*arguments, "--embedded")


@pytest.fixture
def empty_queues(aws: EmbeddedAws) -> None:
    """Let no failure of another test be told here."""
    sqs, pipeline = aws.access.client("sqs"), aws.pipeline
    for url in (pipeline.ingest_failures, pipeline.alert_failures, pipeline.rule_dead_letters):
        sqs.purge_queue(QueueUrl=url)
