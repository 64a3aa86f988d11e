"""Where both functions get the thresholds: an SSM parameter, read once a `ttl_s` at most, behind it the bundle's copy.

A document that fails its checks, or a read that fails, never replaces a good one: the last good one stays in use, else
the fallback. `problem` then says what is wrong, for a log line and the metric `thresholds_invalid`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.thresholds import Thresholds, ThresholdsError

# Both the repository and the bundles keep the seed document at their root.
BUNDLED = Path(__file__).parents[2] / "thresholds.json"


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
    ) -> None:
        self._ssm = ssm
        self._parameter = parameter
        self._fallback = fallback
        self._ttl_s = ttl_s
        self._clock = clock
        self._good: Thresholds | None = None
        self._tried_at: float | None = None
        self.problem: str | None = None

    def current(self) -> Thresholds:
        """Return the thresholds to use now. Raises ThresholdsError only where the fallback is needed and is bad."""
        now = self._clock()
        if self._tried_at is None or now - self._tried_at >= self._ttl_s:
            self._tried_at = now
            self._refresh()
        if self._good is None:
            self._good = Thresholds.parse(self._fallback, name="the bundled thresholds.json")
        return self._good

    def _refresh(self) -> None:
        try:
            document = self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"]
            self._good = Thresholds.parse(document, name=self._parameter)
            self.problem = None
        except ThresholdsError as error:
            self.problem = str(error)
        except (BotoCoreError, ClientError) as error:
            self.problem = f"{self._parameter} could not be read: {error}"
