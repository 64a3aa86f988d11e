"""Which AWS and which region a command asks: --region, the environment's, the profile's, us-east-1; it says which."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from sensorctl.aws import embedded_state
from sensorctl.aws.access import Access
from sensorctl.aws.connection import aws_access, connect
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


def test_the_embedded_aws_is_reached_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    proxies = [
        access.client("sts")._client_config.proxies for access in (Access(), Access(endpoint="https://localhost"))
    ]
    assert proxies == [None, {}]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[None]:
    """An embedded AWS that is up, as its state file and lock say."""
    folder = embedded_state.folder(tmp_path)
    folder.mkdir(parents=True)
    access = {"endpoint": "https://localhost:4566", "ca_bundle": None, "access_key": "AKIA", "secret_key": "secret"}
    (folder / "state.json").write_text(json.dumps({"access": access, "xray_daemon": "127.0.0.1:2000"}))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.usefixtures("up")
@pytest.mark.parametrize("code", ["ValidationError", "ExpiredToken"])
def test_who_finds_no_stage_on_aws_hears_of_the_embedded_aws_that_is_up(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, code)
    with pytest.raises(UserError, match=r"; an embedded AWS is up: add --embedded to ask that$"):
        connect(root=tmp_path, embedded=False, stage="dev", profile=None, region=None)


@pytest.mark.usefixtures("up")
def test_a_stage_that_is_not_on_the_embedded_aws_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "ValidationError")
    with pytest.raises(UserError, match=r"^the embedded AWS has no stack SensorFanout-prod; .*make up"):
        connect(root=tmp_path, embedded=True, stage="prod", profile=None, region=None)
