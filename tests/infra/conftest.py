"""Both stages, each synthesised once a session."""

from __future__ import annotations

import pytest

from tests.infra.synthesised import STAGES, Synthesised, synthesise


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesised]:
    return {stage: synthesise(stage, tmp_path_factory.mktemp(stage)) for stage in STAGES}


@pytest.fixture(params=STAGES)
def stack(request: pytest.FixtureRequest, stacks: dict[str, Synthesised]) -> Synthesised:
    """Each stage in turn: for what every stage promises."""
    return stacks[request.param]


@pytest.fixture(scope="session")
def front_doors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesised]:
    """Both stages with the front door."""
    return {stage: synthesise(stage, tmp_path_factory.mktemp(stage), front_door="firehose") for stage in STAGES}


@pytest.fixture(params=STAGES)
def fronted(request: pytest.FixtureRequest, front_doors: dict[str, Synthesised]) -> Synthesised:
    """Each stage with the front door in turn."""
    return front_doors[request.param]


@pytest.fixture
def dev(stacks: dict[str, Synthesised]) -> Synthesised:
    return stacks["dev"]


@pytest.fixture
def prod(stacks: dict[str, Synthesised]) -> Synthesised:
    return stacks["prod"]
