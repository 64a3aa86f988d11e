"""How the emulator runs functions, put right where AWS documents it otherwise.

An event that EventBridge hands to a function is tried twice more when the function fails, and then goes to its
on-failure destination (Lambda Developer Guide, "Invoking a function asynchronously"; EventBridge invokes that way: User
Guide, "Event targets"). The emulator would try once and forget it.

A deployment, or another invocation that fails, ends no invocation that is under way (Lambda Developer Guide, "Lambda
execution environment lifecycle": environments get no new work and are then shut down). The emulator would kill it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import eventbridge, lambda_svc

_kill_at_once = lambda_runtime.kill_workers


def put_right() -> None:
    """Change the emulator in this process."""
    eventbridge._dispatch_to_lambda = _deliver
    lambda_runtime.kill_workers = _kill_when_free


def _deliver(arn: str, payload: str) -> None:
    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if function and configuration:
        record = lambda_svc._execution_record_for_config(function, configuration)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def _kill_when_free(workers: Sequence[Any]) -> None:
    """End workers that do nothing, and the others after their invocation, or once its time is up."""
    busy = [worker for worker in workers if worker is not None and worker.in_use and not _has_ended(worker)]
    _kill_at_once([worker for worker in workers if worker not in busy])
    for worker in busy:
        threading.Thread(target=_wait_and_kill, args=(worker,), daemon=True).start()


def _has_ended(worker: Any) -> bool:
    # Without a process yet it is just being started.
    return worker._proc is not None and worker._proc.poll() is not None


def _wait_and_kill(worker: Any) -> None:
    deadline = time.monotonic() + worker.config.get("Timeout", 3)
    while worker.in_use and not _has_ended(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    _kill_at_once([worker])
