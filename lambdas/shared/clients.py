"""boto3 clients, all from one session: a session of its own for each costs half a cold start more."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

_session = boto3.Session()


def client(service: str, *, read_timeout: float = 10, pool: int = 10) -> Any:
    """Return a client whose calls end, with retries, well before a function's own time-out.

    `read_timeout` in seconds for one try; `pool` is how many calls may be under way at once. Standard mode makes three
    tries with jittered back-off (Boto3 guide, "Retries").
    """
    return _session.client(
        service,
        config=Config(
            connect_timeout=3,
            read_timeout=read_timeout,
            max_pool_connections=pool,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )
