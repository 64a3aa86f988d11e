"""Where both functions get the thresholds: an SSM parameter, read once a `ttl_s` at most.

A document that fails its checks, or a read that fails, never replaces a good one: the last good one stays in use. Where
there never was one, a read that fails is tried again and then raised, because breaches that other rules miss would
never be alerted. The bundle's copy serves only where there is no parameter or its document is bad, and only until the
next look. `problem` says what is wrong, for a log line and the metric `thresholds_invalid`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.backoff import Backoff
from lambdas.shared.thresholds.thresholds import Thresholds, ThresholdsError

# Both the repository and the bundles keep the seed document at their root.
BUNDLED = Path(__file__).parents[3] / "thresholds.json"
# Of a first read; each is three of the client's own, so a throttled second or two passes within them.
_TRIES = 6


class ThresholdsUnavailableError(RuntimeError):
    """The parameter could not be read, and this process has no thresholds from before."""


class ThresholdSource:
    """Cached, checked thresholds. `ssm` is a boto3 client; `clock` counts seconds and never goes back."""

    def __init__(
        self,
        ssm: Any,
        *,
        parameter: str,
        fallback: str,
        ttl_s: float = 60,
        clock: Callable[[], float] = time.monotonic,
        backoff: Callable[..., Backoff] = Backoff,
    ) -> None:
        self._ssm = ssm
        self._parameter = parameter
        self._fallback = fallback
        self._ttl_s = ttl_s
        self._clock = clock
        self._backoff = backoff
        self._good: Thresholds | None = None
        self._tried_at = 0.0
        self.problem: str | None = None
        # Whether the bundle's copy stands in for a bad document: good enough to raise alerts, not to end any.
        self.makeshift = False

    def current(self, *, time_left: Callable[[], float]) -> Thresholds:
        """Return the thresholds to use now. `time_left` is in seconds, until the invocation's deadline.

        Raises ThresholdsUnavailableError or OutOfTimeError where the parameter cannot be read and never was, and
        ThresholdsError where the fallback is needed and is bad.
        """
        now = self._clock()
        if self._good is None or now - self._tried_at >= self._ttl_s:
            self._tried_at = now
            self._refresh(time_left)
        return self._good or Thresholds.parse(self._fallback, name="the bundled thresholds.json")

    def _refresh(self, time_left: Callable[[], float]) -> None:
        document: str | None = None
        try:
            document = self._read(self._backoff(remaining_ms=lambda: int(time_left() * 1000)))
            self._good = Thresholds.parse(document, name=self._parameter)
            self.problem = None
        except ThresholdsError as error:
            self.problem = str(error)
        except (BotoCoreError, ClientError) as error:
            self.problem = f"{self._parameter} could not be read: {error}"
        self.makeshift = self._good is None and document is not None

    def _read(self, backoff: Backoff) -> str:
        """Read the document; with no other to judge by, until it can be read or is known to be missing."""
        tried = 0
        while True:
            try:
                document: str = self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"]
                return document
            except (BotoCoreError, ClientError) as error:
                if self._good is not None or _is_missing(error):
                    raise
                tried += 1
                self.problem = f"{self._parameter} could not be read: {error}"
                if tried == _TRIES:
                    raise ThresholdsUnavailableError(self.problem) from error
            backoff.sleep(tried, remaining=self.problem)


def _is_missing(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ParameterNotFound"
