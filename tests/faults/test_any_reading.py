"""Any accepted reading, at any accepted time, leaves its device's alerts able to open and to end, and all others."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.faults.runs import play
from tests.faults.scenarios import story, upload
from tests.faults.schedule import Plan, Schedule
from tests.faults.world import inbox
from tests.faults.world.clients import Clients
from tests.faults.world.scenario import START

# DynamoDB's numbers reach 9.99E+125; a stamp may be up to a day ahead of its upload.
_values = st.floats(min_value=-9.9e125, max_value=9.9e125, allow_nan=False).filter(lambda value: abs(value) >= 1e-130)
_stamps = st.datetimes(max_value=(START + timedelta(hours=23)).replace(tzinfo=None)).map(
    lambda at: f"{at.year:04}-{at:%m-%dT%H:%M:%S.%f}Z"
)


def _reading(device: str, timestamp: str, value: float) -> dict[str, Any]:
    return {"device_id": device, "timestamp": timestamp, "metrics": {"temperature": value}}


def _soon(after_s: float) -> str:
    return (START + timedelta(seconds=after_s)).astimezone(UTC).isoformat().replace("+00:00", "Z")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stamps=st.lists(_stamps, min_size=1, max_size=3), values=st.lists(_values, min_size=3, max_size=3))
@example(stamps=["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"], values=[120.0, 120.0, 0.0])
@example(stamps=[_soon(290)], values=[20.0, 0.0, 0.0])
@example(stamps=[_soon(23 * 3600)], values=[9.9e125, 0.0, 0.0])
def test_every_alert_still_opens_and_ends(clients: Clients, stamps: list[str], values: list[float]) -> None:
    strange = [_reading("boiler-7", stamp, value) for stamp, value in zip(stamps, values, strict=False)]
    both = ("boiler-7", "press-1")
    scenario = story(
        "any-reading",
        "whatever a device says, then a critical reading and a clear one of it and of another",
        upload("line/0.ndjson", *strange),
        upload("line/70.ndjson", *(_reading(device, _soon(69), 92.4) for device in both), after_s=70),
        upload("line/200.ndjson", *(_reading(device, _soon(199), 50.0) for device in both), after_s=200),
    )

    world = play(scenario, Schedule(plan=Plan()), clients=clients)

    assert [delivery.failed for delivery in world.deliveries if delivery.failed] == []
    for device in both:
        lines = [line for mail in world.mails for line in inbox.headlines(mail) if line.device == device]
        assert any(line.opens and line.severity == 2 for line in lines), (device, lines)
        assert lines[-1].label == "RESOLVED", (device, lines)
