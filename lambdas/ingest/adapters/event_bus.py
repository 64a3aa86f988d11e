"""Events in, put on the bus: all of them, failed entries again, and an error if any never got there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from lambdas.shared import tracing
from lambdas.shared.backoff import Backoff
from lambdas.shared.events import ReadingsRejected, ThresholdBreached
from lambdas.shared.names import EVENT_SOURCE, READINGS_REJECTED, THRESHOLD_BREACHED

Entry = dict[str, Any]

# PutEvents takes 10 entries and 256 KB (EventBridge User Guide, "Calculating Amazon EventBridge event entry size").
_ENTRIES = 10
_BYTES = 256 * 1024
_TRIES = 6


class EventsNotSentError(RuntimeError):
    """Some events are not on the bus; the message says how many and why."""


class EventBus:
    """Puts events on one bus with a boto3 client."""

    def __init__(self, events: Any, *, bus: str) -> None:
        self._events = events
        self._bus = bus

    def send(self, events: Sequence[ThresholdBreached | ReadingsRejected], *, backoff: Backoff) -> None:
        """Send every event at least once.

        PutEvents answers 200 also when entries failed; those alone are sent again. Every chunk is tried before an error
        is raised (EventsNotSentError, OutOfTimeError, or boto3's), so that one bad chunk does not silence the others.
        """
        failures: list[Exception] = []
        for chunk in _chunks([self._entry(event) for event in events]):
            try:
                self._send(chunk, backoff)
            except Exception as error:  # raised below, after the other chunks had their turn
                failures.append(error)
        if failures:
            raise failures[0]

    def _send(self, entries: list[Entry], backoff: Backoff) -> None:
        for tried in range(1, _TRIES + 1):
            answer = self._events.put_events(Entries=entries)
            if not answer["FailedEntryCount"]:
                return
            results = answer["Entries"]
            codes = sorted({result["ErrorCode"] for result in results if "ErrorCode" in result})
            entries = [entry for entry, result in zip(entries, results, strict=True) if "ErrorCode" in result]
            left = f"{len(entries)} events are not on the bus {self._bus} ({', '.join(codes)})"
            if tried < _TRIES:
                backoff.sleep(tried, remaining=left)
        raise EventsNotSentError(f"{left} after {_TRIES} tries")

    def _entry(self, event: ThresholdBreached | ReadingsRejected) -> Entry:
        source = event.object
        entry: Entry = {
            "EventBusName": self._bus,
            "Source": EVENT_SOURCE,
            "DetailType": THRESHOLD_BREACHED if isinstance(event, ThresholdBreached) else READINGS_REJECTED,
            "Detail": json.dumps(event.to_detail()),
            "Resources": [f"arn:aws:s3:::{source.bucket}/{source.key}"],
        }
        header = tracing.trace_header()
        return {**entry, "TraceHeader": header} if header else entry


def _chunks(entries: list[Entry]) -> Iterator[list[Entry]]:
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        more = _size(entry)
        if chunk and (len(chunk) == _ENTRIES or size + more > _BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += more
    if chunk:
        yield chunk


def _size(entry: Entry) -> int:
    texts = (entry["Source"], entry["DetailType"], entry["Detail"], *entry["Resources"])
    return sum(len(text.encode()) for text in texts)
