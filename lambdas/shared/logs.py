"""One JSON object a line on standard output, whatever a device put into an id.

Lambda passes a line that is already JSON through unchanged (Lambda Developer Guide, "Log and monitor Python Lambda
functions"). Where the function is set to a level, it judges the line by `level` and `timestamp`, and one without a time
that RFC 3339 allows counts as INFO ("Log-level filtering"). `json.dumps` escapes control characters, so an id with a
newline cannot forge a second line.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Literal

from lambdas.shared import tracing

Level = Literal["INFO", "WARNING", "ERROR"]


def rfc3339(at: datetime) -> str:
    """Return a UTC time as log lines carry it, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log(level: Level, message: str, **fields: object) -> None:
    """Write one line: time, level, message, the trace id, and the fields (anything not JSON is written as text)."""
    line = {
        "timestamp": rfc3339(datetime.now(UTC)),
        "level": "WARN" if level == "WARNING" else level,
        "message": message,
        "trace_id": tracing.trace_id(),
        **fields,
    }
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
