"""Which mutes there are: the operators' in the alerts table, and the recurring ones in the thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.alert.adapters.mute_list import KEY, MuteList, list_of
from lambdas.alert.domain.mutes import Mutes, OneOffMutes
from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.aws.access import Access
from sensorctl.aws.outputs import Pipeline
from sensorctl.thresholds.parameter import thresholds_in_force


@dataclass(frozen=True, kw_only=True)
class AllMutes:
    """Both kinds; without a thresholds document that can be used, no recurring ones."""

    listed: MuteList
    recurring: tuple[RecurringMute, ...] = ()

    @property
    def mutes(self) -> Mutes:
        """Return what tells whether a metric is muted."""
        return Mutes(one_off=OneOffMutes(self.listed.mutes), recurring=self.recurring)


def read(access: Access, pipeline: Pipeline) -> AllMutes:
    """Return the mutes of a pipeline. Raises botocore's errors."""
    return beside(thresholds_in_force(access, pipeline)[0], access, pipeline)


def beside(thresholds: Thresholds | None, access: Access, pipeline: Pipeline) -> AllMutes:
    """Return the mutes of a pipeline whose thresholds are known. Raises botocore's errors."""
    found = access.client("dynamodb").get_item(TableName=pipeline.alerts_table, Key=KEY, ConsistentRead=True)
    recurring = thresholds.mutes if thresholds is not None else ()
    return AllMutes(listed=list_of(found.get("Item", {})), recurring=recurring)
