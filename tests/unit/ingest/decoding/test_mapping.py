"""What a mapping of one's own can say, how its document is checked, and what an expression may cost."""

from __future__ import annotations

import json
import time
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.ingest.decoding.limits import Limits
from lambdas.ingest.decoding.mapping.evaluation import FAILURES, CostError, Evaluation
from lambdas.ingest.decoding.mapping.expressions import ExpressionError, compiled, is_true, needed
from lambdas.ingest.decoding.mapping.mappings import Mappings, MappingsError, parse
from tests.unit.ingest.ingest_kit import NOW, TIME, Decoded, decode

KEY = "incoming/gw-1/pump-3/1.json"


def mapped(record: Any, *, key: str = KEY, **mapping: str) -> Decoded:
    return decode(json.dumps(record).encode(), key=key, mappings=own(**mapping))


def own(**mapping: str) -> Mappings:
    return parse(json.dumps({"version": 1, "mappings": [{"name": "own", **mapping}]}))


def test_members_that_a_mapping_does_not_name_are_the_records_own() -> None:
    decoded = mapped(
        {"id": "d", "timestamp": TIME, "units": {"t": "K"}, "tags": {"a": "b"}, "t": 1, "n": None},
        when="id",
        device_id="id",
    )
    (reading,) = decoded.readings
    assert (reading.device_id, reading.metrics, reading.units, reading.tags) == ("d", {"t": 1}, {"t": "K"}, {"a": "b"})
    assert decoded.rejects == []


def test_one_bad_value_costs_that_value() -> None:
    decoded = mapped(
        {"m": {"a": 1, "b": None}},
        when="m",
        device_id="key()[-2]",
        metrics="m",
        units="{a: 'K', z: 'K'}",
        tags="{x: m, y: 'y', z: q}",
    )
    (reading,) = decoded.readings
    assert (reading.device_id, reading.timestamp, reading.metrics) == ("pump-3", NOW, {"a": 1})
    assert (reading.units, reading.tags) == ({"a": "K"}, {"y": "y"})
    assert list(zip(decoded.reasons, decoded.members, strict=True)) == [
        ("invalid_value", "b"),
        ("invalid_tags", "tags.x"),
    ]


@pytest.mark.parametrize(
    ("prefix", "applies"),
    [("gw-1/", True), ("gw-*/pump-?/", True), ("gw-", True), ("*.json", True), ("gw-2/", False), ("gw-[1]", False)],
)
def test_a_prefix_says_which_objects_hold_the_shape(prefix: str, applies: bool) -> None:
    decoded = mapped({"x": 1}, prefix=prefix, device_id="'d'")
    assert decoded.reasons == ([] if applies else ["not_a_reading"])


@pytest.mark.parametrize(
    ("record", "mapping", "devices"),
    [
        ({"a": {"x": 1}, "b": {"x": 2}}, {"records": "entries(@)", "device_id": "name", "metrics": "value"}, "ab"),
        ({"a": {"x": 1}}, {"records": "a", "device_id": "record() && 'd'"}, "d"),
        ({"l": [["a", 5], ["b", 6]]}, {"records": "l", "device_id": "[0]", "metrics": "{x: [1]}"}, "ab"),
        ({"l": [["x", 5], ["y", 6]]}, {"metrics": "from_items(l)", "device_id": "'d'"}, "d"),
        ({"l": []}, {"records": "l"}, ""),
        ({"m": {"x": 1}}, {"metrics": "m", "device_id": "to_string(`7`)"}, "7"),
    ],
)
def test_records_and_functions(record: Any, mapping: dict[str, str], devices: str) -> None:
    decoded = mapped(record, prefix="*", **mapping)
    assert ("".join(decoded.devices), decoded.rejects) == (devices, [])


@pytest.mark.parametrize(
    ("mapping", "detail"),
    [
        ({"device_id": "length(x)"}, "its device_id cannot be evaluated: In function length(), invalid type"),
        ({"records": "length(x)"}, "its records cannot be evaluated: In function length()"),
        ({"metrics": "numbers(x)"}, "its metrics cannot be evaluated: numbers() takes an object, not a number"),
        ({"metrics": "entries(l)"}, "its metrics cannot be evaluated: entries() takes an object, not an array"),
        ({"metrics": "from_items(x)"}, "its metrics cannot be evaluated: from_items() takes an array of pairs"),
        ({"metrics": "contains('a', x)"}, "its metrics cannot be evaluated: 'in <string>' requires"),
    ],
)
def test_an_expression_that_fails_costs_its_record(mapping: dict[str, str], detail: str) -> None:
    decoded = mapped({"x": 1, "l": []}, prefix="*", **mapping)
    assert (decoded.readings, decoded.reasons) == ([], ["mapping_failed"])
    assert decoded.rejects[0].detail.startswith(detail)
    assert decoded.rejects[0].detail.endswith("(mapping own)")


