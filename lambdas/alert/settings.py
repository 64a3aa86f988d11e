"""The function's environment variables, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_REQUIRED = (
    *("STAGE", "ALERTS_TABLE", "READINGS_TABLE", "TOPIC_ARN", "NOTIFICATION_TOPIC_ARN", "THRESHOLDS_PARAMETER"),
    "AWS_REGION",
)


class SettingsError(ValueError):
    """An environment variable is missing or wrong; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack sets for the function. `emails_per_minute` is the budget over all invocations.

    `topic_arn` is the topic of e-mails, `notification_topic_arn` that of programs.

    `new_alerts_per_hour` is how many new alerts a source may have wait for a digest; further ones are one e-mail.
    """

    stage: str
    region: str
    alerts_table: str
    readings_table: str
    topic_arn: str
    notification_topic_arn: str
    thresholds_parameter: str
    emails_per_minute: int = 30
    new_alerts_per_hour: int = 25_000

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables. Raises SettingsError."""
        missing = [name for name in _REQUIRED if not environ.get(name)]
        if missing:
            raise SettingsError(f"the alert function needs the environment variable {missing[0]}")
        return cls(
            stage=environ["STAGE"],
            region=environ["AWS_REGION"],
            alerts_table=environ["ALERTS_TABLE"],
            readings_table=environ["READINGS_TABLE"],
            topic_arn=environ["TOPIC_ARN"],
            notification_topic_arn=environ["NOTIFICATION_TOPIC_ARN"],
            thresholds_parameter=environ["THRESHOLDS_PARAMETER"],
            emails_per_minute=_number(environ, "EMAILS_PER_MINUTE", cls.emails_per_minute, most=600),
            new_alerts_per_hour=_number(environ, "NEW_ALERTS_PER_HOUR", cls.new_alerts_per_hour, most=10_000_000),
        )


def _number(environ: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise SettingsError(f"{name} must be a whole number from 1 to {most}, not {text!r}")
    return int(text)
