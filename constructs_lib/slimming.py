"""What the functions' dependencies carry and never use, taken out of a bundle.

botocore describes some 400 services; the functions call five. A bundle with all of them has 19 MB in 2,000 files, which
every cold start on the embedded AWS unpacks anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path

# A service that is missing here fails at the first client made for it (botocore: UnknownServiceError); the end-to-end
# tests make every one from inside the bundle.
SERVICES = ("dynamodb", "events", "s3", "sns", "ssm")
# Descriptions of boto3 resources, and code examples for docstrings: read by nothing here.
_UNUSED = ("boto3/data", "boto3/examples")
# Read only to print documentation.
_DOCUMENTATION = ("examples-1.json", "examples-1.json.gz")


def slim(folder: Path) -> None:
    """Remove from `folder`, where dependencies are installed, the data that no function reads."""
    for unused in _UNUSED:
        shutil.rmtree(folder / unused, ignore_errors=True)
    services = folder / "botocore" / "data"
    for service in services.glob("*/"):
        if service.name not in SERVICES:
            shutil.rmtree(service)
    for name in _DOCUMENTATION:
        for path in services.rglob(name):
            path.unlink()
