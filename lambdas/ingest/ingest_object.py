"""One object, start to end: fetch, decode, store, emit. Everything it does may be done again without harm.

Readings are stored before the events of their breaches are sent, and every delivery sends all of them: a crash in
between then delays an alert and never loses one (the alert function drops what it has seen, by breach_id).
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from lambdas.ingest.adapters.device_registry import DeviceRegistry
from lambdas.ingest.adapters.event_bus import EventBus
from lambdas.ingest.adapters.quarantine import Quarantine
from lambdas.ingest.adapters.reading_store import BATCH, ReadingStore
from lambdas.ingest.adapters.unreadable import unreadable
from lambdas.ingest.decoding.content.gzip import too_large
from lambdas.ingest.decoding.limits import DEFAULT, MOST_DEVICES, Limits
from lambdas.ingest.decoding.payload import Payload
from lambdas.ingest.decoding.reading import Batch, Form, RecordError, Reject
from lambdas.ingest.decoding.values import timestamps
from lambdas.ingest.domain.breaches import Breaches
from lambdas.ingest.domain.items import Item, Origin, items
from lambdas.ingest.domain.ownership import ANY_DEVICE, Ownership, owned
from lambdas.ingest.domain.receipt import note
from lambdas.ingest.s3_event import Upload
from lambdas.shared import tracing
from lambdas.shared.backoff import Backoff
from lambdas.shared.events import ReadingsRejected, RejectExample, ThresholdBreached
from lambdas.shared.names import source_of
from lambdas.shared.thresholds.thresholds import Thresholds

_EXAMPLES = 5
_TOO_MANY_DEVICES = "too_many_devices"
# Beyond this many breaches, ten metrics of as many devices as a source may have, events are sent early, to keep memory
# bounded (70 MB); further readings of those are then stored, without an event.
_MOST_BREACHES = 10 * MOST_DEVICES


@dataclass(kw_only=True)
class Outcome:
    """What became of an object. Of the `stored` readings `unwatched` are of more devices than a source may have."""

    form: Form = "empty"
    bytes: int = 0
    stored: int = 0
    unwatched: int = 0
    breaches: int = 0
    rejected: int = 0
    values_rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Reject] = field(default_factory=list)

    @property
    def must_report(self) -> bool:
        """Return whether an event says what was rejected, or not watched."""
        return bool(self.reasons) or self.unwatched > 0


@dataclass(frozen=True, kw_only=True)
class ObjectIngest:
    """Takes objects in. `retention` is how long readings are kept after their upload; None is for ever."""

    s3: Any
    store: ReadingStore
    bus: EventBus
    quarantine_prefix: str
    retention: timedelta | None
    names: DeviceRegistry = field(default_factory=DeviceRegistry)
    limits: Limits = DEFAULT
    ownership: Ownership = ANY_DEVICE

    def __call__(self, upload: Upload, *, thresholds: Thresholds, backoff: Backoff) -> Outcome:
        """Store the object's good readings, quarantine its bad records, and tell the bus.

        Raises what AWS calls raise and OutOfTimeError, never anything about the object's content.
        """
        source = upload.source
        with tracing.phase("ingest", object_key=source.key, version_id=source.version_id) as phase, ExitStack() as held:
            with tracing.phase("fetch"):
                payload, uploaded_at = self._fetch(upload, held)
            quarantine = held.enter_context(Quarantine(self.s3, source=source, prefix=self.quarantine_prefix))
            work = _Work(self, upload, uploaded_at=uploaded_at, thresholds=thresholds, quarantine=quarantine)
            outcome = work.run(payload, backoff)
            if work.worst is not None:
                worst = work.worst
                phase.annotate(
                    device_id=worst.device_id, metric=worst.metric, severity=worst.severity, breach_id=worst.breach_id
                )
            return outcome

    def _fetch(self, upload: Upload, held: ExitStack) -> tuple[Payload, datetime]:
        """Open the object and read its first block; what can never be read is a payload of one reject.

        The time is the object's own (Last-Modified), so that a replay makes the same items as the first delivery.
        """
        if upload.size > self.limits.stored:
            return self._refused(upload, too_large(self.limits))
        version = {"VersionId": upload.version} if upload.version else {}
        try:
            answer = self.s3.get_object(Bucket=upload.source.bucket, Key=upload.source.key, **version)
        except ClientError as error:
            refused = unreadable(error)
            if refused is None:
                raise
            return self._refused(upload, refused)
        chunks = held.enter_context(closing(answer["Body"])).iter_chunks(self.limits.block)
        first = next(chunks, b"")
        uploaded_at = answer["LastModified"].astimezone(UTC)
        key = upload.source.key
        return Payload(chain([first], chunks), now=uploaded_at, key=key, limits=self.limits), uploaded_at

    def _refused(self, upload: Upload, error: RecordError) -> tuple[Payload, datetime]:
        return Payload((_refuse(error) for _ in range(1)), now=upload.at, limits=self.limits), upload.at


class _Work:
    """The ingest of one object."""

    def __init__(
        self,
        ingest: ObjectIngest,
        upload: Upload,
        *,
        uploaded_at: datetime,
        thresholds: Thresholds,
        quarantine: Quarantine,
    ) -> None:
        self._ingest = ingest
        self._source = upload.source
        self._uploaded_at = uploaded_at
        self._thresholds = thresholds
        self._only_device = ingest.ownership.only_device(upload.source.key)
        self._quarantine = quarantine
        self._trace_id = tracing.trace_id()
        self._breaches = Breaches(
            thresholds,
            source=upload.source,
            trace_id=self._trace_id,
            uploaded_at=timestamps.texts([uploaded_at])[0],
        )
        self._origin = Origin(
            source=upload.source,
            uploaded_at=timestamps.texts([uploaded_at])[0],
            trace_id=self._trace_id,
            expires_at=int((uploaded_at + ingest.retention).timestamp()) if ingest.retention else None,
        )
        # Written when all is done; None once it is.
        self._note: Item | None = note(upload.source, uploaded_at=uploaded_at)
        self._outcome = Outcome()
        self.worst: ThresholdBreached | None = None

    def run(self, payload: Payload, backoff: Backoff) -> Outcome:
        """Decode, store, emit, and note that it is done.

        Only the first block has phases of its own; later ones are fetched and decoded while storing, so that an object
        of any size takes little memory and few trace documents.
        """
        batches = iter(payload)
        with tracing.phase("decode"):
            batch = next(batches, None)
        with tracing.phase("store") as phase:
            decoding = 0.0
            while batch is not None:
                began = time.perf_counter()
                following = next(batches, None)
                decoding += time.perf_counter() - began
                self._store(batch, backoff, last=following is None)
                batch = following
            phase.note("later_blocks_decoded_in_ms", round(decoding * 1000, 1))
        self._outcome.form, self._outcome.bytes = payload.form, payload.stored_bytes
        with tracing.phase("emit"):
            self._send_breaches(backoff)
            if self._outcome.must_report:
                self._report_rejects(backoff)
            if self._note is not None:
                self._ingest.store.write([self._note], backoff=backoff)
        return self._outcome

    def _store(self, batch: Batch, backoff: Backoff, *, last: bool) -> None:
        batch = owned(batch, device_id=self._only_device)
        outcome, readings = self._outcome, batch.readings
        times = timestamps.texts([reading.timestamp for reading in readings])
        names, folder = self._ingest.names, source_of(self._source.key)
        devices = [reading.device_id for reading in readings]
        beyond = names.beyond(devices, source=folder)
        outcome.unwatched += sum(device in beyond for device in devices) if beyond else 0
        judged = self._breaches.evaluate(readings, times, beyond=beyond)
        rejects = [*batch.rejects, *judged.rejects] if judged.rejects else batch.rejects
        written = items(readings, times, judged, origin=self._origin)
        due = names.due(
            (device for item in written if (device := item["device_id"]["S"]) not in beyond),
            source=folder,
            uploaded_at=self._uploaded_at,
            expires_at=self._origin.expires_at,
        )
        writes = [*written, *due]
        outcome.reasons.update(reject.reason for reject in rejects)
        values = sum(reject.member is not None for reject in rejects)
        outcome.values_rejected += values
        outcome.rejected += len(rejects) - values
        if self._note is not None and last and len(writes) < BATCH and not (self._breaches or outcome.must_report):
            # Nothing comes after this one call, so the note may go with it.
            writes.append(self._note)
            self._note = None
        self._ingest.store.write(writes, backoff=backoff)
        names.stored(due, thresholds=self._thresholds)
        outcome.stored += len(readings) - sum(reject.reason == "no_metrics" for reject in judged.rejects)
        self._quarantine.add(rejects)
        outcome.examples += rejects[: _EXAMPLES - len(outcome.examples)]
        if len(self._breaches) > _MOST_BREACHES:
            self._send_breaches(backoff)

    def _send_breaches(self, backoff: Backoff) -> None:
        events = self._breaches.drain()
        if events:
            self._ingest.bus.send(events, backoff=backoff)
            self._outcome.breaches += len(events)
            self.worst = self.worst or events[0]

    def _report_rejects(self, backoff: Backoff) -> None:
        outcome = self._outcome
        if outcome.reasons:
            self._quarantine.write()
        examples = [
            RejectExample(position=reject.position, reason=reject.reason, detail=reject.detail)
            for reject in outcome.examples
        ]
        if outcome.unwatched:
            most = self._ingest.names.most
            beyond = f"its source has more than {most:,} devices in this hour: further ones are stored and not watched"
            too_many = RejectExample(position="object", reason=_TOO_MANY_DEVICES, detail=beyond)
            examples = [too_many, *examples[: _EXAMPLES - 1]]
        reasons = outcome.reasons + Counter({_TOO_MANY_DEVICES: outcome.unwatched})
        rejected = ReadingsRejected(
            object=self._source,
            stored=outcome.stored - outcome.unwatched,
            rejected=outcome.rejected + outcome.unwatched,
            values_rejected=outcome.values_rejected,
            reasons=dict(sorted(reasons.items())),
            examples=tuple(examples),
            quarantine_key=self._quarantine.key if outcome.reasons else "",
            trace_id=self._trace_id,
        )
        self._ingest.bus.send([rejected], backoff=backoff)


def _refuse(error: RecordError) -> bytes:
    raise error
