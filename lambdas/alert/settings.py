"""The function's environment variables, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_REQUIRED = ("STAGE", "ALERTS_TABLE", "READINGS_TABLE", "TOPIC_ARN", "THRESHOLDS_PARAMETER", "AWS_REGION")


class SettingsError(ValueError):
    """An environment variable is missing or wrong; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack tells the function. `emails_per_minute` is the budget over all invocations."""

    stage: str
    region: str
    alerts_table: str
    readings_table: str
    topic_arn: str
    thresholds_parameter: str
    emails_per_minute: int = 30

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables. Raises SettingsError."""
        missing = [name for name in _REQUIRED if not environ.get(name)]
        if missing:
            raise SettingsError(f"the alert function needs the environment variable {missing[0]}")
        budget = environ.get("EMAILS_PER_MINUTE") or "30"
        if not budget.isascii() or not budget.isdigit() or not 1 <= int(budget) <= 600:
            raise SettingsError(f"EMAILS_PER_MINUTE must be a whole number from 1 to 600, not {budget!r}")
        return cls(
            stage=environ["STAGE"],
            region=environ["AWS_REGION"],
            alerts_table=environ["ALERTS_TABLE"],
            readings_table=environ["READINGS_TABLE"],
            topic_arn=environ["TOPIC_ARN"],
            thresholds_parameter=environ["THRESHOLDS_PARAMETER"],
            emails_per_minute=int(budget),
        )
