"""Any accepted reading, at any accepted time, leaves its device's alerts able to open and to end, and all others."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proof import inbox
from proof.faults import Plan, Schedule
from proof.pipeline import Upload
from proof.play import play
from proof.scenarios import Scenario
from proof.wire import Clients
from proof.world import START

# DynamoDB's numbers reach 9.99E+125; a stamp may be up to a day ahead of its upload.
_values = st.floats(min_value=-9.9e125, max_value=9.9e125, allow_nan=False).filter(lambda value: abs(value) >= 1e-130)
_stamps = st.datetimes(max_value=(START + timedelta(hours=23)).replace(tzinfo=None)).map(
    lambda at: f"{at.year:04}-{at:%m-%dT%H:%M:%S.%f}Z"
)


def _line(device: str, timestamp: str, value: float) -> bytes:
    return json.dumps({"device_id": device, "timestamp": timestamp, "metrics": {"temperature": value}}).encode()


def _soon(after_s: float) -> str:
    return (START + timedelta(seconds=after_s)).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _upload(after_s: float, *lines: bytes) -> Upload:
    return Upload(key=f"incoming/line/{after_s:.0f}.ndjson", body=b"\n".join(lines) + b"\n", after_s=after_s)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stamps=st.lists(_stamps, min_size=1, max_size=3), values=st.lists(_values, min_size=3, max_size=3))
@example(stamps=["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"], values=[120.0, 120.0, 0.0])
@example(stamps=[_soon(290)], values=[20.0, 0.0, 0.0])
@example(stamps=[_soon(23 * 3600)], values=[9.9e125, 0.0, 0.0])
def test_every_alert_still_opens_and_ends(clients: Clients, stamps: list[str], values: list[float]) -> None:
    strange = [_line("boiler-7", stamp, value) for stamp, value in zip(stamps, values, strict=False)]
    both = ("boiler-7", "press-1")
    scenario = Scenario(
        name="any-reading",
        title="whatever a device says, then a critical reading and a clear one of it and of another",
        uploads=(
            _upload(0, *strange),
            _upload(70, *(_line(device, _soon(69), 92.4) for device in both)),
            _upload(200, *(_line(device, _soon(199), 50.0) for device in both)),
        ),
    )

    world = play(scenario, Schedule(plan=Plan()), clients=clients)

    assert [delivery.failed for delivery in world.deliveries if delivery.failed] == []
    for device in both:
        said: list[Any] = [told for mail in world.mails for told in inbox.told(mail) if told.device == device]
        assert any(told.opens and told.gravity == 2 for told in said), (device, said)
        assert said[-1].label == "RESOLVED", (device, said)
