"""mappings.json: which objects hold records of another shape, and where in them device, time and metrics stand.

    {"version": 1,
     "mappings": [{"name": "pumps", "prefix": "gateway-*/", "when": "data", "records": "data",
                   "device_id": "id", "timestamp": "t", "metrics": "{temperature: values.temp}",
                   "units": "{temperature: 'Cel'}", "tags": "{site: record().site}"}]}

`prefix` is a pattern (`*` and `?`) of how the object's key begins below incoming/; all else are JMESPath expressions
(`expressions`). A document is checked whole before any of it is used.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lambdas.ingest.decoding.mapping.expressions import Expression, ExpressionError, compiled, needed
from lambdas.shared.document_reader import DocumentError, DocumentReader, shown
from lambdas.shared.names import INCOMING_PREFIX

# Both the repository and the bundle keep the document at their root.
SHIPPED = Path(__file__).parents[4] / "mappings.json"
# What an expression of a mapping may say about each reading.
READING = ("device_id", "timestamp", "metrics", "units", "tags")
_KNOWN = ("name", "prefix", "when", "records", *READING)
# Each is asked about each record of another shape, until one applies.
_MOST = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class MappingsError(DocumentError):
    """The mappings cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """How to read the records of one shape: `members` of READING have an expression, `others` have none.

    A record that has none of the members of `needs` needs no evaluation: `when` cannot be true.
    """

    name: str
    prefix: re.Pattern[str] | None
    when: Expression | None
    needs: frozenset[str] | None
    records: Expression | None
    members: MappingOf[str, Expression]
    others: tuple[str, ...]


Mappings = tuple[Mapping, ...]


def parse(document: str | bytes, *, name: str = "mappings.json") -> Mappings:
    """Check `document` and return its mappings in order. `name` stands first in the message of a MappingsError."""
    return _Reader(name).read(document)


@cache
def shipped() -> Mappings:
    """Return the mappings of this repository or bundle, read once a process."""
    return parse(SHIPPED.read_bytes())


class _Reader(DocumentReader):
    error = MappingsError

    def read(self, document: str | bytes) -> Mappings:
        top = self._members(self._json(document), path="", known=("version", "mappings"))
        self._version_1(top)
        found = top.get("mappings", [])
        if not isinstance(found, list) or len(found) > _MOST:
            self._fail(f"mappings must be an array of at most {_MOST} objects, not {shown(found)}")
        mappings = tuple(self._mapping(value, path=f"mappings[{index}]") for index, value in enumerate(found))
        names = [mapping.name for mapping in mappings]
        for name in names:
            if names.count(name) > 1:
                self._fail(f"two mappings have the name {shown(name)}; rename one of the two")
        return mappings

    def _mapping(self, value: object, *, path: str) -> Mapping:
        members = self._members(value, path=path, known=_KNOWN)
        for member, text in members.items():
            if not isinstance(text, str) or not text:
                self._fail(f"{path}.{member} must be a text, not {shown(text)}")
        if not _NAME.fullmatch(members.get("name", "")):
            self._fail(
                f"{path}.name must be 1 to 64 letters, digits and - . _, starting with a letter or digit, not "
                f"{shown(members.get('name'))}"
            )
        if "prefix" not in members and "when" not in members:
            self._fail(f"{path} needs prefix or when, or it would take every record for its own")
        expressions = {
            member: self._expression(text, path=f"{path}.{member}")
            for member, text in members.items()
            if member not in ("name", "prefix")
        }
        return Mapping(
            name=members["name"],
            prefix=self._pattern(members["prefix"], path=f"{path}.prefix") if "prefix" in members else None,
            when=expressions.get("when"),
            needs=needed(members["when"]) if "when" in members else None,
            records=expressions.get("records"),
            members={member: expressions[member] for member in READING if member in expressions},
            others=tuple(member for member in READING if member not in expressions),
        )

    def _pattern(self, text: str, *, path: str) -> re.Pattern[str]:
        if text.startswith(INCOMING_PREFIX):
            self._fail(f"{path} is of the key below {INCOMING_PREFIX}; leave {INCOMING_PREFIX} out")
        return re.compile(fnmatch.translate(text.replace("[", "[[]") + "*"))

    def _expression(self, text: str, *, path: str) -> Expression:
        try:
            return compiled(text)
        except ExpressionError as error:
            self._fail(f"{path} {error}")
