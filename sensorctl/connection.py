"""Which pipeline a command talks to: the embedded one that `make up` started, or a stage on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from sensorctl.embedded import background
from sensorctl.embedded.access import REGION, Access
from sensorctl.errors import UserError
from sensorctl.pipeline import Pipeline, find_pipeline


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach AWS, and the names of the pipeline there."""

    access: Access
    pipeline: Pipeline


def aws_access(*, profile: str | None, region: str | None) -> Access:
    """Return access to AWS; without a region given, in the environment's or the profile's, else us-east-1.

    Raises UserError when there is no such profile.
    """
    try:
        known = region or Session(profile=profile).get_config_variable("region")
    except BotoCoreError as error:
        raise UserError(f"AWS cannot be asked: {error}") from None
    return Access(profile=profile, region=known or REGION)


def access_to(*, root: Path, embedded: bool, profile: str | None, region: str | None) -> Access:
    """Return access to the AWS that the options name, whatever is deployed there. Raises UserError as `connect`."""
    if embedded:
        return Access.from_json(_embedded_state(root)["access"])
    return aws_access(profile=profile, region=region)


def connect(*, root: Path, embedded: bool, stage: str, profile: str | None, region: str | None) -> Connection:
    """Return the pipeline that the options name. Raises UserError when it cannot be reached, saying what to do."""
    if embedded:
        state = _embedded_state(root)
        return Connection(access=Access.from_json(state["access"]), pipeline=Pipeline(**state["pipeline"]))
    access = aws_access(profile=profile, region=region)
    try:
        return Connection(access=access, pipeline=find_pipeline(access, stage=stage))
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"AWS cannot be asked for stage {stage} in {access.region}: {error}") from None


def _embedded_state(root: Path) -> dict[str, Any]:
    state = background.state(root)
    if state is None:
        raise UserError("the embedded AWS is not up; start it with `make up`")
    return state
