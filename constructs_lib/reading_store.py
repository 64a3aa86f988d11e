"""The DynamoDB tables: readings, written by ingest, and alerts, the state that alert keeps."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from constructs_lib.stage import embedded
from constructs_lib.stage.acknowledge import AWS_OWNED_KEY, acknowledge
from constructs_lib.stage.settings import ProvisionedWrites, Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.shared.names import WORK_INDEX

TTL_ATTRIBUTE = "expires_at"
# Of provisioned capacity: how much of it is used, and read units a second, of which people and the sweep use few.
UTILISATION_PERCENT = 70
LEAST_READS, _MOST_READS = 25, 4_000
_NO_RECOVERY = (
    "A stage whose data is not kept is deleted whole; recovery would leave a backup of each table behind for 35 days. "
    "Stages with keep_data have it."
)


class ReadingStore(Construct):
    """Both tables, on demand unless the stage provisions the writes of readings.

    `readings` and `alerts` may be given instead: with the same keys and index, for this pipeline alone, and with
    `expires_at` as their time to live if anything is to expire.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        readings: dynamodb.ITable | None = None,
        alerts: dynamodb.ITable | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self.readings = readings or self._readings_table()
        self.alerts = alerts or self._alerts_table()
        if not settings.keep_data:
            acknowledge(self, _NO_RECOVERY, "AwsSolutions-DDB3")

    def writable_by(self, ingest: TracedFunction) -> None:
        """Let ingest write readings."""
        ingest.add_environment(
            READINGS_TABLE=self.readings.table_name, REGISTRY_PARTITIONS=str(self._settings.registry_partitions)
        )
        if self._settings.retention_days is not None:
            ingest.add_environment(RETENTION_DAYS=str(self._settings.retention_days))
        ingest.grant("WriteReadings", "dynamodb:BatchWriteItem", on=self.readings.table_arn)
        self._let_use_keys(ingest, self.readings)

    def usable_by(self, alert: TracedFunction) -> None:
        """Let alert keep its ledger, find what needs attention in it, and read a device's newest readings."""
        alert.add_environment(ALERTS_TABLE=self.alerts.table_name, READINGS_TABLE=self.readings.table_name)
        alert.grant(
            "KeepAlerts", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=self.alerts.table_arn
        )
        alert.grant("FindWork", "dynamodb:Query", on=f"{self.alerts.table_arn}/index/{WORK_INDEX}")
        alert.grant("ReadReadings", "dynamodb:Query", on=self.readings.table_arn)
        self._let_use_keys(alert, self.alerts, self.readings)

    def _let_use_keys(self, function: TracedFunction, *tables: dynamodb.ITable) -> None:
        """Let the function use the keys that given tables have; DynamoDB asks for them in the caller's name."""
        for table in tables:
            if table.encryption_key is not None:
                sid = "UseReadingsKey" if table is self.readings else "UseAlertsKey"
                function.grant_key(sid, key=table.encryption_key, service="dynamodb")

    def _readings_table(self) -> dynamodb.Table:
        table = self._table(
            "Readings", partition="device_id", sort="reading_id", provisioned=self._settings.provisioned_writes
        )
        if (writes := self._settings.provisioned_writes) is not None:
            for capacity in (
                table.auto_scale_write_capacity(min_capacity=writes.least, max_capacity=writes.most),
                table.auto_scale_read_capacity(min_capacity=LEAST_READS, max_capacity=_MOST_READS),
            ):
                capacity.scale_on_utilization(target_utilization_percent=UTILISATION_PERCENT)
            for part in table.node.find_all():
                if isinstance(part, scaling.CfnScalableTarget | scaling.CfnScalingPolicy):
                    embedded.only_on_aws(part)
        return table

    def _alerts_table(self) -> dynamodb.Table:
        table = self._table("Alerts", partition="alert_key")
        # Sparse: only items that need attention carry its keys, so that the sweep reads nothing else.
        table.add_global_secondary_index(
            index_name=WORK_INDEX,
            partition_key=_text_attribute("work"),
            sort_key=_text_attribute("due_at"),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        return table

    def _table(
        self, id: str, *, partition: str, sort: str | None = None, provisioned: ProvisionedWrites | None = None
    ) -> dynamodb.Table:
        keep = self._settings.keep_data
        table = dynamodb.Table(
            self,
            id,
            # By name, so that the tables of a deleted stack can be imported into its successor.
            table_name=f"sensor-fanout-{self._settings.stage}-{id.lower()}",
            partition_key=_text_attribute(partition),
            sort_key=_text_attribute(sort) if sort else None,
            billing_mode=dynamodb.BillingMode.PROVISIONED if provisioned else dynamodb.BillingMode.PAY_PER_REQUEST,
            write_capacity=provisioned.least if provisioned else None,
            read_capacity=LEAST_READS if provisioned else None,
            time_to_live_attribute=TTL_ATTRIBUTE,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=keep
            ),
        )
        acknowledge(table, AWS_OWNED_KEY, "CKV_AWS_119")
        if not keep:
            acknowledge(table, _NO_RECOVERY, "CKV_AWS_28")
        return table


def _text_attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
