"""Lines to checked readings with pydantic: one model with the rules on its fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StrictFloat, StrictInt, StrictStr, ValidationError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:./_-]*\z", max_length=128)]
Value = Annotated[StrictInt | StrictFloat, Field(gt=-9.9e125, lt=9.9e125)]


class Reading(BaseModel):
    """One reading."""

    device_id: Name
    timestamp: AwareDatetime
    metrics: Annotated[dict[Name, Value], Field(min_length=1, max_length=100)]
    units: dict[str, StrictStr] | None = None
    tags: dict[str, StrictStr] | None = None


def readings(lines: Iterable[bytes]) -> list[Reading]:
    """Return the good ones; a bad one is left out."""
    good = []
    for line in lines:
        try:
            good.append(Reading.model_validate_json(line))
        except ValidationError:
            continue
    return good
