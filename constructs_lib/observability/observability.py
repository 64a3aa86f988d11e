"""What an operator looks at: the dashboard, the alarms, saved log queries, and the X-Ray group of breaches."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from aws_cdk import aws_xray as xray
from constructs import Construct

from constructs_lib.alerts.alert_fanout import AlertFanout
from constructs_lib.front_door import FrontDoor
from constructs_lib.observability.alarms import Alarms
from constructs_lib.observability.log_queries import LogQueries
from constructs_lib.observability.metrics import Metrics
from constructs_lib.stage import embedded
from constructs_lib.stage.settings import Settings
from constructs_lib.traced_function import TracedFunction
from lambdas.shared.names import stack_name

# A dashboard is 24 columns wide.
_FULL_WIDTH = 24
_THIRD = 8


class Observability(Construct):
    """Dashboard, alarms, queries and trace group of a pipeline. The dashboard reads top to bottom as the flow does."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingest: TracedFunction,
        alert: TracedFunction,
        fanout: AlertFanout,
        front_door: FrontDoor | None,
        alarm_topic: sns.ITopic | None,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        self._metrics = Metrics(settings)
        self._ingest = ingest
        self._alert = alert
        self._fanout = fanout
        self._dead_letters = fanout.dead_letters
        self._front_door = front_door
        self.alarms = Alarms(
            self,
            "Alarms",
            metrics=self._metrics,
            functions=(ingest, alert),
            dead_letters=fanout.dead_letters,
            front_door=front_door,
            topic=alarm_topic,
        )
        self.dashboard_name = stack_name(settings.stage)
        cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self.dashboard_name, widgets=self._rows())
        LogQueries(self, "Queries", functions=(ingest, alert), settings=settings)
        self.trace_group_name = f"{stack_name(settings.stage)}-breaches"
        self._trace_group()

    @property
    def dashboard_url(self) -> str:
        """Return the dashboard's address in the console."""
        region = cdk.Aws.REGION
        return (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#dashboards/dashboard/{self.dashboard_name}"
        )

    def _trace_group(self) -> None:
        """Collect the traces in which a threshold was breached (alert annotates the severity)."""
        group = xray.CfnGroup(
            self,
            "Breaches",
            group_name=self.trace_group_name,
            filter_expression='annotation.severity = "critical" OR annotation.severity = "warning"',
        )
        embedded.only_on_aws(group)

    def _rows(self) -> list[list[cloudwatch.IWidget]]:
        own = self._metrics.own
        bus, rule = self._fanout.bus.event_bus_name, cast(str, self._fanout.rule.name)
        topic = self._fanout.alerts.topic.topic_name
        mails = [
            self._metrics.of_topic(f"NumberOfNotifications{kind}", topic=topic) for kind in ("Delivered", "Failed")
        ]
        queues = [self._metrics.depth(queue).with_(label=name) for name, queue in self._dead_letters.by_name.items()]
        late = [own("upload_to_alert_ms", "alert", statistic=p).with_(label=p) for p in ("p50", "p99")]
        return [
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(self.alarms.all), width=_FULL_WIDTH, height=3)],
            *self._gathering(),
            [
                _graph("1 Objects in", own("objects", "ingest")),
                _graph(
                    "2 Readings stored and rejected",
                    *(own(f"readings_{what}", "ingest") for what in ("stored", "rejected")),
                ),
                self._health("2 Ingest", self._ingest),
            ],
            [
                _graph("3 Breaches found", own("breaches", "ingest")),
                _graph(
                    "4 Events to alert",
                    *(
                        self._metrics.of_rule(name, bus=bus, rule=rule)
                        for name in ("MatchedEvents", "FailedInvocations")
                    ),
                ),
                self._health("5 Alert", self._alert),
            ],
            [
                _graph("6 E-mails sent", own("emails_sent", "alert")),
                _graph("7 E-mails delivered and failed", *mails),
                _graph("From upload to alert (ms)", *late),
            ],
            [_graph("Dead letters", *queues), _graph("Thresholds invalid", *self._thresholds())],
        ]

    def _gathering(self) -> list[list[cloudwatch.IWidget]]:
        """Return the row of the front door, if there is one."""
        if self._front_door is None:
            return []
        stream, of_stream = self._front_door.stream_name, self._metrics.of_stream
        return [
            [
                _graph("0 Records into the front door", of_stream("IncomingRecords", stream=stream)),
                _graph("0 Records refused", of_stream("ThrottledRecords", stream=stream)),
                _graph(
                    "0 Oldest record (s)", of_stream("DeliveryToS3.DataFreshness", stream=stream, statistic="Maximum")
                ),
            ]
        ]

    def _health(self, title: str, function: TracedFunction) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=title,
            width=_THIRD,
            left=[self._metrics.of_function(function, name) for name in ("Invocations", "Errors", "Throttles")],
            right=[self._metrics.of_function(function, "Duration", statistic="p99")],
        )

    def _thresholds(self) -> list[cloudwatch.IMetric]:
        return [
            self._metrics.own("thresholds_invalid", function.name).with_(label=function.name)
            for function in (self._ingest, self._alert)
        ]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=_THIRD)