@pytest.mark.parametrize(("records", "reason"), [("nothing", "invalid_device_id"), ("x", "invalid_device_id")])
def test_records_that_are_none_are_one_bad_reading(records: str, reason: str) -> None:
    assert mapped({"x": 1}, prefix="*", records=records).reasons == [reason]


@pytest.mark.parametrize("when", ["length(x) > `0`", "contains(x, 'a')", "no && y", "!x"])
def test_a_condition_that_cannot_be_evaluated_is_not_met(when: str) -> None:
    assert mapped({"x": 1, "y": 2}, when=when).reasons == ["not_a_reading"]


# Documents


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"name": "a", "when": "x", "metric": "y"}, "mappings[0].metric is unknown; known here: name, prefix, when"),
        ({"name": "a", "when": "x", "metrics": 5}, "mappings[0].metrics must be a text, not 5"),
        ({"name": "a", "when": ""}, 'mappings[0].when must be a text, not ""'),
        ({"name": "a b", "when": "x"}, "mappings[0].name must be 1 to 64 letters"),
        ({"when": "x"}, "mappings[0].name must be 1 to 64 letters"),
        ({"name": "a", "metrics": "x"}, "mappings[0] needs prefix or when"),
        ({"name": "a", "prefix": "incoming/x"}, "mappings[0].prefix is of the key below incoming/"),
        ({"name": "a", "when": "a b"}, "mappings[0].when is not JMESPath (Unexpected token: b: Parse error at column"),
        ({"name": "a", "when": "foo("}, "mappings[0].when is not JMESPath (Invalid jmespath expression: Incomplete"),
        ({"name": "a", "when": "`x"}, "mappings[0].when is not JMESPath ("),
        ({"name": "a", "when": "(" * 900}, "mappings[0].when is not JMESPath ("),
        ({"name": "a", "when": "lower(x)"}, "mappings[0].when calls lower(), which is no function; there are abs, avg"),
        ({"name": "a", "when": "a.[x[*].lower(y)]"}, "mappings[0].when calls lower(), which is no function"),
        ({"name": "a", "when": "length(x, y)"}, "mappings[0].when gives length() 2 arguments; it takes 1"),
        ({"name": "a", "when": "key(x)"}, "mappings[0].when gives key() 1 arguments; it takes 0"),
        ({"name": "a", "when": "x || " * 250 + "x"}, "mappings[0].when has 1251 characters; at most 1,000"),
    ],
)
def test_a_wrong_mapping_is_one_sentence(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingsError) as raised:
        parse(json.dumps({"version": 1, "mappings": [mapping]}))
    said = str(raised.value)
    assert said.startswith(f"mappings.json: {message}")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is not JSON"),
        ('{"version": 2}', "version must be 1, not 2"),
        ('{"version": 1, "mapping": []}', "mapping is unknown; known here: version, mappings"),
        ('{"version": 1, "mappings": {}}', "mappings must be an array of at most 100 objects, not {}"),
        ('{"version": 1, "mappings": [5]}', "mappings[0] must be a JSON object, not 5"),
        (
            '{"version": 1, "mappings": [{"name": "a", "when": "x"}, {"name": "a", "when": "y"}]}',
            'two mappings have the name "a"; rename one of the two',
        ),
    ],
)
def test_a_wrong_document_is_one_sentence(document: str, message: str) -> None:
    with pytest.raises(MappingsError, match=r"^own\.json: "):
        parse(document, name="own.json")
    with pytest.raises(MappingsError) as raised:
        parse(document)
    assert message in str(raised.value)


def test_a_document_may_hold_no_mapping() -> None:
    assert parse('{"version": 1}') == ()


# What an expression may cost


