"""Lambda entry point: EventBridge events of ingest, and the sweep that a schedule starts every minute."""

from __future__ import annotations

import os
from typing import Any

from lambdas.alert.function import Alerting
from lambdas.alert.settings import Settings
from lambdas.shared.clients import client

# Made while Lambda initialises the process, once for all its invocations.
_alerting = Alerting.on_aws(Settings.from_env(os.environ), client=client)


def handler(event: Any, context: Any) -> dict[str, int]:
    """Take one invocation; an error leaves it to Lambda's retries and the failure queue."""
    return _alerting.handle(event, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
