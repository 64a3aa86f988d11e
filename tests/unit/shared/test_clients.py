from pathlib import Path

import pytest

from lambdas.shared.clients import authorities, client


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
