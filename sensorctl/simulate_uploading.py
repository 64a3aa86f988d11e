"""Uploads to a pipeline, each with the segment where its trace begins."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from sensorctl.connection import Connection
from sensorctl.embedded import background
from sensorctl.errors import UserError
from sensorctl.uploader import INCOMING, Segment, Uploader


def uploader(to: Connection, *, root: Path, embedded: bool) -> Uploader:
    """Return what uploads to the landing prefix; segments go to the embedded AWS's daemon, or straight to X-Ray."""
    if embedded:
        from sensorctl.embedded.trace_collector import send_to_daemon  # noqa: PLC0415 moto takes a second to import

        state = background.state(root)
        if state is None:
            raise UserError("the embedded AWS is not up; start it with `make up`")
        trace = partial(send_to_daemon, address=state["xray_daemon"])
    else:
        trace = partial(_put, to.access.client("xray"))
    return Uploader(to.access, bucket=to.pipeline.landing_bucket, prefix=INCOMING, trace=trace)


def _put(xray: Any, segment: Segment) -> None:
    """Hand a segment to X-Ray; one that it does not take costs a line in a trace, and no reading."""
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
