"""The pipeline as one construct, for an app of one stack or for a place in yours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.alerts.alert_fanout import AlertFanout
from constructs_lib.alerts.dead_letters import DeadLetters
from constructs_lib.bundling.bundle import Bundle
from constructs_lib.device_access import DeviceAccess
from constructs_lib.errors import SynthError
from constructs_lib.front_door import FrontDoor
from constructs_lib.landing_zone import LandingZone
from constructs_lib.observability.alarm_topic import AlarmTopic
from constructs_lib.observability.observability import Observability
from constructs_lib.reading_store import ReadingStore
from constructs_lib.stage import embedded
from constructs_lib.stage.retention import keep_what_holds_data
from constructs_lib.stage.settings import Settings
from constructs_lib.thresholds_parameter import ThresholdsParameter
from constructs_lib.traced_function import TracedFunction

# As a stage's name, and for the same limits: it stands in the bucket's name and in the X-Ray group's.
_NAME = re.compile(r"[a-z][a-z0-9]{1,9}")
# The CDK leaves this id out of logical ids, so what stands in such a construct is named as if it stood in the stack
# (CDK Developer Guide, "Identifiers").
TRANSPARENT_ID = "Default"


@dataclass(frozen=True, kw_only=True)
class Existing:
    """What a pipeline uses instead of making it; None is made.

    LandingZone, ReadingStore, AlertFanout and AlertTopic say what the owner of each must see to. Tables belong to one
    pipeline: two that share them would each sweep the other's alerts.
    """

    bucket: s3.IBucket | None = None
    readings: dynamodb.ITable | None = None
    alerts: dynamodb.ITable | None = None
    bus: events.IEventBus | None = None
    topic: sns.ITopic | None = None


class SensorPipeline(Construct):
    """Uploads in, e-mails out. Its parts are its attributes, and their names stand in the stack's outputs.

    `name` sets the pipelines of one account and region apart: it is in every name that CloudFormation does not choose,
    and is the dimension `stage` of the metrics. Without it the stage is its name. `bundle` gives the zip of a function;
    `thresholds` is the text of a checked thresholds document. Raises SynthError for a wrong name or bucket.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        thresholds: str,
        bundle: Callable[[str], Bundle],
        name: str | None = None,
        existing: Existing | None = None,
    ) -> None:
        super().__init__(scope, id)
        existing = existing or Existing()
        settings = replace(settings, stage=_checked(name) if name is not None else settings.stage)
        self.dead_letters = DeadLetters(self, "DeadLetters")
        self.ingest = TracedFunction(
            self,
            "Ingest",
            description="Decodes, checks and stores the readings of each uploaded object, and emits what they mean.",
            bundle=bundle("ingest"),
            memory_mb=1024,
            # The most Lambda gives: an object of a million readings takes minutes where writes are throttled.
            timeout=cdk.Duration.minutes(15),
            failures=self.dead_letters.ingest,
            settings=settings,
        )
        self.alert = TracedFunction(
            self,
            "Alert",
            description="Keeps one alert for each device and metric, and e-mails what people must know.",
            bundle=bundle("alert"),
            memory_mb=512,
            timeout=cdk.Duration.seconds(50),
            failures=self.dead_letters.alert,
            settings=settings,
        )
        self.thresholds = ThresholdsParameter(self, "Thresholds", document=thresholds, settings=settings)
        self.thresholds.readable_by(self.ingest, self.alert)
        self.store = ReadingStore(self, "Store", settings=settings, readings=existing.readings, alerts=existing.alerts)
        self.store.writable_by(self.ingest)
        self.store.usable_by(self.alert)
        self.fanout = AlertFanout(
            self,
            "Fanout",
            ingest=self.ingest,
            alert=self.alert,
            dead_letters=self.dead_letters,
            settings=settings,
            bus=existing.bus,
            topic=existing.topic,
        )
        self.landing = LandingZone(self, "Landing", ingest=self.ingest, settings=settings, bucket=existing.bucket)
        if existing.bus is not None:
            self.fanout.only_about(self.landing.bucket_name)
        self.devices = DeviceAccess(self, "Devices", landing=self.landing, settings=settings)
        self.front_door = (
            FrontDoor(self, "FrontDoor", landing=self.landing, settings=settings) if settings.front_door else None
        )
        self.alarms = self._alarm_topic(settings)
        self.observed = Observability(
            self,
            "Observed",
            ingest=self.ingest,
            alert=self.alert,
            fanout=self.fanout,
            front_door=self.front_door,
            alarm_topic=self.alarms.topic if self.alarms is not None else None,
            settings=settings,
        )
        keep_what_holds_data(self, settings)
        self._add_outputs()

    def _alarm_topic(self, settings: Settings) -> AlarmTopic | None:
        if not settings.alarms_to_topic:
            return None
        key = self.fanout.alerts.own_key
        return AlarmTopic(self, "AlarmMail", key=key, mail_dead_letters=self.dead_letters.mail, settings=settings)

    def _add_outputs(self) -> None:
        """Write the outputs, of which sensorctl reads those of a pipeline that has a stack to itself."""
        self._output("LandingBucket", self.landing.bucket.bucket_name)
        self._output("DevicePolicy", self.devices.policy.managed_policy_arn)
        if self.front_door is not None:
            self._output("FrontDoorStream", self.front_door.stream_name)
            self._output("FrontDoorPolicy", self.front_door.policy.managed_policy_arn)
        self._output("ReadingsTable", self.store.readings.table_name)
        self._output("AlertsTable", self.store.alerts.table_name)
        self._output("EventBus", self.fanout.bus.event_bus_name)
        self._output("EventRule", self.fanout.rule.ref)
        self._output("EventArchive", self.fanout.archive.ref, condition=embedded.on_aws(self))
        self._output("AlertTopic", self.fanout.alerts.topic.topic_arn)
        self._output("NotificationTopic", self.fanout.alerts.notifications.topic_arn)
        if self.alarms is not None:
            self._output("AlarmTopic", self.alarms.topic.topic_arn)
        self._output("ThresholdsParameter", self.thresholds.name)
        self._output("IngestFunction", self.ingest.function.function_name)
        self._output("AlertFunction", self.alert.function.function_name)
        self._output("IngestFailures", self.dead_letters.ingest.queue_url)
        self._output("AlertFailures", self.dead_letters.alert.queue_url)
        self._output("RuleDeadLetters", self.dead_letters.rule.queue_url)
        self._output("MailDeadLetters", self.dead_letters.mail.queue_url)
        self._output("ScheduleDeadLetters", self.dead_letters.schedule.queue_url)
        self._output("Dashboard", self.observed.dashboard_url)
        self._output("TraceGroup", self.observed.trace_group_name)

    def _output(self, name: str, value: str, *, condition: cdk.CfnCondition | None = None) -> None:
        output = cdk.CfnOutput(self, name, value=value, condition=condition)
        if self.node.id != TRANSPARENT_ID:
            # `OvensLandingBucket`, not `OvensLandingBucket1A2B3C4D`: people read outputs.
            output.override_logical_id(f"{self.node.id}{name}")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise SynthError(f"{name!r} is no name of a pipeline: 2 to 10 small letters and digits, a letter first.")
    return name
