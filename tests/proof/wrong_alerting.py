"""Handlers that are known to be wrong about time and thresholds, each the real one with a part put in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas.alert.alerting import Alerting
from lambdas.alert.delivery import Decide, Delivery, Outcome
from lambdas.alert.readings import Readings
from lambdas.alert.records import MetricState, Observation, Record
from lambdas.shared.threshold_source import ThresholdSource
from lambdas.shared.thresholds import Thresholds
from proof.functions import Variant
from proof.world import READINGS

if TYPE_CHECKING:  # importing a handler makes its function, from variables that are not set yet
    from lambdas.ingest.handler import IngestFunction


class AsksBackwards(Readings):
    """Asks for what is newer than the last reading, also where that was stamped ahead of the clock."""

    def newest(self, device_id: str, metric: str, *, after: datetime, now: datetime) -> Observation | None:
        self._dynamodb.query(
            TableName=READINGS,
            KeyConditionExpression="device_id = :device AND reading_id BETWEEN :from AND :to",
            ExpressionAttributeValues={
                ":device": {"S": device_id},
                ":from": {"S": (after + timedelta(hours=3)).isoformat()},
                ":to": {"S": now.isoformat()},
            },
        )
        return None


class FallsBack(ThresholdSource):
    """Judges by the bundled thresholds, which know other metrics, while the parameter cannot be read."""

    def current(self, **others: Any) -> Thresholds:
        try:
            document = self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"]
        except Exception:
            document = '{"version": 1, "metrics": {}}'
        return Thresholds.parse(document, name="the first that can be had")


class ForgetsEnds(Delivery):
    """Does not keep through when an alert is settled."""

    def transition(self, record: Record | str, decide: Decide, **others: Any) -> Outcome:
        def forgetful(state: Any, now: datetime) -> Any:
            return decide(replace(state, settled_through=None) if isinstance(state, MetricState) else state, now)

        return super().transition(record, forgetful, **others)


def _ask_backwards(alerting: Alerting) -> None:
    alerting._readings.__class__ = AsksBackwards


def _fall_back(alerting: Alerting) -> None:
    alerting._thresholds.__class__ = FallsBack


def _fall_back_at_ingest(function: IngestFunction) -> None:
    function._thresholds.__class__ = FallsBack


def _forget_ends(alerting: Alerting) -> None:
    alerting._delivery.__class__ = ForgetsEnds


ASK_BACKWARDS = Variant(alert=_ask_backwards)
FALL_BACK = Variant(ingest=_fall_back_at_ingest, alert=_fall_back)
FORGET_ENDS = Variant(alert=_forget_ends)
