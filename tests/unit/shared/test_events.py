from __future__ import annotations

import json
from typing import Any, get_args

import jsonschema
import pytest

from docs.events import generate
from lambdas.shared.events import (
    Bound,
    ContractError,
    ObjectRef,
    ReadingsRejected,
    RejectExample,
    Severity,
    ThresholdBreached,
    breach_id,
)

SOURCE = ObjectRef(bucket="landing", key="incoming/a.json", version_id="v1")
BREACHED = ThresholdBreached(
    breach_id="0" * 32,
    device_id="boiler-7",
    metric="temperature",
    unit=None,
    severity="critical",
    bound="above",
    limit=85,
    value=92.4,
    count=3,
    first_at="2026-11-22T10:00:00.000000Z",
    last_at="2026-11-22T10:01:00.000000Z",
    object=SOURCE,
    trace_id=None,
)
REJECTED = ReadingsRejected(
    object=SOURCE,
    stored=3,
    rejected=1,
    reasons={"not_json": 1},
    examples=(RejectExample(position="line 2", reason="not_json", detail="Expecting value"),),
    quarantine_key="quarantine/incoming/a.json/v1.ndjson",
    trace_id="1-5759e988-bd862e3fe1be46a994272793",
)


@pytest.mark.parametrize("event", [BREACHED, REJECTED])
def test_an_event_reads_back_as_it_was_sent_and_later_members_are_ignored(
    event: ThresholdBreached | ReadingsRejected,
) -> None:
    sent = json.loads(json.dumps({**event.to_detail(), "added_later": 1}))
    assert type(event).from_detail(sent) == event


@pytest.mark.parametrize(
    ("member", "value"),
    [("severity", "fatal"), ("severity", None), ("value", True), ("count", "3"), ("object", "x"), ("unit", 5)],
)
def test_a_detail_that_breaks_the_contract_is_an_error_naming_the_member(member: str, value: Any) -> None:
    with pytest.raises(ContractError, match=member):
        ThresholdBreached.from_detail({**BREACHED.to_detail(), member: value})


def test_a_breach_id_depends_on_all_that_makes_a_breach_and_on_nothing_else() -> None:
    ids = {
        breach_id(
            ObjectRef(bucket=bucket, key=key, version_id=version),
            device_id=device,
            metric=metric,
            severity=severity,
            bound=bound,
        )
        for bucket, key, version, device, metric in [
            ("b", "k", "v", "d", "m"),
            ("c", "k", "v", "d", "m"),
            ("b", "l", "v", "d", "m"),
            ("b", "k", "w", "d", "m"),
            ("b", "k", "v", "e", "m"),
            ("b", "k", "v", "d", "n"),
            ("b", "kv", "", "d", "m"),
        ]
        for severity in get_args(Severity)
        for bound in get_args(Bound)
    }
    assert len(ids) == 28
    known = breach_id(SOURCE, device_id="boiler-7", metric="t", severity="warning", bound="above")
    assert known == "0e963b3521f39a021e79591765e02dc0"


@pytest.mark.parametrize(("file", "text"), generate.files().items())
def test_the_schemas_are_those_of_the_classes(file: str, text: str) -> None:
    assert (generate.HERE / file).read_text() == text, "run python -m docs.events.generate"


# A detail of each version that was ever deployed: archived events are replayed weeks later.
EARLIER = [
    (ThresholdBreached, {name: value for name, value in BREACHED.to_detail().items() if name != "uploaded_at"}),
    (ThresholdBreached, {name: value for name, value in BREACHED.to_detail().items() if name != "tags"}),
    (ReadingsRejected, {name: value for name, value in REJECTED.to_detail().items() if name != "values_rejected"}),
]


@pytest.mark.parametrize(
    ("event", "detail"), EARLIER, ids=["before uploaded_at", "before tags", "before values_rejected"]
)
def test_an_event_of_an_earlier_version_still_validates_and_reads(
    event: type[ThresholdBreached | ReadingsRejected], detail: dict[str, Any]
) -> None:
    sent = json.loads(json.dumps(detail))
    jsonschema.validate(sent, generate.schema(event))
    assert event.from_detail(sent) in (BREACHED, REJECTED)
