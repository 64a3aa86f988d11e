"""Lambda handler: an S3 event in; readings stored, bad records quarantined, events sent.

A record that cannot be accepted is never an error; anything else that fails is one, so that Lambda delivers the event
again (two retries, then the on-failure queue).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lambdas.ingest.adapters.device_registry import DeviceRegistry
from lambdas.ingest.adapters.event_bus import EventBus
from lambdas.ingest.adapters.reading_store import PARALLEL, ReadingStore
from lambdas.ingest.ingest_object import ObjectIngest, Outcome
from lambdas.ingest.s3_event import Upload, uploads
from lambdas.ingest.settings import Settings
from lambdas.shared import metrics
from lambdas.shared.backoff import Backoff
from lambdas.shared.clients import client
from lambdas.shared.logs import log
from lambdas.shared.thresholds.parameter import BUNDLED, ThresholdSource

# What an invocation without a Lambda context (a tool, a test) may take.
_UNHURRIED_MS = 900_000


class IngestFailedError(RuntimeError):
    """Some objects of an event could not be taken in; the message names the first one and its error."""


class IngestFunction:
    """What one execution environment keeps from invocation to invocation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thresholds = ThresholdSource(
            client("ssm", read_timeout=2), parameter=settings.thresholds_parameter, fallback=BUNDLED.read_text()
        )
        self._ingest = ObjectIngest(
            s3=client("s3"),
            store=ReadingStore(client("dynamodb", pool=PARALLEL, validate=False), table=settings.readings_table),
            bus=EventBus(client("events"), bus=settings.event_bus),
            quarantine_prefix=settings.quarantine_prefix,
            retention=settings.retention,
            names=DeviceRegistry(most=settings.devices_per_source, partitions=settings.registry_partitions),
            ownership=settings.ownership,
        )

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, int]:
        """Take in every object of the event, also after one failed. Raises IngestFailedError."""
        backoff = Backoff(remaining_ms=context.get_remaining_time_in_millis if context else lambda: _UNHURRIED_MS)
        counts: Counter[str] = Counter(objects=0, readings_stored=0, readings_rejected=0, values_rejected=0, breaches=0)
        unreadable = 0
        failed: list[tuple[Upload, Exception]] = []
        wanted = [upload for upload in uploads(event) if self._is_wanted(upload)]
        try:
            for upload in wanted:
                try:
                    outcome = self._take_in(upload, backoff)
                    counts.update(_counted(outcome))
                    unreadable += outcome.reasons["unreadable_object"]
                except Exception as error:  # raised below, after the other objects had their turn
                    log("ERROR", "object failed", **_named(upload), error=f"{type(error).__name__}: {error}")
                    failed.append((upload, error))
        finally:
            self._emit_metrics(counts)
        if failed:
            first, cause = failed[0]
            raise IngestFailedError(
                f"{len(failed)} of {len(wanted)} objects failed; first s3://{first.source.bucket}/{first.source.key}: "
                f"{type(cause).__name__}: {cause}"
            ) from cause
        return {**counts, "objects_unreadable": unreadable}

    def _is_wanted(self, upload: Upload) -> bool:
        if not upload.source.key.startswith(self._settings.incoming_prefix):
            log("WARNING", "object ignored: it is not under the incoming prefix", **_named(upload))
            return False
        if upload.size == 0 and upload.source.key.endswith("/"):
            log("INFO", "object ignored: it is an empty folder marker", **_named(upload))
            return False
        return True

    def _take_in(self, upload: Upload, backoff: Backoff) -> Outcome:
        began = time.perf_counter()
        thresholds = self._thresholds.current(time_left=lambda: backoff.remaining_ms() / 1000)
        if self._thresholds.problem:
            log("ERROR", "thresholds are not usable; no others replace good ones", problem=self._thresholds.problem)
        outcome = self._ingest(upload, thresholds=thresholds, backoff=backoff)
        _log_outcome(upload, outcome, ms=round((time.perf_counter() - began) * 1000))
        return outcome

    def _emit_metrics(self, counts: Mapping[str, int]) -> None:
        invalid = {"thresholds_invalid": int(self._thresholds.problem is not None)}
        metrics.emit({**counts, **invalid}, stage=self._settings.stage, function="ingest")


def _counted(outcome: Outcome) -> dict[str, int]:
    return {
        "objects": 1,
        "readings_stored": outcome.stored,
        "readings_rejected": outcome.rejected,
        "values_rejected": outcome.values_rejected,
        "breaches": outcome.breaches,
    }


def _log_outcome(upload: Upload, outcome: Outcome, *, ms: int) -> None:
    log(
        "WARNING" if outcome.reasons else "INFO",
        "object ingested",
        **_named(upload),
        form=outcome.form,
        bytes=outcome.bytes,
        stored=outcome.stored,
        rejected=outcome.rejected,
        values_rejected=outcome.values_rejected,
        reasons=dict(outcome.reasons),
        breaches=outcome.breaches,
        ms=ms,
    )


def _named(upload: Upload) -> dict[str, str]:
    source = upload.source
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


_function = IngestFunction(Settings.from_env(os.environ))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Lambda's entry point; see IngestFunction."""
    return _function(event, context)
