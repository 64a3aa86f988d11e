"""Use of a customer-managed key, through the one service that encrypts with it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from constructs_lib.traced_function import TracedFunction


def let_use_key(function: TracedFunction, sid: str, *, key: kms.IKey, service: str) -> None:
    """Let the function encrypt and decrypt with `key` when `service` asks on its behalf, and for nothing else."""
    function.allow(
        sid,
        "kms:GenerateDataKey",
        "kms:Decrypt",
        on=key.key_arn,
        when={"StringEquals": {"kms:ViaService": f"{service}.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"}},
    )
