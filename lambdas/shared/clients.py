"""boto3 clients, all from one session: a session of its own for each costs half a cold start more."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

# Any: the type stubs know a client for each literal service name, and a parameter is none.
_session: Any = boto3.Session()


def client(service: str, *, read_timeout: float = 10, pool: int = 10, validate: bool = True) -> Any:
    """Return a client whose calls end, with retries, well before a function's own time-out.

    `read_timeout` in seconds for one try; `pool` is how many calls may be under way at once. Standard mode makes three
    tries with jittered back-off (Boto3 guide, "Retries"). `validate=False` leaves out botocore's check of every
    parameter against the model, a third of the CPU of a batch write, for callers whose requests have one shape.
    """
    return _session.client(
        service,
        config=Config(
            connect_timeout=3,
            read_timeout=read_timeout,
            max_pool_connections=pool,
            parameter_validation=validate,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )
