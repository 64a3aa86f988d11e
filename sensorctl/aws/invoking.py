"""Invokes a function with an event and waits for the result, so that the caller knows what it may delete."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline

# A little longer than the slowest function may take (ingest: 15 minutes).
_PATIENT_S = 920
PARALLEL = 8

_AWS_ERROR = re.compile(r"\((\w+)\) when calling the (\w+) operation")


@dataclass(frozen=True, kw_only=True)
class FunctionError:
    """How a function failed: its message, and `kind`, the same for every failure of the same cause."""

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

        Objects that ingest rejected because S3 will never return them are counted in `unreadable`.
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


def emails_per_minute(access: Access, pipeline: Pipeline) -> int:
    """Return the e-mail budget that the stack gave alert."""
    configuration = access.client("lambda").get_function_configuration(FunctionName=pipeline.alert_function)
    return int(configuration["Environment"]["Variables"]["EMAILS_PER_MINUTE"])
