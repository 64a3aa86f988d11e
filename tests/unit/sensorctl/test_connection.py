"""Which region a command asks: --region, the environment's, the profile's, us-east-1; and that it says which."""

from pathlib import Path

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from sensorctl.connection import aws_access, connect
from sensorctl.errors import UserError

CONFIG = "[default]\nregion = eu-west-1\n[profile plant]\nregion = eu-central-1\n[profile bare]\n"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("region", "profile", "environment", "asked"),
    [
        ("ap-south-1", "plant", {"AWS_DEFAULT_REGION": "sa-east-1"}, "ap-south-1"),
        (None, "plant", {"AWS_DEFAULT_REGION": "sa-east-1"}, "sa-east-1"),
        (None, "plant", {}, "eu-central-1"),
        (None, None, {"AWS_PROFILE": "plant"}, "eu-central-1"),
        (None, None, {}, "eu-west-1"),
        (None, "bare", {}, "us-east-1"),
    ],
)
def test_the_region_is_the_nearest_that_somebody_set(
    region: str | None, profile: str | None, environment: dict[str, str], asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert aws_access(profile=profile, region=region).region == asked


def refuse(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let CloudFormation answer so."""

    def answer(*_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStacks")

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def test_a_stack_that_is_not_there_is_named_with_its_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "ValidationError")
    with pytest.raises(UserError, match=r"no stack SensorFanout-dev on AWS \(eu-central-1\).*--region"):
        connect(root=tmp_path, embedded=False, stage="dev", profile="plant", region=None)


def test_a_refusal_names_the_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "AccessDenied")
    with pytest.raises(UserError, match=r"stage dev in eu-west-1: .*AccessDenied"):
        connect(root=tmp_path, embedded=False, stage="dev", profile=None, region=None)


def test_a_profile_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"AWS cannot be asked: .*plant-9"):
        connect(root=tmp_path, embedded=False, stage="dev", profile="plant-9", region=None)
