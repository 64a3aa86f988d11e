"""Runs a function with an event and waits for what comes of it, so that the caller knows what it may forget."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sensorctl.embedded.access import Access

# A little longer than the slowest function may take (ingest: 15 minutes).
_PATIENT_S = 920
PARALLEL = 8

_AWS_ERROR = re.compile(r"\((\w+)\) when calling the (\w+) operation")


@dataclass(frozen=True, kw_only=True)
class FunctionError:
    """How a function failed: in its own words, and `kind`, the same for every failure of the same cause."""

    words: str
    kind: str


class Functions:
    """Invokes functions by name."""

    def __init__(self, access: Access) -> None:
        self._client = access.client("lambda", pool=PARALLEL, patient_s=_PATIENT_S)
        self._counting = Lock()
        self.unreadable = 0

    def run(self, function: str, event: Any) -> FunctionError | None:
        """Invoke `function` and wait; return how it failed, or None. Raises what AWS raises when it cannot be run.

        What ingest passed over because S3 will never hand it out is counted in `unreadable`.
        """
        answer = self._client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        response = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return read_error(response)
        if isinstance(response, dict):
            with self._counting:
                self.unreadable += response.get("objects_unreadable", 0)
        return None


def passed_over(unreadable: int) -> str:
    """Return what to add to a sentence about objects of which `unreadable` were rejected as such; mostly nothing."""
    return (
        f"; {unreadable} of them cannot be read any more and went to quarantine with the reason" if unreadable else ""
    )


def read_error(response: Any) -> FunctionError:
    """Read what Lambda answers of a failed invocation (Lambda Developer Guide, "Function errors")."""
    document = response if isinstance(response, dict) else {}
    error_type, words = str(document.get("errorType", "unknown error")), str(document.get("errorMessage", ""))
    aws = _AWS_ERROR.search(words)
    kind = f"{aws[2]}: {aws[1]}" if aws else error_type
    return FunctionError(words=" ".join(f"{error_type}: {words}".split()), kind=kind)
