"""What the function does with each thing it is invoked for: a breach, rejected records, a tick."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.adapters.ledger_items import alert_key, rejection_key
from lambdas.alert.adapters.reading_query import Readings
from lambdas.alert.delivery.delivery import Delivery, Mailer, Transition
from lambdas.alert.delivery.digest import Digests
from lambdas.alert.delivery.email_budget import EmailBudget
from lambdas.alert.domain import event_times, lifecycle, rejection
from lambdas.alert.domain.models import MetricState
from lambdas.alert.domain.mutes import Mutes
from lambdas.alert.mail.message import render, render_digest
from lambdas.alert.settings import Settings
from lambdas.alert.sweep import Sweep
from lambdas.shared import metrics, tracing
from lambdas.shared.events import ReadingsRejected, ThresholdBreached
from lambdas.shared.logs import log
from lambdas.shared.names import EVENT_SOURCE, READINGS_REJECTED, THRESHOLD_BREACHED
from lambdas.shared.thresholds.parameter import BUNDLED, ThresholdSource


class UnknownEventError(ValueError):
    """The function was invoked with something that is neither one of our events nor a tick."""


def utc_now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)


def new_token() -> str:
    """Return a name for a lease that no other invocation uses."""
    return secrets.token_hex(8)


class Alerting:
    """Everything behind the handler, put together once per process."""

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger,
        budget: EmailBudget,
        readings: Readings,
        mailer: Mailer,
        thresholds: ThresholdSource,
        clock: Callable[[], datetime] = utc_now,
        new_lease: Callable[[], str] = new_token,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._thresholds = thresholds
        self._ledger = ledger
        self._readings = readings
        self._delivery = Delivery(
            ledger=ledger,
            budget=budget,
            mailer=mailer,
            render=partial(render, stage=settings.stage, region=settings.region),
            clock=clock,
            new_lease=new_lease,
            most_new_alerts=settings.new_alerts_per_hour,
        )

    @classmethod
    def on_aws(cls, settings: Settings, *, client: Callable[..., Any], **others: Any) -> Alerting:
        """Put it together from boto3 clients, which `client` makes; `others` go to the constructor."""
        dynamodb = client("dynamodb")
        thresholds = ThresholdSource(
            client("ssm", read_timeout=2),
            parameter=settings.thresholds_parameter,
            fallback=BUNDLED.read_text(encoding="utf-8"),
        )
        parts: dict[str, Any] = {
            "ledger": Ledger(dynamodb, table=settings.alerts_table),
            "budget": EmailBudget(dynamodb, table=settings.alerts_table, per_minute=settings.emails_per_minute),
            "readings": Readings(dynamodb, table=settings.readings_table),
            "mailer": Mailer(
                client("sns"), topic_arn=settings.topic_arn, notification_topic_arn=settings.notification_topic_arn
            ),
            "thresholds": thresholds,
        }
        return cls(settings, **{**parts, **others})

    def handle(self, event: Any, *, time_left: Callable[[], float]) -> dict[str, int]:
        """Do what the event asks for and return what happened, counted. `time_left` is in seconds.

        Raises UnknownEventError or ContractError for an event nobody can handle (it goes to the failure queue), and
        whatever AWS raises: the event then comes again.
        """
        counts: Counter[str] = Counter()
        try:
            self._dispatch(event, counts, time_left=time_left)
        finally:
            self._emit(counts)
        return dict(counts)

    def _dispatch(self, event: Any, counts: Counter[str], *, time_left: Callable[[], float]) -> None:
        known = event if isinstance(event, dict) else {}
        if known.get("sweep") is True:
            self._sweep(counts, time_left=time_left)
        elif known.get("source") == EVENT_SOURCE and known.get("detail-type") == THRESHOLD_BREACHED:
            self._breached(known.get("detail"), counts, time_left=time_left)
        elif known.get("source") == EVENT_SOURCE and known.get("detail-type") == READINGS_REJECTED:
            self._rejected(known, counts)
        else:
            raise UnknownEventError(
                f"the alert function was invoked with {event!r:.200}; it takes {THRESHOLD_BREACHED} and "
                f'{READINGS_REJECTED} events of {EVENT_SOURCE}, and {{"sweep": true}}'
            )

    def _breached(self, detail: object, counts: Counter[str], *, time_left: Callable[[], float]) -> None:
        breach = ThresholdBreached.from_detail(detail)
        uploaded = event_times.instant(breach.uploaded_at, name="uploaded_at") if breach.uploaded_at else None
        with tracing.phase(
            "alert",
            device_id=breach.device_id,
            metric=breach.metric,
            severity=breach.severity,
            breach_id=breach.breach_id,
            origin_trace_id=breach.trace_id,
            object_key=breach.object.key,
        ) as alert:
            self._decide(
                alert,
                counts,
                lambda: self._join(breach, time_left=time_left),
                device_id=breach.device_id,
                metric=breach.metric,
                severity=breach.severity,
                breach_id=breach.breach_id,
                object=asdict(breach.object),
            )
        if counts["emails_sent"] and uploaded is not None:
            counts["upload_to_alert_ms"] = int((self._clock() - uploaded).total_seconds() * 1000)

    def _rejected(self, event: dict[str, Any], counts: Counter[str]) -> None:
        rejected = ReadingsRejected.from_detail(event.get("detail"))
        at = event_times.instant(str(event.get("time")), name="time")
        state = rejection.blank(rejected, at=at)
        with tracing.phase(
            "alert", origin_trace_id=rejected.trace_id, object_key=rejected.object.key, rejected=rejected.rejected
        ) as alert:
            self._decide(
                alert,
                counts,
                lambda: self._delivery.transition(
                    rejection_key(state.prefix, state.hour),
                    lambda state, now: rejection.on_rejected(state, rejected, at=at, now=now),
                    blank=state,
                ),
                prefix=state.prefix,
                rejected=rejected.rejected,
                object=asdict(rejected.object),
            )

    def _join(self, breach: ThresholdBreached, *, time_left: Callable[[], float]) -> Transition:
        thresholds = self._thresholds.current(time_left=time_left)
        rule = thresholds.rule_for(breach.device_id, breach.metric)
        mutes = Mutes(one_off=self._ledger.mutes.current(now=self._clock()), recurring=thresholds.mutes)
        return self._delivery.transition(
            alert_key(breach.device_id, breach.metric),
            lambda state, now: lifecycle.on_breach(
                state, breach, rule=rule, now=now, muted=mutes.is_muted(state, now=now)
            ),
            blank=MetricState(device_id=breach.device_id, metric=breach.metric),
            mutes=mutes,
        )

    def _decide(
        self, alert: tracing.Phase, counts: Counter[str], decide: Callable[[], Transition], **about: object
    ) -> None:
        """Decide, log what was decided, and publish what this invocation holds the lease of."""
        with tracing.phase("decide"):
            transition = decide()
        alert.annotate(outcome=transition.decision)
        log("INFO", "decided", outcome=transition.decision, deferred=transition.deferred, **about)
        counts[transition.decision] += 1
        counts["emails_deferred"] += transition.deferred
        if transition.claims:
            with tracing.phase("publish"):
                counts["emails_sent"] += self._delivery.send(transition)

    def _sweep(self, counts: Counter[str], *, time_left: Callable[[], float]) -> None:
        with tracing.phase("sweep") as phase:
            try:
                Sweep(
                    ledger=self._ledger,
                    readings=self._readings,
                    delivery=self._delivery,
                    digests=Digests(
                        ledger=self._ledger,
                        delivery=self._delivery,
                        render=partial(render_digest, stage=self._settings.stage, region=self._settings.region),
                        clock=self._clock,
                    ),
                    thresholds=self._thresholds,
                    clock=self._clock,
                    time_left=time_left,
                    counts=counts,
                ).run()
            finally:
                phase.note("counts", dict(counts))
        log("INFO", "swept", **dict(counts))

    def _emit(self, counts: Counter[str]) -> None:
        problem = self._thresholds.problem
        if problem is not None:
            log("ERROR", "thresholds are not usable; no others replace good ones", problem=problem)
        values: dict[str, float] = {
            "emails_sent": counts["emails_sent"],
            "emails_deferred": counts["emails_deferred"],
            "alerts_opened": counts["opened"],
            "alerts_resolved": counts["resolved"],
            "thresholds_invalid": int(problem is not None),
        }
        if failed := counts["records_failed"] + len(self._ledger.set_aside):
            values["records_failed"] = failed
            self._ledger.set_aside.clear()
        if "upload_to_alert_ms" in counts:
            values["upload_to_alert_ms"] = counts["upload_to_alert_ms"]
        metrics.emit(
            values, stage=self._settings.stage, function="alert", clock_ms=int(self._clock().timestamp() * 1000)
        )
