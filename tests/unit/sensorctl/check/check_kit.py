"""`check` as its tests call it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensorctl.check.files import check as check_files
from sensorctl.check.options import CheckOptions


def check(files: Sequence[Path | str], as_json: bool = True, **options: Any) -> int:
    return check_files(files, CheckOptions(**options), as_json=as_json)
