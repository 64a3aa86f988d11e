"""Devices behind a gateway: when it is cut off that is one e-mail, and who is silent by itself is told by itself."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from lambdas.alert import silences
from lambdas.shared.keys import registry_partition
from lambdas.shared.times import timestamp
from tests.faults.sample import some
from tests.faults.scenarios import story, thresholds
from tests.faults.schedule import Plan, Schedule
from tests.faults.world.clients import Clients
from tests.faults.world.functions import Functions, Variant
from tests.faults.world.wire import Wire
from tests.faults.world.world import World

NOON = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
MINUTE = timedelta(minutes=1)
SWEEP = {"sweep": True}
PRESSES = [f"press-{number}" for number in range(7)]
BEHIND = {"press-*": "gateway-3"}


class Hall:
    """Presses behind a gateway; time goes on by ticks of a minute, each with an upload of those that report.

    `told` are the e-mails, each with its minute after noon.
    """

    def __init__(
        self, clients: Clients, *, behind: dict[str, str] | None = None, schedule: Schedule | None = None
    ) -> None:
        document = thresholds(silent_after={"*": "15m"}, behind=behind or BEHIND)
        self.world = World(story("hall", "presses behind a gateway", thresholds=document))
        self.world.clock.now = NOON
        self.reporting = set(PRESSES)
        self.told: list[tuple[int, str]] = []
        self._clients = clients
        self._schedule = schedule or Schedule(plan=Plan())
        self.restart()

    def restart(self) -> None:
        """Put new processes in place of the present ones."""
        self._functions = Functions(self.world, Wire(self.world, self._schedule), self._clients, variant=Variant())

    def register(self, device: str, at: datetime) -> None:
        """Write what ingest registers."""
        self._put(registry_partition(device), device, source={"S": "gateway-3"}, uploaded_at={"S": timestamp(at)})

    def store(self, device: str, at: datetime) -> None:
        """Write a reading."""
        self._put(device, f"{timestamp(at)}#{'0' * 16}", uploaded_at={"S": timestamp(at)})

    def _put(self, device_id: str, reading_id: str, **attributes: Any) -> None:
        self.world.readings.put({"device_id": {"S": device_id}, "reading_id": {"S": reading_id}, **attributes})

    def until(self, minute: int) -> None:
        """Go on to that minute after noon."""
        start = int((self.world.clock.now - NOON) / MINUTE)
        for tick in range(start + 1, minute + 1):
            self.world.clock.until(NOON + tick * MINUTE)
            for device in self.reporting:
                self.register(device, self.world.clock.now)
                self.store(device, self.world.clock.now)
            self.sweep()

    def sweep(self) -> None:
        """Sweep, and take note of what is mailed."""
        minute, mailed = int((self.world.clock.now - NOON) / MINUTE), len(self.world.mails)
        with redirect_stdout(io.StringIO()):
            ((_, failed),) = self._functions.run([("alert", SWEEP)])
        assert failed is None or self._schedule.faults
        self.told += [(minute, mail.subject.removeprefix("[dev] ")) for mail in self.world.mails[mailed:]]


@pytest.fixture
def hall(clients: Clients) -> Hall:
    hall = Hall(clients)
    hall.until(2)
    return hall


def test_a_gateway_that_is_cut_off_is_one_mail_and_its_return_another(hall: Hall) -> None:
    hall.reporting.clear()
    hall.until(40)
    hall.reporting |= set(PRESSES)
    hall.until(60)
    assert hall.told == [
        (17, "[SILENT] gateway-3 no reading for 15 minutes, nor of 7 behind it"),
        (41, "[BACK] gateway-3 reports again after 39 minutes"),
    ]


def test_its_mail_names_the_first_devices_behind_it(hall: Hall) -> None:
    hall.reporting.clear()
    hall.until(18)
    (mail,) = hall.world.mails
    assert "press-0, press-1, press-2, press-3, press-4 and 2 more" in mail.body


def test_a_device_that_is_silent_while_its_gateway_lives_is_told_by_itself(hall: Hall) -> None:
    hall.reporting.remove("press-4")
    hall.until(30)
    hall.reporting.add("press-4")
    hall.until(40)
    assert hall.told == [
        (18, "[SILENT] press-4 no reading for 16 minutes"),
        (31, "[BACK] press-4 reports again after 29 minutes"),
    ]


@pytest.mark.parametrize("away", [11, 14, 17, 60, 26 * 60])
def test_after_a_return_each_device_has_its_whole_limit_to_follow(hall: Hall, away: int) -> None:
    """Also where the gateway was away for less than its own limit, and where it was for days."""
    hall.reporting.clear()
    back = 2 + away
    hall.until(min(back, 40))
    hall.world.clock.until(NOON + back * MINUTE)
    hall.told.clear()
    hall.reporting.add("press-0")
    hall.until(back + 10)
    hall.reporting |= set(PRESSES) - {"press-6"}
    hall.until(back + 40)
    alone = [(minute, subject) for minute, subject in hall.told if "gateway-3" not in subject]
    assert [(minute, subject.split()[1]) for minute, subject in alone] == [(back + 17, "press-6")]


def test_passes_that_take_several_ticks_and_new_processes_change_nothing(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silences, "NAMES_A_TICK", 1)
    monkeypatch.setattr("lambdas.alert.adapters.registry._NAMES", 4)
    hall = Hall(clients)
    for tick in range(1, 80):
        hall.restart()
        if tick == 5:
            hall.reporting.clear()
        elif tick == 40:
            hall.reporting = set(PRESSES) - {"press-2"}
        hall.until(tick)
    subjects = [subject.split()[:2] for _, subject in hall.told]
    assert subjects == [["[SILENT]", "gateway-3"], ["[BACK]", "gateway-3"], ["[SILENT]", "press-2"]]


def test_a_sign_of_life_that_only_the_readings_know_of_keeps_a_gateway_from_being_called_silent(
    clients: Clients,
) -> None:
    """Old deliveries have put earlier uploads into the registry."""
    hall = Hall(clients)
    for press in PRESSES:
        hall.register(press, NOON - timedelta(hours=3))
        hall.store(press, NOON - timedelta(hours=3))
    hall.store("press-5", NOON - MINUTE)
    hall.sweep()
    # The gateway lives, so that those behind it that say nothing are silent by themselves.
    assert {subject.split()[1] for _, subject in hall.told} == set(PRESSES) - {"press-5"}


def test_gateways_behind_a_gateway_that_is_cut_off_are_in_its_mail(clients: Clients) -> None:
    hall = Hall(clients, behind={**BEHIND, "gateway-*": "uplink"})
    hall.until(2)
    hall.reporting.clear()
    hall.until(40)
    hall.reporting |= set(PRESSES)
    hall.until(60)
    assert [subject.split(" ", 2)[:2] for _, subject in hall.told] == [["[SILENT]", "uplink"], ["[BACK]", "uplink"]]


def test_a_gateway_that_is_none_any_more_is_forgotten_and_its_devices_judged_by_the_clock(clients: Clients) -> None:
    hall = Hall(clients)
    hall.until(2)
    hall.reporting.clear()
    hall.until(14)
    without = thresholds(silent_after={"*": "15m"})
    hall.world.scenario = replace(hall.world.scenario, changes=((0.0, without),))
    hall.until(22)
    assert {subject.split()[1] for _, subject in hall.told} == set(PRESSES)
    assert "work" not in hall.world.alerts.rows["silent#device#gateway-3",]


def _story(clients: Clients, schedule: Schedule) -> Hall:
    """Return a hall that has been quiet, cut off, and back, in a few ticks."""
    hall = Hall(clients, schedule=schedule)
    for press in PRESSES:
        hall.register(press, NOON - 12 * MINUTE)
        hall.store(press, NOON - 12 * MINUTE)
    hall.reporting.clear()
    hall.sweep()
    hall.world.clock.until(NOON + 4 * MINUTE)
    hall.until(6)
    hall.reporting |= set(PRESSES)
    hall.until(9)
    return hall


def test_wherever_a_sweep_dies_a_cut_is_mailed_once_and_so_is_the_return(clients: Clients) -> None:
    smooth = _story(clients, Schedule(plan=Plan()))
    wanted = [subject.split()[:2] for _, subject in smooth.told]
    assert wanted == [["[SILENT]", "gateway-3"], ["[BACK]", "gateway-3"]]
    calls = [call.operation for call in smooth.world.calls]
    deaths = product(range(1, len(calls) + 1), ("crash-before", "crash-after"))
    for number, kind in some(deaths, 14):
        hall = _story(clients, Schedule(plan=Plan(), faults=((number, kind),)))
        told = [subject.split()[:2] for _, subject in hall.told]
        # What dies between SNS accepting an e-mail and its mark may send it again.
        may_repeat = calls[number - (2 if kind == "crash-before" else 1)] == "Publish"
        assert sorted(set(map(tuple, told))) == sorted(map(tuple, wanted)), (number, kind)
        assert len(told) <= 2 + may_repeat, (number, kind)
