"""Sixteen connections to DynamoDB instead of eight."""

from lambdas.ingest.adapters import reading_store

reading_store.PARALLEL = 16

from lambdas.ingest.handler import handler  # noqa: E402

__all__ = ["handler"]
