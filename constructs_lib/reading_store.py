"""The DynamoDB tables: readings, written by ingest, and alerts, the state that alert keeps."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from constructs_lib.acknowledge import AWS_OWNED_KEY, acknowledge
from constructs_lib.key_use import let_use_key
from constructs_lib.settings import Settings
from constructs_lib.traced_function import TracedFunction

TTL_ATTRIBUTE = "expires_at"
WORK_INDEX = "work"
_NO_RECOVERY = (
    "A stage whose data is not kept is deleted whole; recovery would leave a backup of each table behind for 35 days. "
    "Stages with keep_data have it."
)


class ReadingStore(Construct):
    """Both tables, on demand. `readings` and `alerts` may be given instead: with the same keys and index, for this
    pipeline alone, and with `expires_at` as their time to live if anything is to expire."""

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
        self.readings = readings or self._table("Readings", partition="device_id", sort="reading_id")
        self.alerts = alerts or self._alerts_table()
        if not settings.keep_data:
            acknowledge(self, _NO_RECOVERY, "AwsSolutions-DDB3")

    def writable_by(self, ingest: TracedFunction) -> None:
        """Let ingest write readings."""
        ingest.tell(READINGS_TABLE=self.readings.table_name)
        if self._settings.retention_days is not None:
            ingest.tell(RETENTION_DAYS=str(self._settings.retention_days))
        ingest.allow("WriteReadings", "dynamodb:BatchWriteItem", on=self.readings.table_arn)
        self._let_use_keys(ingest, self.readings)

    def usable_by(self, alert: TracedFunction) -> None:
        """Let alert keep its ledger, find what needs attention in it, and read a device's newest readings."""
        alert.tell(ALERTS_TABLE=self.alerts.table_name, READINGS_TABLE=self.readings.table_name)
        alert.allow(
            "KeepAlerts", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=self.alerts.table_arn
        )
        alert.allow("FindWork", "dynamodb:Query", on=f"{self.alerts.table_arn}/index/{WORK_INDEX}")
        alert.allow("ReadReadings", "dynamodb:Query", on=self.readings.table_arn)
        self._let_use_keys(alert, self.alerts, self.readings)

    def _let_use_keys(self, function: TracedFunction, *tables: dynamodb.ITable) -> None:
        """Let the function use the keys that given tables have; DynamoDB asks for them in the caller's name."""
        for table in tables:
            if table.encryption_key is not None:
                sid = "UseReadingsKey" if table is self.readings else "UseAlertsKey"
                let_use_key(function, sid, key=table.encryption_key, service="dynamodb")

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

    def _table(self, id: str, *, partition: str, sort: str | None = None) -> dynamodb.Table:
        keep = self._settings.keep_data
        table = dynamodb.Table(
            self,
            id,
            # By name, so that the tables of a deleted stack can be imported into its successor.
            table_name=f"sensor-fanout-{self._settings.stage}-{id.lower()}",
            partition_key=_text_attribute(partition),
            sort_key=_text_attribute(sort) if sort else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
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
