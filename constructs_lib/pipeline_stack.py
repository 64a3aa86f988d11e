"""The pipeline's one stack: it wires the constructs and tells the outside where they are, nothing else."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
from constructs import Construct

from constructs_lib import embedded
from constructs_lib.alert_fanout import AlertFanout
from constructs_lib.bundling import Bundle
from constructs_lib.dead_letters import DeadLetters
from constructs_lib.device_access import DeviceAccess
from constructs_lib.landing_zone import LandingZone
from constructs_lib.observability import Observability
from constructs_lib.reading_store import ReadingStore
from constructs_lib.settings import Settings
from constructs_lib.thresholds_parameter import ThresholdsParameter
from constructs_lib.traced_function import TracedFunction


class PipelineStack(cdk.Stack):
    """`bundle` gives the zip of a function; `thresholds` is the text of a checked thresholds document."""

    def __init__(
        self, scope: Construct, id: str, *, settings: Settings, thresholds: str, bundle: Callable[[str], Bundle]
    ) -> None:
        super().__init__(
            scope,
            id,
            description="Sensor readings: S3 -> DynamoDB and EventBridge -> SNS e-mail",
            termination_protection=settings.keep_data,
        )
        dead_letters = DeadLetters(self, "DeadLetters", settings=settings)
        ingest = TracedFunction(
            self,
            "Ingest",
            description="Decodes, checks and stores the readings of each uploaded object, and emits what they mean.",
            bundle=bundle("ingest"),
            memory_mb=1024,
            timeout=cdk.Duration.minutes(2),
            failures=dead_letters.ingest,
            settings=settings,
        )
        alert = TracedFunction(
            self,
            "Alert",
            description="Keeps one alert for each device and metric, and e-mails what people must know.",
            bundle=bundle("alert"),
            memory_mb=512,
            timeout=cdk.Duration.seconds(50),
            failures=dead_letters.alert,
            settings=settings,
        )
        parameter = ThresholdsParameter(self, "Thresholds", document=thresholds, settings=settings)
        parameter.readable_by(ingest, alert)
        store = ReadingStore(self, "Store", settings=settings)
        store.writable_by(ingest)
        store.usable_by(alert)
        fanout = AlertFanout(self, "Fanout", ingest=ingest, alert=alert, dead_letters=dead_letters, settings=settings)
        landing = LandingZone(self, "Landing", ingest=ingest, settings=settings)
        devices = DeviceAccess(self, "Devices", landing=landing)
        observed = Observability(
            self, "Observed", ingest=ingest, alert=alert, fanout=fanout, dead_letters=dead_letters, settings=settings
        )
        self._output("LandingBucket", landing.bucket.bucket_name)
        self._output("DevicePolicy", devices.policy.managed_policy_arn)
        self._output("ReadingsTable", store.readings.table_name)
        self._output("AlertsTable", store.alerts.table_name)
        self._output("EventBus", fanout.bus.event_bus_name)
        self._output("EventRule", fanout.rule.ref)
        self._output("EventArchive", fanout.archive.ref, condition=embedded.on_aws(self))
        self._output("AlertTopic", fanout.alerts.topic.topic_arn)
        self._output("ThresholdsParameter", parameter.name)
        self._output("IngestFunction", ingest.function.function_name)
        self._output("AlertFunction", alert.function.function_name)
        self._output("IngestFailures", dead_letters.ingest.queue_url)
        self._output("AlertFailures", dead_letters.alert.queue_url)
        self._output("RuleDeadLetters", dead_letters.rule.queue_url)
        self._output("MailDeadLetters", dead_letters.mail.queue_url)
        self._output("ScheduleDeadLetters", dead_letters.schedule.queue_url)
        self._output("Dashboard", observed.dashboard_url)
        self._output("TraceGroup", observed.trace_group_name)

    def _output(self, name: str, value: str, *, condition: cdk.CfnCondition | None = None) -> None:
        cdk.CfnOutput(self, name, value=value, condition=condition)
