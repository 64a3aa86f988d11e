from collections.abc import Iterator

import pytest

from sensorctl.aws import embedded_state
from sensorctl.aws.uploader import Uploader
from sensorctl.embedded.embedded_aws import EmbeddedAws
from tests import ROOT
from tests.e2e.command_line import Ctl, sensorctl


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
    monkeypatch.setattr(embedded_state, "folder", lambda _root: aws.folder)
    return lambda *arguments: sensorctl(*arguments, "--embedded")


@pytest.fixture
def empty_queues(aws: EmbeddedAws) -> None:
    """Empty the failure queues, so that no failure of another test is reported here."""
    sqs, pipeline = aws.access.client("sqs"), aws.pipeline
    for url in (pipeline.ingest_failures, pipeline.alert_failures, pipeline.rule_dead_letters):
        sqs.purge_queue(QueueUrl=url)
