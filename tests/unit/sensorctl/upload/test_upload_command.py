"""`sensorctl upload`: what it says before and after, what it refuses before anything is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from sensorctl.aws.outputs import Pipeline
from sensorctl.aws.uploader import Uploader
from tests.unit.sensorctl.command_kit import sensorctl
from tests.unit.sensorctl.pipeline_kit import whole_stage


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    with whole_stage(monkeypatch) as pipeline:
        yield pipeline


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    folder = tmp_path / "boiler-7"
    folder.mkdir()
    for name in ("a.json", "b c.json"):
        (folder / name).write_text("{}")
    return [str(folder / name) for name in ("a.json", "b c.json")]


def keys() -> list[str]:
    return [entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket="landing").get("Contents", [])]


def test_it_says_what_goes_where_asks_and_says_where_to_look(deployed: Pipeline, files: list[str]) -> None:
    refused = sensorctl("upload", *files, answers="n\n")
    assert (refused.code, keys()) == (1, [])
    assert "This uploads 2 files of 4 bytes to stage dev on AWS:" in refused.out
    assert f"  {files[1]} (2 bytes) to incoming/boiler-7/b c.json" in refused.out
    sent = sensorctl("upload", *files, "--stage", "prod", "--region", "eu-west-1", answers="y\n")
    assert (sent.code, keys()) == (0, ["incoming/boiler-7/a.json", "incoming/boiler-7/b c.json"])
    assert "2 of 2 files uploaded." in sent.out
    assert "  sensorctl traces 'incoming/boiler-7/b c.json' --stage prod --region eu-west-1" in sent.out


def test_a_dry_run_uploads_nothing_and_the_device_names_the_folder(deployed: Pipeline, files: list[str]) -> None:
    result = sensorctl("upload", files[0], "--device", "gateway-1", "--dry-run")
    assert (result.code, keys()) == (0, [])
    assert "Would upload 1 file of 2 bytes to stage dev on AWS:" in result.out
    assert "to incoming/gateway-1/a.json" in result.out


def test_what_was_uploaded_before_aws_refused_is_said(
    deployed: Pipeline, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Uploader.upload

    def upload(self: Uploader, key: str, body: bytes) -> Any:
        if key.endswith("b c.json"):
            boto3.client("s3").put_object(Bucket="no-such-bucket", Key=key)
        return original(self, key, body)

    monkeypatch.setattr(Uploader, "upload", upload)
    with pytest.raises(boto3.client("s3").exceptions.NoSuchBucket):
        sensorctl("upload", *files, "--yes")
    assert keys() == ["incoming/boiler-7/a.json"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["/no/such.json"], "/no/such.json is not a file; give files of readings"),
        (["."], ". is not a file"),
        (["FILE", "--device", "a/b"], "--device a/b: the folder of a device has no / in its name"),
        (["FILE", "--device", "a b"], "--device is 'a b'; only letters, digits"),
    ],
)
def test_wrong_use_is_one_sentence(deployed: Pipeline, files: list[str], arguments: list[str], sentence: str) -> None:
    result = sensorctl("upload", *(files[0] if word == "FILE" else word for word in arguments), "--yes")
    assert (result.code, sentence in result.error, keys()) == (2, True, [])


def test_a_file_that_ingest_would_reject_as_a_whole_is_not_uploaded(deployed: Pipeline, tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    assert "ingest rejects objects over 67,108,864; split it" in sensorctl("upload", str(large), "--yes").error


def test_a_name_that_is_no_key_is_refused(deployed: Pipeline, tmp_path: Path) -> None:
    odd = tmp_path / "odd\udcff.json"
    odd.write_text("{}")
    result = sensorctl("upload", str(odd), "--yes")
    assert (result.code, "is not UTF-8" in result.error, keys()) == (2, True, [])
