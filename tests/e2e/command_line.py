"""The command line as a test gives it."""

from typing import Protocol

from typer.testing import CliRunner

from sensorctl import cli


class Ctl(Protocol):
    """`sensorctl` with these arguments: (exit code, what it printed) out."""

    def __call__(self, *arguments: str) -> tuple[int, str]: ...


def sensorctl(*arguments: str) -> tuple[int, str]:
    """Run the command here; what it raises, but to exit, is raised."""
    said = CliRunner().invoke(cli.app, arguments, env={"COLUMNS": "200"})
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said.exit_code, said.stdout
