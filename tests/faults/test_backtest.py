"""A backtest sends what the functions send: the same fleet through both, with a sweep every minute."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.alert.mail.message import render
from lambdas.shared.thresholds.thresholds import Thresholds
from lambdas.shared.times import timestamp
from sensorctl.backtest.gateways import silences
from sensorctl.backtest.simulation import mails
from sensorctl.backtest.stored import StoredReadings
from tests.faults.runs import play
from tests.faults.sample import some
from tests.faults.scenarios import story, upload
from tests.faults.schedule import Plan, Schedule
from tests.faults.world.clients import Clients
from tests.faults.world.scenario import START, Upload
from tests.faults.world.world import World

MINUTES = 150
DEVICES = ("boiler-1", "boiler-2", "gateway-1", "press-1", "press-2")
DOCUMENT = json.dumps(
    {
        "version": 1,
        "metrics": {
            "temperature": {
                "unit": "Cel",
                "warning": {"above": 70, "below": 0},
                "critical": {"above": 85},
                "clear": {"below": 65, "above": 5},
                "valid": {"below": 125},
                "remind_every": "20m",
            },
            "vibration": {"warning": {"above": 7}, "for": "4m"},
        },
        "devices": {"boiler-2": {"vibration": {"warning": {"above": 6}, "clear": {"below": 5}}}},
        "silent_after": {"boiler-*": "11m", "press-*": "9m", "gateway-1": "12m"},
        "behind": {"press-*": "gateway-1"},
    }
)


def a_fleet(seed: int) -> list[Upload]:
    """Calm and trouble in turn; some readings are late, stamped ahead, in another unit, or of what no sensor measures.

    Those of an object are in the order of their times, in which the table keeps them.
    """
    rng = random.Random(seed)  # noqa: S311
    uploads = [
        upload(f"pulse/{minute}.json", _reading("pulse", minute * 60, {"beat": 1}), after_s=minute * 60 + 1)
        for minute in range(MINUTES)
    ]
    cut_off = range((begin := rng.randint(20, 40)), begin + rng.choice([10, 14, 30]))
    dead = rng.randint(90, 120)
    for minute in range(MINUTES):
        for device in DEVICES[2:]:
            if minute not in cut_off and (device != "press-2" or minute < dead) and rng.random() < 0.5:
                after_s = minute * 60 + 8
                reading = _reading(device, after_s, {"beat": 1})
                uploads.append(upload(f"{device}/{minute}.json", reading, after_s=after_s))
    for device in DEVICES[:2]:
        minute, trouble, number = 0, False, 0
        while minute < MINUTES:
            number += 1
            trouble ^= rng.random() < 0.2
            after_s = minute * 60 + rng.randint(5, 40)
            shift = rng.choice([0, 0, 0, 0, -120, -400, 90, 7_200])
            records = []
            for back in reversed(range(rng.choice([1, 1, 2, 3]))):
                temperature = rng.choice([72, 75, 90, -3, 128, 67] if trouble else [50, 40, 67, 60])
                metrics = {"temperature": temperature, "vibration": rng.choice([8, 6.5, 9] if trouble else [4, 5.5])}
                if rng.random() < 0.2:
                    metrics.pop(rng.choice(list(metrics)))
                reading = _reading(device, after_s + shift - 13 * back, metrics)
                if rng.random() < 0.1 and "temperature" in metrics:
                    reading |= {"units": {"temperature": rng.choice(["degF", "parsec"])}}
                records.append(reading)
            uploads.append(upload(f"{device}/{number}.ndjson", *records, after_s=after_s))
            minute += rng.choice([1, 1, 2, 3]) if rng.random() > 0.08 else 17
    return uploads


def _reading(device: str, after_s: float, metrics: dict[str, float]) -> dict[str, Any]:
    at = timestamp(START + timedelta(seconds=after_s))
    return {"device_id": device, "timestamp": at, "metrics": metrics}


class Table:
    """The readings table at the end, as a Query of one device pages through it."""

    def __init__(self, world: World) -> None:
        self._items = list(world.readings.rows.values())

    def get_paginator(self, _: str) -> Any:
        def paginate(**query: Any) -> list[dict[str, Any]]:
            device = query["ExpressionAttributeValues"][":device"]
            mine = [item for item in self._items if item["device_id"] == device]
            return [{"Items": sorted(mine, key=lambda item: item["reading_id"]["S"])}]

        return SimpleNamespace(paginate=paginate)


@pytest.mark.parametrize("seed", some(range(4), 1))
def test_the_backtest_of_a_fleet_is_what_the_functions_mail(clients: Clients, seed: int) -> None:
    scenario = story("fleet", "calm and trouble", *a_fleet(seed), thresholds=DOCUMENT)

    world = play(scenario, Schedule(plan=Plan()), clients=clients)

    mailed = sorted(
        (mail.at.replace(second=0, microsecond=0), mail.subject)
        for mail in world.mails
        if "[REJECTED]" not in mail.subject
    )
    stored = StoredReadings(Table(world), table="readings", since=START - timedelta(days=1))
    rules = Thresholds.parse(DOCUMENT)
    devices, until = list(stored.read(DEVICES)), world.clock.now
    simulated = [
        mail
        for device in devices
        for mail in mails(device.device_id, device.uploads, documents=[rules], until=until)[0]
    ]
    times = {device.device_id: [upload.at for upload in device.uploads] for device in devices}
    simulated += chain.from_iterable(silences(times, thresholds=rules, until=until).values())
    assert (
        sorted(
            (mail.at.replace(second=0, microsecond=0), render(mail.notice, stage="dev", region="us-east-1").subject)
            for mail in simulated
        )
        == mailed
    )
    assert {mail.notice.kind for mail in simulated} >= {"opened", "resolved", "silent", "back"}
