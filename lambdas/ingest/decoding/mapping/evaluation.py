"""The evaluation of JMESPath on records that anybody may have written, within a budget of steps.

Each node of an expression that is visited is a step, and whatever a function, a comparison or `[]` reads or builds
counts by its members. So time and memory are bounded by the steps, and these by the bytes of the record.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from jmespath import ast
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from lambdas.ingest.decoding.values.numbers import Unusable, described

_CONTAINERS = (dict, list)
_NUMBERS = (int, float, Unusable)

# Each function of our own, with what it gives; the least and the most arguments that it takes.
OWN = {
    "key": (0, 0),  # the parts of the object's key below incoming/: folders and name
    "record": (0, 0),  # the whole record, where an expression is about one of its `records`
    "numbers": (1, 100),  # an object's numbers, booleans as 1 and 0, inner objects as `outer.inner`, but none so named
    "entries": (1, 1),  # {name, value} of each member of an object, one for each element of an array
    "from_items": (1, 1),  # the object that has these [name, value] pairs as its members
}

Node = dict[str, Any]

# What an evaluation may raise about a value: the library's own errors, and what its functions let through.
FAILURES = (JMESPathError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
# A mapping of a gateway's batch takes half a step a byte.
_STEPS_A_BYTE = 8
_STEPS_A_RECORD = 1_000
# Functions that read all that is in their arguments, not the members alone; numbers() counts by itself.
_DEEP = frozenset(("contains", "join", "to_string"))
# Characters that cost as much as a step.
_CHARACTERS = 16


class CostError(Exception):
    """A record has taken the steps that it may; the message says how many."""


class Evaluation(TreeInterpreter):  # type: ignore[misc]
    """Evaluates expressions on the records of one object, which is `key`, in at most so many `steps`."""

    def __init__(self, *, key: list[str], steps: int) -> None:
        super().__init__()
        self._parts_of_key = key
        self._whole_record: object = None
        self._of_object = steps
        self._granted = self._left = 0

    def begin(self, record: object, *, size: int) -> None:
        """Turn to the next record, which has `size` bytes."""
        self._whole_record = record
        self._of_object -= self._granted - self._left
        granted = _STEPS_A_RECORD + _STEPS_A_BYTE * size
        self._granted = self._left = granted if granted < self._of_object else self._of_object

    def spend(self, steps: int) -> None:
        """Count steps. Raises CostError."""
        self._left -= steps
        if self._left < 0:
            whose = "are left of the object's" if self._granted == self._of_object else "a record of its size may take"
            raise CostError(f"to map it takes more than the {max(self._granted, 0):,} steps that {whose}")

    def weigh(self, value: object) -> None:
        """Count all that is in a value. Raises CostError."""
        if isinstance(value, str):
            self.spend(1 + len(value) // _CHARACTERS)
        elif isinstance(value, _CONTAINERS):
            self.spend(1 + len(value))
            for member in chain(value, value.values()) if isinstance(value, dict) else value:
                if isinstance(member, _CONTAINERS) or (isinstance(member, str) and len(member) >= _CHARACTERS):
                    self.weigh(member)

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Call a function, which reads the members of its arguments, or all that is in them."""
        if name in OWN:
            return OWN_CALLS[name](self, *arguments)
        for argument in arguments:
            if name in _DEEP:
                self.weigh(argument)
            elif isinstance(argument, _CONTAINERS):
                self.spend(len(argument))
        return self._functions.call_function(name, arguments)

    def visit(self, node: Node, value: object) -> Any:
        """Evaluate a node. Raises CostError, and one of FAILURES."""
        self._left -= 1
        if self._left < 0:
            self.spend(0)
        return _VISITORS[node["type"]](self, node, value)

    def visit_function_expression(self, node: Node, value: object) -> Any:
        """Call a function."""
        return self.call(node["value"], [self.visit(child, value) for child in node["children"]])

    def visit_comparator(self, node: Node, value: object) -> Any:
        """Compare two values, which reads all of them where they are equal."""
        operands = [self.visit(child, value) for child in node["children"]]
        for operand in operands:
            self.weigh(operand)
        return super().visit_comparator({**node, "children": [ast.literal(operand) for operand in operands]}, value)

    def visit_flatten(self, node: Node, value: object) -> Any:
        """Join the arrays in an array."""
        found = self.visit(node["children"][0], value)
        if isinstance(found, list):
            self.spend(sum(len(element) if isinstance(element, list) else 1 for element in found))
        return super().visit_flatten({**node, "children": [ast.literal(found)]}, value)

    def _key(self) -> list[str]:
        return self._parts_of_key

    def _record(self) -> object:
        return self._whole_record

    def _numbers(self, members: object, *besides: object) -> dict[str, object]:
        found: dict[str, object] = {}
        self._add_numbers(found, _an_object(members, "numbers"), besides, "")
        return found

    def _add_numbers(
        self, found: dict[str, object], members: dict[str, object], besides: tuple[object, ...], prefix: str
    ) -> None:
        self.spend((1 + len(prefix) // _CHARACTERS) * len(members))
        for name, value in members.items():
            if isinstance(value, _NUMBERS):
                if name not in besides:
                    found[prefix + name if prefix else name] = int(value) if isinstance(value, bool) else value
            elif isinstance(value, dict) and name not in besides:
                self._add_numbers(found, value, besides, f"{prefix}{name}.")

    def _entries(self, members: object) -> list[object]:
        found = _an_object(members, "entries")
        self.spend(sum(len(value) if isinstance(value, list) else 1 for value in found.values()))
        return [
            {"name": name, "value": element}
            for name, value in found.items()
            for element in (value if isinstance(value, list) else [value])
        ]

    def _from_items(self, pairs: object) -> dict[str, object]:
        found: list[Any] = pairs if isinstance(pairs, list) else [pairs]
        if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in found):
            raise TypeError("from_items() takes an array of pairs of a name and a value")
        self.spend(len(found))
        return dict(found)


# Of the class, since bound methods in an instance would be reference cycles.
OWN_CALLS = {name: getattr(Evaluation, f"_{name}") for name in OWN}
_VISITORS = {
    name.removeprefix("visit_"): getattr(Evaluation, name) for name in dir(Evaluation) if name.startswith("visit_")
}


def _an_object(value: object, function: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{function}() takes an object, not {described(value)}")
    return value
