from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.ingest.adapters.event_bus import EventBus, EventsNotSentError
from lambdas.shared.backoff import OutOfTimeError
from lambdas.shared.clients import client
from lambdas.shared.events import ObjectRef, ReadingsRejected, RejectExample, ThresholdBreached
from tests.unit.ingest.ingest_world import BUS, Clock, World, refusal

SOURCE = ObjectRef(bucket="landing-zone", key="incoming/a b.json", version_id="v1")


def breach(number: int, *, key: str = "incoming/a b.json") -> ThresholdBreached:
    return ThresholdBreached(
        breach_id=f"{number:032x}",
        device_id=f"boiler-{number}",
        metric="temperature",
        unit="Cel",
        severity="critical",
        bound="above",
        limit=85,
        value=92.4,
        count=1,
        first_at="2026-11-22T10:00:00.000000Z",
        last_at="2026-11-22T10:00:00.000000Z",
        object=ObjectRef(bucket="landing-zone", key=key, version_id="v1"),
        trace_id=None,
    )


class Watched:
    """A bus on moto; `outcome` is called with each call's entries and may name entries that fail, or raise."""

    def __init__(self) -> None:
        events = client("events")
        self.calls: list[list[dict[str, Any]]] = []
        events.meta.events.register("provide-client-params.events.PutEvents", self._before)
        events.meta.events.register("after-call.events.PutEvents", self._after)
        self.bus = EventBus(events, bus=BUS)

    def outcome(self, entries: list[dict[str, Any]]) -> list[int]:
        return []

    def devices(self) -> list[list[str]]:
        return [[json.loads(entry["Detail"])["device_id"] for entry in call] for call in self.calls]

    def _before(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        self.calls.append(params["Entries"])
        context["failed"] = self.outcome(params["Entries"])

    def _after(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        for place in context["failed"]:
            parsed["Entries"][place] = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        parsed["FailedEntryCount"] = len(context["failed"])


def test_an_event_arrives_whole(world: World) -> None:
    Watched().bus.send([breach(1)], backoff=Clock().backoff())
    (event,) = world.heard()
    assert (event["source"], event["detail-type"]) == ("sensors.ingest", "ThresholdBreached")
    assert event["resources"] == ["arn:aws:s3:::landing-zone/incoming/a b.json"]
    assert ThresholdBreached.from_detail(event["detail"]) == breach(1)


def test_rejected_readings_arrive_whole(world: World) -> None:
    rejected = ReadingsRejected(
        object=SOURCE,
        stored=3,
        rejected=1,
        reasons={"not_json": 1},
        examples=(RejectExample(position="line 2", reason="not_json", detail="Expecting value"),),
        quarantine_key="quarantine/incoming/a b.json/v1.ndjson",
        trace_id=None,
    )
    Watched().bus.send([rejected], backoff=Clock().backoff())
    (event,) = world.heard()
    assert ReadingsRejected.from_detail(event["detail"]) == rejected


def test_nothing_is_no_call(world: World) -> None:
    watched = Watched()
    watched.bus.send([], backoff=Clock().backoff())
    assert watched.calls == []


def test_events_go_ten_at_a_time_and_all_of_them(world: World) -> None:
    watched = Watched()
    watched.bus.send([breach(number) for number in range(23)], backoff=Clock().backoff())
    assert [len(call) for call in watched.calls] == [10, 10, 3]
    assert len(world.heard()) == 23


def test_a_call_stays_under_256_kb(world: World) -> None:
    watched = Watched()
    watched.bus.send([breach(number, key="k" * 40_000) for number in range(7)], backoff=Clock().backoff())
    assert [len(call) for call in watched.calls] == [3, 3, 1]


def test_only_failed_entries_are_sent_again(world: World) -> None:
    class Throttled(Watched):
        def outcome(self, entries: list[dict[str, Any]]) -> list[int]:
            return [0, 2] if len(self.calls) == 1 else []

    watched, clock = Throttled(), Clock()
    watched.bus.send([breach(number) for number in range(4)], backoff=clock.backoff())
    assert watched.devices() == [["boiler-0", "boiler-1", "boiler-2", "boiler-3"], ["boiler-0", "boiler-2"]]
    assert clock.waits == [0.1]


def test_what_never_gets_there_is_an_error_after_every_chunk_was_tried(world: World) -> None:
    class Stuck(Watched):
        def outcome(self, entries: list[dict[str, Any]]) -> list[int]:
            return [0] if "boiler-0" in entries[0]["Detail"] else []

    watched = Stuck()
    with pytest.raises(
        EventsNotSentError, match=r"1 events are not on the bus sensors \(ThrottlingException\) after 6"
    ):
        watched.bus.send([breach(number) for number in range(12)], backoff=Clock().backoff())
    assert watched.devices()[-1] == ["boiler-10", "boiler-11"]


def test_a_failing_call_does_not_silence_the_chunks_after_it(world: World) -> None:
    class Broken(Watched):
        def outcome(self, entries: list[dict[str, Any]]) -> list[int]:
            if "boiler-0" in entries[0]["Detail"]:
                raise refusal("PutEvents", "AccessDeniedException")
            return []

    watched = Broken()
    with pytest.raises(ClientError, match="AccessDenied"):
        watched.bus.send([breach(number) for number in range(12)], backoff=Clock().backoff())
    assert len(world.heard()) == 2


def test_near_the_deadline_it_raises(world: World) -> None:
    class Stuck(Watched):
        def outcome(self, entries: list[dict[str, Any]]) -> list[int]:
            return [0]

    with pytest.raises(OutOfTimeError, match="1 events are not on the bus sensors"):
        Stuck().bus.send([breach(1)], backoff=Clock(left_ms=3_050).backoff())


def test_events_carry_the_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    watched.bus.send([breach(1)], backoff=Clock().backoff())
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    watched.bus.send([breach(1)], backoff=Clock().backoff())
    assert "TraceHeader" not in watched.calls[0][0]
    assert watched.calls[1][0]["TraceHeader"].startswith("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=")
