"""The command line as a test gives it."""

from typing import Protocol

from typer.testing import CliRunner

from sensorctl import cli


class Ctl(Protocol):
    """`sensorctl` with these arguments; returns its exit code and what it printed."""

    def __call__(self, *arguments: str) -> tuple[int, str]: ...


def sensorctl(*arguments: str) -> tuple[int, str]:
    """Run the command here; what it raises, but to exit, is raised."""
    result = CliRunner().invoke(cli.app, arguments, env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout
