"""The CDK CLI, as people have it, against the embedded AWS: from a sourced aws.env through bootstrap to destroy."""

import os
import re
import shlex
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.assembly import synthesise
from sensorctl.embedded.embedded_aws import CONTEXT, EmbeddedAws
from tests import ROOT

CDK = ROOT / ".tools" / "node_modules" / ".bin" / "cdk"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@pytest.fixture(scope="module")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS for this file alone, which destroys its stack."""
    with EmbeddedAws(root=ROOT, folder=tmp_path_factory.mktemp("embedded")) as running:
        yield running


def shell(aws: EmbeddedAws, *command: str | Path) -> str:
    """Return what a command says in a shell that has sourced aws.env, with this project's Python and Node."""
    sourced = f". {shlex.quote(str(aws.folder / 'aws.env'))} && exec {shlex.join(map(str, command))}"
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", sourced], cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def deploy(aws: EmbeddedAws, assembly: Path) -> None:
    shell(aws, CDK, "deploy", "--app", assembly, "--require-approval", "never")
    aws.mailbox.attach()


def heat(aws: EmbeddedAws, device: str) -> bool:
    """Upload a critical reading; return whether its e-mail arrives."""
    at = datetime.now(UTC).isoformat()
    reading = f'{{"device_id": "{device}", "timestamp": "{at}", "metrics": {{"temperature": 99}}}}'
    s3 = aws.access.client("s3")
    s3.put_object(Bucket=aws.pipeline.landing_bucket, Key=f"incoming/{device}/1.json", Body=reading.encode())
    return wait_until(lambda: any(device in mail.subject for mail in aws.mailbox.mails), seconds=60)


def made_for_lambda(assembly: Path, folder: Path) -> Path:
    """Return a copy whose bundles have the compiled modules of another machine, and so other digests."""
    for path in assembly.iterdir():
        copy = folder / _DIGEST.sub(lambda digest: digest[0][::-1], path.name)
        if path.suffix != ".zip":
            copy.write_text(_DIGEST.sub(lambda digest: digest[0][::-1], path.read_text()))
            continue
        with zipfile.ZipFile(path) as ours, zipfile.ZipFile(copy, "w") as theirs:
            for name in ours.namelist():
                theirs.writestr(re.sub(r"\.cpython-\S+\.so$", ".cpython-313-other.so", name), ours.read(name))
    return folder


def test_bootstrap_diff_deploy_and_destroy_work_and_alerts_arrive(own_aws: EmbeddedAws, tmp_path: Path) -> None:
    ours = synthesise(ROOT, context=CONTEXT)
    settings = [argument for name, value in CONTEXT.items() for argument in ("-c", f"{name}={value}")]

    assert "bootstrapped" in shell(own_aws, CDK, "bootstrap", "--app", ours)
    # What the CLI synthesises is what `make up` deployed, bundles included.
    shell(own_aws, CDK, "diff", "--fail", "--output", tmp_path / "cdk.out", *settings)

    (tmp_path / "theirs").mkdir()
    theirs = made_for_lambda(ours, tmp_path / "theirs")
    deploy(own_aws, theirs)
    assert heat(own_aws, "oven-1")

    shell(own_aws, ROOT / ".venv" / "bin" / "python", "-m", "sensorctl", "empty", "--yes")
    shell(own_aws, CDK, "destroy", "--app", theirs, "--force")
    deploy(own_aws, ours)
    assert heat(own_aws, "oven-2")
