"""Which attributes are keys of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The primary key's attributes, and those of each index by its name; the partition key comes first."""

    primary: tuple[str, ...]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Keys:
        """Return the keys in a CreateTable request, or in a description of a table."""
        indexes = table.get("GlobalSecondaryIndexes") or ()
        return cls(primary=_names(table), indexes={index["IndexName"]: _names(index) for index in indexes})

    def of_query(self, index: str | None) -> tuple[str, ...]:
        """Return the attributes that a query of the table, or of one of its indexes, selects by."""
        return self.indexes.get(index, ()) if index is not None else self.primary


KeysOf = Callable[[str], Keys | None]


def _names(schema: Mapping[str, Any]) -> tuple[str, ...]:
    parts = sorted(schema["KeySchema"], key=lambda part: part["KeyType"] != "HASH")
    return tuple(part["AttributeName"] for part in parts)
