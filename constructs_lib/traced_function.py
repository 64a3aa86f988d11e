"""A Lambda function with its own role, log group, tracing and failure queue; it may do nothing it was not granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib.bundling.bundle import Bundle
from constructs_lib.stage.acknowledge import AWS_OWNED_KEY, acknowledge
from constructs_lib.stage.settings import Settings

# Lambda keeps an event it cannot run yet (throttled, out of quota) for this long, then hands it to the failure queue.
MAX_EVENT_AGE = cdk.Duration.hours(6)
RETRIES = 2


class TracedFunction(Construct):
    """The function `lambdas.<name>.handler.handler` of the bundle of `lambdas/<name>`.

    Other constructs grant it what they hold with `grant` and say where that is with `add_environment`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        bundle: Bundle,
        memory_mb: int,
        timeout: cdk.Duration,
        failures: sqs.IQueue,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        self.name = name = bundle.function
        reserved: int | None = getattr(settings.reserved_concurrency, name)
        self.log_group = logs.LogGroup(self, "Logs")
        # The L2 takes CDK's names for the periods; the settings hold days.
        cast(logs.CfnLogGroup, self.log_group.node.default_child).retention_in_days = settings.log_retention_days
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"lambdas.{name}.handler.handler",
            code=lambda_.Code.from_asset(
                str(bundle.path), asset_hash=bundle.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
            ),
            role=self.role,
            memory_size=memory_mb,
            timeout=timeout,
            environment={"STAGE": settings.stage},
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            # WARN leaves the lines of what fails (Lambda Developer Guide, "Log-level filtering": system log events).
            system_log_level_v2=lambda_.SystemLogLevel.WARN if settings.system_log_level == "WARN" else None,
            tracing=lambda_.Tracing.ACTIVE,
            recursive_loop=lambda_.RecursiveLoop.TERMINATE,
            reserved_concurrent_executions=reserved,
        )
        self._send_failures_to(failures)
        self.grant("WriteLogs", "logs:CreateLogStream", "logs:PutLogEvents", on=self.log_group.log_group_arn)
        # The L2 depends on the role too, which its own reference to the role says already (cfn-lint W3005).
        resource = cast(lambda_.CfnFunction, self.function.node.default_child)
        resource.add_override("DependsOn", [self._policy.logical_id])
        self._acknowledge(reserved=reserved is not None)

    @property
    def _policy(self) -> iam.CfnPolicy:
        return cast(iam.CfnPolicy, self.role.node.find_child("DefaultPolicy").node.default_child)

    def grant(self, sid: str, *actions: str, on: str, when: Mapping[str, Any] | None = None) -> None:
        """Grant `actions` on the resource ARN `on`, under the conditions `when`, as one statement."""
        self.role.add_to_policy(
            iam.PolicyStatement(sid=sid, actions=list(actions), resources=[on], conditions=dict(when) if when else None)
        )

    def grant_key(self, sid: str, *, key: kms.IKey, service: str) -> None:
        """Let the function encrypt and decrypt with `key` when `service` asks on its behalf, and for nothing else."""
        through = f"{service}.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        self.grant(
            sid,
            "kms:GenerateDataKey",
            "kms:Decrypt",
            on=key.key_arn,
            when={"StringEquals": {"kms:ViaService": through}},
        )

    def add_environment(self, **environment: str) -> None:
        """Set environment variables."""
        for variable, value in environment.items():
            self.function.add_environment(variable, value)

    def _send_failures_to(self, queue: sqs.IQueue) -> None:
        """Keep what failed for good, with the error, in `queue`.

        The L1 resource, because the L2 destination also grants what is never called (GetQueueUrl and others).
        """
        self.grant("KeepFailures", "sqs:SendMessage", on=queue.queue_arn)
        invocations = lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=int(MAX_EVENT_AGE.to_seconds()),
            maximum_retry_attempts=RETRIES,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=queue.queue_arn)
            ),
        )
        # Lambda checks that the role may send before it accepts the destination.
        invocations.node.add_dependency(self._policy)

    def _acknowledge(self, *, reserved: bool) -> None:
        acknowledge(
            self.function,
            "The bundle's wheels and bytecode are made and tested for Python 3.13.",
            "AwsSolutions-L1",
            "Serverless-LambdaLatestVersion",
        )
        acknowledge(
            self.function,
            "It has an on-failure destination instead, which keeps the error with the event.",
            "Serverless-LambdaDLQ",
            "CKV_AWS_116",
        )
        acknowledge(
            self.function,
            "It reaches AWS's own endpoints alone, each over TLS and under its role; a VPC would add an address for "
            "each service and shut nothing out, because nobody can connect to a function.",
            "CKV_AWS_117",
        )
        if not reserved:
            acknowledge(
                self.function,
                "A new account's quota of 10 concurrent executions leaves nothing to reserve, and the deployment would "
                "fail; stages with reserved_concurrency have it.",
                "CKV_AWS_115",
            )
        acknowledge(self.function, AWS_OWNED_KEY, "CKV_AWS_173")
        acknowledge(self.log_group, AWS_OWNED_KEY, "CKV_AWS_158")
        acknowledge(
            self.role,
            "X-Ray has no resources to name: its write actions take no other resource than *.",
            "AwsSolutions-IAM5[Resource::*]",
        )
