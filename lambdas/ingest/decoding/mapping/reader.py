"""Records of other shapes, as mappings.json describes them: a record in, the native readings it means out.

A mapping says where the members of the native form stand; what it says nothing about is the record's own member of that
name, and without `metrics` the flat form holds. Then all is checked as if it had come in the native form: a block as a
whole where every record of it is good and makes one reading, else record by record, with reasons.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.mapping.evaluation import FAILURES, CostError, Evaluation
from lambdas.ingest.decoding.mapping.expressions import is_true, said
from lambdas.ingest.decoding.mapping.mappings import Mapping, Mappings, shipped
from lambdas.ingest.decoding.native import NativeReader, is_shallow
from lambdas.ingest.decoding.reading import Problem, Reading, RecordError
from lambdas.ingest.decoding.values import timestamps
from lambdas.ingest.decoding.values.numbers import is_number
from lambdas.shared.names import INCOMING_PREFIX

_LINES = msgspec.json.Decoder(msgspec.Raw).decode_lines
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_NATIVE = {"device_id", "timestamp", "metrics"}
# What the making of a reading costs beside the evaluation of its expressions.
_STEPS_A_READING = 20


class MappingReader:
    """Reads records of the object `key`, which was uploaded at `now`; without `mappings`, by those that ship."""

    def __init__(
        self, native: NativeReader, *, key: str, mappings: Mappings | None, now: datetime, limits: Limits
    ) -> None:
        self._native = native
        self._key = key.removeprefix(INCOMING_PREFIX)
        self._uploaded = timestamps.texts([now])[0]
        self._limits = limits
        self._mappings = mappings
        self._candidates: list[Mapping] | None = None
        # One of these members stands in every record that a mapping may apply to; None: it may be any record.
        self._needs: frozenset[str] | None = None
        self._evaluation = Evaluation(key=self._key.split("/"), steps=limits.steps)
        # Whether the last record had a mapping, so that the next block is tried as a whole.
        self._is_likely = False

    def block(self, block: bytes) -> list[Reading] | None:
        """Return the readings of a block of objects, one a record, or None if it needs the slow way."""
        if not self._is_likely:
            return None
        records = _separated(block)
        if not records or not is_shallow(block, self._limits.nesting):
            return None
        size, readings = len(block) // len(records), []
        try:
            for raw in records:
                # One at a time, so that it is gone before the next: a block of them takes six times as long to decode.
                record = _decode(raw)
                mapping = self._mapping_of(record, size=size)
                if mapping is None:
                    return None
                native = self._native_record(mapping, self._items(mapping, record))
                if is_number(native["timestamp"]):
                    native["timestamp"] = timestamps.parse(native["timestamp"])
                readings.append(msgspec.convert(native, Reading))
        except (CostError, RecordError, msgspec.MsgspecError, RecursionError):
            return None
        return self._native.checked(readings, block)

    def readings(self, record: dict[str, object], problems: list[Problem], *, size: int) -> list[Reading] | None:
        """Return the readings of a record that has `size` bytes, or None if it is native or no mapping applies.

        What is wrong with single readings, or members of them, is added to `problems`. Raises RecordError.
        """
        mapping = None
        if self._needs is None or not self._needs.isdisjoint(record):
            mapping = self._mapping_of(record, size=size)
        self._is_likely = mapping is not None
        if mapping is None:
            return None
        which, readings = f"mapping {mapping.name}", []
        try:
            items = self._items(mapping, record)
            several = isinstance(items, list)
            for number, item in enumerate(items if several else [items]):
                known = len(problems)
                try:
                    native = self._native_record(mapping, item)
                    if several:
                        self._evaluation.spend(_STEPS_A_READING)
                        self._evaluation.weigh(native)
                    readings.append(self._native.record(native, problems))
                except RecordError as error:
                    problems.append(error.problem)
                for problem in problems[known:]:
                    problem.detail += f" (reading {number} of {which})" if several else f" ({which})"
        except CostError as error:
            raise RecordError("mapping_failed", f"{error} ({which})") from None
        except RecordError as error:
            error.problem.detail += f" ({which})"
            raise
        return readings

    def _mapping_of(self, record: dict[str, object], *, size: int) -> Mapping | None:
        """Return the first mapping that applies. A `when` that cannot be evaluated is about another shape."""
        names = record.keys()
        if names >= _NATIVE:
            return None
        if self._candidates is None:
            mappings = shipped() if self._mappings is None else self._mappings
            self._candidates = [
                mapping for mapping in mappings if mapping.prefix is None or mapping.prefix.match(self._key)
            ]
            needs = [mapping.needs for mapping in self._candidates]
            self._needs = None if None in needs else frozenset[str]().union(*(members for members in needs if members))
        self._evaluation.begin(record, size=size)
        for mapping in self._candidates:
            if mapping.needs is not None and names.isdisjoint(mapping.needs):
                continue
            try:
                if mapping.when is None or is_true(mapping.when(record, self._evaluation)):
                    return mapping
            except (CostError, *FAILURES):
                continue
        return None

    def _items(self, mapping: Mapping, record: object) -> Any:
        try:
            return record if mapping.records is None else mapping.records(record, self._evaluation)
        except FAILURES as error:
            raise _failed("records", error) from None

    def _native_record(self, mapping: Mapping, item: object) -> dict[str, Any]:
        """Return the record that a mapping makes of an item, in the native form, or flat where nothing names metrics.

        Raises CostError and RecordError.
        """
        found: dict[str, Any] = {}
        name = ""
        try:
            for name, expression in mapping.members.items():
                found[name] = expression(item, self._evaluation)
        except FAILURES as error:
            raise _failed(name, error) from None
        metrics, units, tags = found.get("metrics"), found.get("units"), found.get("tags")
        if isinstance(units, dict) and isinstance(metrics, dict):
            found["units"] = {name: unit for name, unit in units.items() if name in metrics}
        if isinstance(tags, dict) and None in tags.values():
            found["tags"] = {name: tag for name, tag in tags.items() if tag is not None}
        if isinstance(item, dict):
            if "metrics" in mapping.others and "metrics" not in item:
                found = {**item, **found}
            for name in mapping.others:
                if name in item:
                    found[name] = item[name]
        if found.get("timestamp") is None:
            found["timestamp"] = self._uploaded
        return found


def _separated(block: bytes) -> list[msgspec.Raw]:
    """Return the records of a block, apart by line ends or by commas, or none where it needs a closer look."""
    for separate in (_LINES, _ARRAY):
        try:
            records = separate(block if separate is _LINES else b"[" + block + b"]")
            block.decode()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        return records
    return []


def _failed(name: str, error: Exception) -> RecordError:
    return RecordError("mapping_failed", f"its {name} cannot be evaluated: {said(error)}")
