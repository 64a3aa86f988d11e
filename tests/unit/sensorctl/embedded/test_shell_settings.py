"""What a shell gets by `source aws.env`, what it gets back, and what it hears when that AWS is gone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sensorctl.aws.access import Access
from sensorctl.embedded.shell_settings import script

SHELLS = [shell for shell in ("bash", "dash", "zsh") if shutil.which(shell)]
# What a developer's shell may hold: a profile, an endpoint of one service, a company's authority, awkward texts.
BEFORE = {
    "AWS_PROFILE": 'it\'s "mine" $HOME `id` \\ %s',
    "AWS_ENDPOINT_URL_S3": "https://elsewhere.example.com",
    "AWS_SESSION_TOKEN": "two\nlines",
    "AWS_REGION": "eu-west-1",
    "NO_PROXY": "intranet.example.com",
}
DEAD = 4_194_305  # one more than the highest number that Linux gives a process (proc(5), pid_max)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a space in its name, the run's authority, and the settings of an AWS that this test is."""
    folder = tmp_path / "the run"
    folder.mkdir()
    (folder / "ca.pem").write_text("the run's authority\n")
    write(folder, pid=os.getpid())
    return folder


def write(folder: Path, *, pid: int) -> None:
    access = Access(
        endpoint="https://localhost:4566",
        xray_endpoint="http://127.0.0.1:4567",
        ca_bundle=str(folder / "ca.pem"),
        access_key="AKIA",
        secret_key="a'secret",
    )
    (folder / "aws.env").write_text(script(access, pid=pid))


def run(shell: str, text: str, folder: Path, **before: str) -> list[dict[str, str]]:
    """Run `text` in the folder, in a shell that stops at errors; return the environment at each `show`."""
    show = "show() { env -0; printf '\\0\\0'; }\nset -eu\n"
    environment = {"PATH": os.environ["PATH"], **before}
    result = subprocess.run([shell, "-c", show + text], cwd=folder, env=environment, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    shown = result.stdout.decode().split("\0\0\0")[:-1]
    return [dict(pair.split("=", 1) for pair in one.split("\0") if "=" in pair) for one in shown]


@pytest.mark.parametrize("shell", SHELLS)
def test_all_that_leads_elsewhere_is_put_aside_and_given_back(shell: str, folder: Path) -> None:
    first, inside, after = run(shell, "show; . ./aws.env; show; leave_embedded_aws; show", folder, **BEFORE)
    assert after == first
    assert {name: value for name, value in inside.items() if name.startswith(("AWS_", "SENSORCTL_", "NODE_"))} == {
        "AWS_ENDPOINT_URL": "https://localhost:4566",
        "AWS_ENDPOINT_URL_XRAY": "http://127.0.0.1:4567",
        "AWS_CA_BUNDLE": str(folder / "ca.pem"),
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "a'secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SENSORCTL_EMBEDDED": "1",
        "NODE_EXTRA_CA_CERTS": str(folder / "ca.pem"),
    }
    assert inside["NO_PROXY"] == "localhost,127.0.0.1,intranet.example.com"


@pytest.mark.parametrize("shell", SHELLS)
def test_sourced_twice_it_gives_back_what_was_there_at_first(shell: str, folder: Path) -> None:
    first, after = run(shell, "show; . ./aws.env; . ./aws.env; leave_embedded_aws; show", folder, **BEFORE)
    assert after == first


@pytest.mark.parametrize("shell", SHELLS)
def test_node_goes_on_trusting_a_companys_authority(shell: str, folder: Path) -> None:
    company = folder / "company.pem"
    company.write_text("the company's authority")
    inside, after = run(
        shell, "set -C; . ./aws.env; show; leave_embedded_aws; show", folder, NODE_EXTRA_CA_CERTS=str(company)
    )
    assert Path(inside["NODE_EXTRA_CA_CERTS"]).read_text() == "the company's authority\nthe run's authority\n"
    assert after["NODE_EXTRA_CA_CERTS"] == str(company)


@pytest.mark.parametrize("shell", SHELLS)
def test_settings_of_an_aws_that_is_down_change_nothing_and_say_so(shell: str, folder: Path) -> None:
    write(folder, pid=DEAD)
    first, after = run(shell, "set +e; show; . ./aws.env 2>said; show", folder, **BEFORE)
    assert after == first
    assert (folder / "said").read_text() == (
        "The embedded AWS of this file is down; `make up` starts another, with a new file.\n"
    )


def test_a_shell_whose_aws_goes_down_says_so_at_the_next_prompt_and_has_its_own_settings_back(folder: Path) -> None:
    write(folder, pid=DEAD)
    typed = (
        f"sleep 1000 & sed s/{DEAD}/$!/ aws.env >live.env\n"
        "PROMPT_COMMAND='prompts=x$prompts'\n"
        "source ./live.env\n"
        "echo in: $AWS_REGION >&2\n"
        "kill %1; wait %1\n"
        "echo back: $AWS_REGION >&2\n"
        "echo $PROMPT_COMMAND >&2\n"
    )
    result = subprocess.run(
        ["bash", "--norc", "--noprofile", "-i"],
        input=typed,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PS1": "", "AWS_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in result.stderr.splitlines() if line.startswith(("in:", "back:", "The ", "prompts="))]
    assert said == [
        "in: us-east-1",
        "The embedded AWS is down; this shell has its own AWS settings back.",
        "back: eu-west-1",
        "prompts=x$prompts",
    ]
