"""AWS clients, all from one session: a session of its own for each costs half a cold start more.

They are boto3's own clients without boto3, which adds resources and file transfers that nothing here uses, and a tenth
to a cold start.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import botocore
import botocore.session
from botocore.config import Config
from botocore.utils import parse_timestamp

# The short list of certificate authorities that constructs_lib/bundling/certificates.py puts into bundles.
_ROOTS = Path(__file__).parents[2] / "aws-roots.pem"
# The regions of the partition `aws`. Others (China, GovCloud, the European Sovereign Cloud) may chain elsewhere.
_COMMERCIAL = re.compile(r"(?!cn-)[a-z]{2}-[a-z]+-\d+")

# botocore puts its own together anew, twice for each call, from what never changes here: a tenth of a call's CPU.
_USER_AGENT = f"sensor-fanout botocore/{botocore.__version__}"


def timestamp(value: Any) -> datetime:
    """Read a time from an answer: a text, or seconds since 1970. Raises ValueError.

    HTTP's own form (RFC 9110, section 5.6.7), in which S3 writes Last-Modified, is read by the standard library: what
    botocore does tries every form that people write, at 4 % of the CPU of one reading. All others are left to it.
    """
    if isinstance(value, str) and value.endswith(" GMT"):
        return parsedate_to_datetime(value)
    return parse_timestamp(value)


# Any: the type stubs know a client for each literal service name, and a parameter is none.
_session: Any = botocore.session.Session()
_session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=timestamp)


def authorities(region: str | None, *, roots: Path = _ROOTS) -> str | None:
    """Return the file of certificate authorities to trust, or None for botocore's own choice.

    That is AWS_CA_BUNDLE where it is set (a proxy's authority, say), else its full list of 126.
    """
    wanted = "AWS_CA_BUNDLE" not in os.environ and _COMMERCIAL.fullmatch(region or "") and roots.exists()
    return str(roots) if wanted else None


def client(service: str, *, read_timeout: float = 10, pool: int = 10, validate: bool = True) -> Any:
    """Return a client whose calls end, with retries, well before a function's own time-out.

    `read_timeout` in seconds for one try; `pool` is how many calls may be under way at once. Standard mode makes three
    tries with jittered back-off (Boto3 guide, "Retries"). `validate=False` leaves out botocore's check of every
    parameter against the model, a third of the CPU of a batch write, for callers whose requests have one shape.
    """
    return _session.create_client(
        service,
        verify=authorities(_session.get_config_variable("region")),
        config=Config(
            connect_timeout=3,
            read_timeout=read_timeout,
            max_pool_connections=pool,
            parameter_validation=validate,
            user_agent=_USER_AGENT,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )
