"""One JSON object a line on standard output, whatever a device put into an id.

Lambda passes a line that is already JSON through unchanged (Lambda Developer Guide, "Log and monitor Python Lambda
functions"); `json.dumps` escapes control characters, so an id with a newline cannot forge a second line.
"""

from __future__ import annotations

import json
import sys
from typing import Literal

from lambdas.shared import tracing

Level = Literal["INFO", "WARNING", "ERROR"]


def log(level: Level, message: str, **fields: object) -> None:
    """Write one line: level, message, the trace id, and the fields given (anything not JSON is written as text)."""
    line = {"level": level, "message": message, "trace_id": tracing.trace_id(), **fields}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
