from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.utils import parse_timestamp

from lambdas.shared.clients import authorities, client, timestamp


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    path = tmp_path / "aws-roots.pem"
    path.write_text("")
    return path


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-5", "il-central-1", "mx-central-1"])
def test_commercial_regions_are_trusted_by_the_short_list(region: str, roots: Path) -> None:
    assert authorities(region, roots=roots) == str(roots)


@pytest.mark.parametrize(
    "region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1", "eu-isoe-west-1", None]
)
def test_elsewhere_botocores_full_list_counts(region: str | None, roots: Path) -> None:
    assert authorities(region, roots=roots) is None


def test_an_authority_that_the_environment_names_wins(roots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/ssl/proxy.pem")

    assert authorities("us-east-1", roots=roots) is None


def test_without_a_short_list_botocores_full_list_counts(roots: Path) -> None:
    roots.unlink()

    assert authorities("us-east-1", roots=roots) is None


def test_calls_end_with_their_retries_well_before_the_function_does() -> None:
    config = client("ssm", read_timeout=2).meta.config

    assert config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) <= 15
    assert config.user_agent.startswith("sensor-fanout botocore/")


@pytest.mark.parametrize(
    "value",
    ["Sun, 22 Nov 2026 10:00:00 GMT", "Thu, 29 Feb 2024 23:59:59 GMT", "2026-11-22T10:00:00.250Z", 1795341600.25],
)
def test_a_time_in_an_answer_is_what_botocore_reads(value: Any) -> None:
    assert timestamp(value) == parse_timestamp(value)


def test_a_time_of_http_is_in_utc() -> None:
    assert timestamp("Sun, 22 Nov 2026 10:00:00 GMT") == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="GMT"):
        timestamp("Sun, 32 Foo 2026 10:00:00 GMT")


class _Body:
    """An empty body, as urllib3 gives it."""

    def stream(self) -> list[bytes]:
        return []


def test_a_client_reads_times_so() -> None:
    s3 = client("s3")
    headers: Any = HeadersDict({"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"})
    answer = AWSResponse("https://landing", 200, headers, _Body())
    s3.meta.events.register("before-send.s3.HeadObject", lambda **_: answer)
    # botocore's own reading names the same zone by an object of dateutil.
    assert s3.head_object(Bucket="landing", Key="a")["LastModified"].tzinfo is UTC
