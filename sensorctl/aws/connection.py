"""Which pipeline a command works on: the embedded one that `make up` started, or a stage on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from sensorctl.aws import embedded_state
from sensorctl.aws.access import REGION, Access
from sensorctl.aws.outputs import Pipeline, find_pipeline
from sensorctl.aws.uploader import Uploader, send_to_daemon, send_to_xray
from sensorctl.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach AWS, and the names of the pipeline there; `xray_daemon` is the embedded AWS's."""

    access: Access
    pipeline: Pipeline
    xray_daemon: str | None = None

    def uploader(self) -> Uploader:
        """Return what uploads to the landing prefix; segments go to the embedded AWS's daemon, or straight to X-Ray."""
        if self.xray_daemon is not None:
            trace = partial(send_to_daemon, address=self.xray_daemon)
        else:
            trace = partial(send_to_xray, xray=self.access.client("xray"))
        return Uploader(self.access, bucket=self.pipeline.landing_bucket, trace=trace)


def aws_access(*, profile: str | None, region: str | None) -> Access:
    """Return access to AWS; without a region given, in the environment's or the profile's, else us-east-1.

    Raises UserError when there is no such profile.
    """
    try:
        known = region or Session(profile=profile).get_config_variable("region")
    except BotoCoreError as error:
        raise UserError(f"AWS cannot be asked: {error}") from None
    return Access(profile=profile, region=known or REGION)


def embedded_access(root: Path) -> Access:
    """Return access to the embedded AWS. Raises UserError when it is not up."""
    return Access(**embedded_state.require(root)["access"])


def connect(*, root: Path, embedded: bool, stage: str, profile: str | None, region: str | None) -> Connection:
    """Return the pipeline that the options name. Raises UserError when it cannot be reached, saying what to do."""
    if embedded:
        state = embedded_state.require(root)
        access = Access(**state["access"])
        # Asked each time: somebody may have deployed it anew, with the CDK.
        return Connection(access=access, pipeline=find_pipeline(access, stage=stage), xray_daemon=state["xray_daemon"])
    access = aws_access(profile=profile, region=region)
    hint = "; an embedded AWS is up: add --embedded to ask that" if embedded_state.find(root) else ""
    try:
        return Connection(access=access, pipeline=find_pipeline(access, stage=stage))
    except UserError as error:
        raise UserError(f"{error}{hint}") from None
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"AWS cannot be asked for stage {stage} in {access.region}: {error}{hint}") from None
