"""Regions that the pipeline cannot be deployed to."""

from __future__ import annotations

from constructs_lib.errors import SynthError

# S3 User Guide, "Namespaces for general purpose buckets": every region but Bahrain and the UAE has them.
WITHOUT_ACCOUNT_REGIONAL_BUCKETS = frozenset({"me-central-1", "me-south-1"})


def check_region(region: str | None) -> None:
    """Raise SynthError for a region that lacks what the pipeline needs; None is not known yet, and passes."""
    if region in WITHOUT_ACCOUNT_REGIONAL_BUCKETS:
        raise SynthError(
            f"region {region} has no account-regional bucket names, which the landing bucket needs; choose another."
        )
