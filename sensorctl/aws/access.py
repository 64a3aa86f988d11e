"""How to reach an AWS: the embedded one, or the real one through the ordinary profile and environment.

One object makes every boto3 client of sensorctl, so a command does not depend on which of the two it uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Access:
    """Endpoint and credentials; all empty means AWS as the environment and profile say."""

    endpoint: str | None = None
    xray_endpoint: str | None = None
    ca_bundle: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    region: str | None = REGION
    profile: str | None = None

    def client(self, service: str, *, pool: int = 16, patient_s: int | None = None) -> Any:
        """Return a boto3 client; `pool` is how many calls may be under way at once.

        `patient_s` is for calls that may take so long, such as waiting for a function: it waits that many seconds for
        an answer, and never calls again by itself.
        """
        # The stubs know each service by its literal name only.
        session: Any = boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            profile_name=self.profile,
        )
        return session.client(
            service,
            endpoint_url=self.xray_endpoint if service == "xray" and self.xray_endpoint else self.endpoint,
            verify=self.ca_bundle,
            config=Config(
                # What a proxy would be asked for is on this machine.
                proxies={} if self.endpoint else None,
                max_pool_connections=pool,
                read_timeout=patient_s or 60,
                retries={"mode": "standard", "total_max_attempts": 1 if patient_s else 4},
            ),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that point boto3, the AWS CLI and the CDK at the same place."""
        named = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_XRAY": self.xray_endpoint,
            "AWS_CA_BUNDLE": self.ca_bundle,
            "NODE_EXTRA_CA_CERTS": self.ca_bundle,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_PROFILE": self.profile,
        }
        return {name: value for name, value in named.items() if value is not None}
