"""Any document is refused in one sentence or used; a rule that is used never contradicts itself."""

from __future__ import annotations

import fnmatch
import itertools
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdas.shared.thresholds.thresholds import Thresholds, ThresholdsError
from tests.properties.examples import examples

limits = st.integers(-5, 5) | st.floats(-5, 5).filter(lambda value: value == 0 or abs(value) > 1e-3)
bounds = st.dictionaries(st.sampled_from(["above", "below"]), limits, max_size=2)
rules = st.dictionaries(st.sampled_from(["warning", "critical", "clear"]), bounds, max_size=3)
patterns = st.text("ab*?", min_size=1, max_size=4)
documents = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "metrics": st.dictionaries(st.sampled_from(["t", "u"]), rules, max_size=2),
        "devices": st.dictionaries(patterns, st.dictionaries(st.sampled_from(["t"]), rules, max_size=1), max_size=3),
    },
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["version", "metrics", "t", "warning", "above"]), inner)
    ),
    max_leaves=10,
)


@given(st.text(max_size=50) | st.binary(max_size=50) | json_values.map(json.dumps) | documents.map(json.dumps))
@example("[" * 100_000)
@settings(max_examples=examples(75), deadline=None)
def test_any_text_is_used_or_refused_in_one_sentence(text: str | bytes) -> None:
    sentence = ""
    try:
        used = Thresholds.parse(text)
    except ThresholdsError as error:
        sentence = str(error)
    if sentence:
        assert sentence.startswith("thresholds.json: ")
        assert "\n" not in sentence
    else:
        assert used.rule_for("d", "no-such-metric") is None


@given(rules, st.lists(limits | st.integers(-7, 7), min_size=1, max_size=20))
@settings(max_examples=examples(100), deadline=None)
def test_a_rule_that_is_used_can_fire_and_can_end(rule: dict[str, Any], values: list[float]) -> None:
    try:
        used = Thresholds.parse(json.dumps({"version": 1, "metrics": {"t": rule}})).rule_for("d", "t")
    except ThresholdsError:
        return
    assert used is not None
    for value in values:
        crossing = used.crossing(value)
        if crossing is not None:
            assert not used.is_clear(value)
            assert value > crossing.limit if crossing.bound == "above" else value < crossing.limit
            further = value + 1 if crossing.bound == "above" else value - 1
            beyond = used.crossing(further)
            assert beyond is not None
            assert (crossing.severity, beyond.severity) != ("critical", "warning")
    sides = [side[name] for side in rule.values() for name in side]
    between = sorted({*sides, *(side + step for side in sides for step in (-0.0005, 0.0005)), -100.0, 100.0})
    between += [(one + other) / 2 for one, other in itertools.pairwise(between)]
    assert any(used.crossing(value) is not None for value in between)
    assert any(used.is_clear(value) for value in between)


@given(documents, st.text("ab", min_size=1, max_size=4))
@settings(max_examples=examples(75), deadline=None)
def test_the_rule_found_is_the_most_specific_one(document: dict[str, Any], device: str) -> None:
    try:
        used = Thresholds.parse(json.dumps(document)).rule_for(device, "t")
    except ThresholdsError:
        return
    matching = [
        pattern
        for pattern, named in document.get("devices", {}).items()
        if "t" in named and fnmatch.fnmatchcase(device, pattern)
    ]
    # An exact id first, then the most characters that are no wildcard, then the text's order.
    matching.sort(key=lambda p: (p != device, -len(p.replace("*", "").replace("?", "")), p))
    default = "metrics.t" if "t" in document.get("metrics", {}) else None
    expected = f"devices.{matching[0]}.t" if matching else default
    assert (used.source if used else None) == expected