@pytest.mark.parametrize(
    "expression",
    [
        "l[*].[record().l[*].[@, @]]",
        "l[*].[sort(record().l)]",
        "l[*].{x: record().l}[] | [*].x[] | [*].[@]",
        "l[?record().l == `[]` || contains(record().l, @)]",
        "[l, l, l] | [@, @, @, @] | [@, @, @, @] | [@, @, @, @] | [] | [] | [] | []",
        "l[*].to_string(record())",
        "l[*].numbers(record().o)",
        "l[*].numbers(record().deep)",
        "l[*].join('', record().t)",
        "map(&record().l[*].[@], l)",
    ],
)
def test_a_product_of_a_record_with_itself_costs_the_record(expression: str) -> None:
    numbers = {f"n{number}": number for number in range(300)}
    record = {"l": list(range(8_000)), "t": ["x" * 50] * 100, "o": numbers, "deep": {"y" * 2_000: numbers}}
    began = time.process_time()
    decoded = mapped(record, when="l", device_id="'d'", metrics=f"{{x: ({expression}) && `1`}}")
    assert decoded.reasons == ["mapping_failed"]
    assert "takes more than the" in decoded.rejects[0].detail
    assert time.process_time() - began < 30  # it would be hours


def test_each_step_is_counted() -> None:
    evaluation = Evaluation(key=[], steps=10_000)
    evaluation.begin({}, size=0)
    count = compiled("l[*].[a, b]")
    with pytest.raises(CostError, match="1,000 steps that a record of its size may take"):
        count({"l": [{}] * 400}, evaluation)
    evaluation.begin({}, size=0)
    assert count({"l": [{}] * 300}, evaluation) == [[None, None]] * 300


def test_an_object_has_a_share_of_steps_for_all_of_its_records() -> None:
    lines = [json.dumps({"l": [1] * 20}).encode()] * 100
    mappings = own(when="l", device_id="'d'", metrics="{x: l[*].[@] | [0][0]}")
    decoded = decode(b"\n".join(lines), mappings=mappings, limits=Limits(steps=2_000))
    assert 0 < len(decoded.readings) < 100
    assert set(decoded.reasons) == {"mapping_failed"}
    assert "are left of the object's" in decoded.rejects[-1].detail


def test_readings_of_one_record_cost_by_what_they_hold() -> None:
    record = {"l": [1] * 4_000, "tags": {"a": "x" * 20_000}}
    decoded = mapped(record, when="l", records="l", device_id="'d'", metrics="{x: @}", tags="record().tags")
    assert decoded.reasons == ["mapping_failed"]
    decoded = mapped(record, when="l", records="l", device_id="'d'", metrics="{x: @}")
    assert (len(decoded.readings), decoded.rejects) == (4_000, []) or decoded.reasons == ["mapping_failed"]


def test_readings_count_as_records() -> None:
    lines = b"\n".join([json.dumps({"l": [1] * 10}).encode()] * 2_000)
    mappings = own(when="l", records="l", device_id="'d'", metrics="{x: @}")
    decoded = decode(lines, mappings=mappings, limits=Limits(records=1_000, block=300))
    # What is read at once may go beyond.
    assert len(decoded.readings) < 5_000
    assert decoded.reasons == ["too_many_records"]


# The same as the library's

PARTS = st.sampled_from(
    ["a", "b", "a.b", "@", "[0]", "a[0]", "[-1].a", "'x'", "`0`", "`[]`", "key", "a.b.a", "*", "a[*].b", "a[0:1]"]
)
EXPRESSIONS = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!{}".format, inner),
        st.builds("({} | {})".format, inner, inner),
        st.builds("({}).a".format, inner),
        st.builds("{{x: {}, y: {}}}".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({} == {})".format, inner, inner),
        st.builds("({})[]".format, inner),
        st.builds("type({})".format, inner),
        st.builds("length({})".format, inner),
    ),
    max_leaves=8,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, 1, 0.0, 1.5, "", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)


@given(EXPRESSIONS, VALUES)
@settings(max_examples=400, deadline=None)
def test_an_expression_means_what_the_library_says(text: str, value: Any) -> None:
    evaluation = Evaluation(key=[], steps=10**6)
    evaluation.begin(value, size=10**5)
    try:
        expected = jmespath.search(text, value)
    except FAILURES as error:
        with pytest.raises(type(error)):
            compiled(text)(value, evaluation)
        return
    found = compiled(text)(value, evaluation)
    assert (found, repr(found)) == (expected, repr(expected))
    members = needed(text)
    if isinstance(value, dict) and members is not None and is_true(found):
        assert members & value.keys()


@given(st.text(max_size=30) | st.text("ab.[]()*&|@`'\"{}:,?=!<> 0", max_size=30))
@settings(max_examples=400, deadline=None)
def test_any_text_is_an_expression_or_says_why_not(text: str) -> None:
    try:
        compiled(text)
    except ExpressionError as error:
        assert "\n" not in str(error).replace(text, "")  # noqa: PT017
