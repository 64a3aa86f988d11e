"""Mutes in the function: read from the table and the thresholds, obeyed by events and by the sweep."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.adapters.ledger import UnreadableError
from lambdas.alert.adapters.mute_list import MuteList, item_of
from lambdas.alert.domain.mutes import Mute, Mutes, OneOffMutes
from lambdas.shared.thresholds.recurring_mutes import RecurringMute
from sensorctl.alerts import by_hand
from tests.unit.alert.alert_kit import ALERTS, HOUR, MINUTE, NOON, SWEEP, THRESHOLDS, World, breach, event


def one_off(devices: str = "boiler-*", *, until: datetime = NOON + HOUR, **others: Any) -> Mute:
    known = {"mute_id": "a1", "begin": NOON - MINUTE, "by": "arn:aws:iam::1:user/ada", "why": "belt change"}
    return Mute(**{**known, "devices": devices, "until": until, **others})


def put(world: World, *mutes: Mute) -> None:
    world.dynamodb.put_item(TableName=ALERTS, Item=item_of(MuteList(version=1, mutes=mutes)))


def sweep_at(world: World, at: datetime) -> None:
    world.clock.now = at
    world.function()(SWEEP)


def test_a_breach_under_a_mute_opens_its_alert_and_is_mailed_once_after_it(world: World) -> None:
    put(world, one_off())
    counts = world.function()(event(breach()))
    assert (counts["opened"], counts.get("emails_sent", 0)) == (1, 0)
    assert [item["status"]["S"] for item in world.items("alert")] == ["open"]
    sweep_at(world, NOON + 59 * MINUTE)
    assert world.new_mails() == []
    sweep_at(world, NOON + HOUR)
    (mail,) = world.new_mails()
    assert mail["subject"] == "[CRITICAL] boiler-7 temperature 92.4 Cel above 85"
    assert "its e-mails were withheld from 2026-11-22 12:00:00 UTC until now" in " ".join(mail["body"].split())
    sweep_at(world, NOON + HOUR + MINUTE)
    assert world.new_mails() == []


def test_a_mute_that_is_ended_or_lengthened_counts_from_the_next_sweep_on(world: World) -> None:
    put(world, one_off())
    world.function()(event(breach()))
    put(world, one_off(until=NOON + 2 * HOUR))
    sweep_at(world, NOON + 90 * MINUTE)
    assert world.kinds() == []
    put(world)
    sweep_at(world, NOON + 91 * MINUTE)
    assert world.kinds() == ["opened"]


def test_the_end_of_an_alert_that_was_mailed_waits_in_the_ledger_for_the_end_of_the_mute(world: World) -> None:
    world.function()(event(breach()))
    assert world.kinds() == ["opened"]
    world.store("boiler-7", 20, at=NOON + MINUTE)
    put(world, one_off())
    sweep_at(world, NOON + 2 * MINUTE)
    sweep_at(world, NOON + 3 * MINUTE)
    assert (world.kinds(), world.statuses()) == ([], {"SENT": 1, "MUTED": 1})
    assert world.ended() == {"boiler-7"}
    for minute in (60, 61):
        sweep_at(world, NOON + minute * MINUTE)
    assert (world.kinds(), world.statuses()) == (["resolved"], {"SENT": 2})
    assert "work" not in world.items("alert")[0]


@pytest.mark.parametrize("known", [True, False])
def test_an_alert_that_a_person_closes_under_a_mute_is_told_at_once_if_people_know_of_it(
    world: World, known: bool
) -> None:
    if not known:
        put(world, one_off())
    world.function()(event(breach()))
    put(world, one_off())
    (running,) = by_hand.running(world.dynamodb, table=ALERTS, now=NOON)
    closed = by_hand.close(
        world.dynamodb, table=ALERTS, entry=running, by="ada", why="sensor replaced", now=NOON + MINUTE
    )
    assert closed
    assert world.ended() == {"boiler-7"}
    world.kinds()
    sweep_at(world, NOON + 2 * MINUTE)
    assert world.kinds() == (["resolved"] if known else [])
    sweep_at(world, NOON + HOUR)
    assert world.kinds() == []


def test_silence_is_muted_by_a_mute_of_all_metrics_and_mailed_once_after_it(world: World) -> None:
    world.register("boiler-7")
    world.store("boiler-7", 20, at=NOON)
    put(world, one_off())
    sweep_at(world, NOON + 20 * MINUTE)
    assert world.kinds() == []
    for minute in (60, 61):
        sweep_at(world, NOON + minute * MINUTE)
    (mail,) = world.new_mails()
    assert mail["subject"] == "[SILENT] boiler-7 no reading for 1 hour"
    put(world, one_off(begin=NOON + HOUR, until=NOON + 2 * HOUR))
    world.store("boiler-7", 20, at=NOON + 70 * MINUTE)
    sweep_at(world, NOON + 71 * MINUTE)
    assert (world.kinds(), world.items("silence")[0]["status"]["S"]) == ([], "reporting")
    for minute in (120, 121):
        world.store("boiler-7", 20, at=NOON + minute * MINUTE)
        sweep_at(world, NOON + minute * MINUTE)
    assert world.kinds() == ["back"]


def test_a_silence_that_is_over_before_its_mute_is_never_mailed(world: World) -> None:
    world.register("boiler-7")
    world.store("boiler-7", 20, at=NOON)
    put(world, one_off())
    sweep_at(world, NOON + 20 * MINUTE)
    world.store("boiler-7", 20, at=NOON + 25 * MINUTE)
    sweep_at(world, NOON + 26 * MINUTE)
    world.store("boiler-7", 20, at=NOON + HOUR)
    sweep_at(world, NOON + HOUR)
    assert world.kinds() == []


def test_what_waits_for_a_digest_when_a_mute_begins_goes_out_as_planned(make_world: Callable[..., World]) -> None:
    world = make_world(EMAILS_PER_MINUTE=1)
    function = world.function()
    function(event(breach(device="boiler-1")))
    function(event(breach(device="boiler-2")))
    put(world, one_off())
    sweep_at(world, NOON + MINUTE)
    assert world.kinds() == ["opened", "opened"]


def test_a_mute_in_the_thresholds_is_obeyed_and_one_without_times_always(world: World) -> None:
    evening = {"times": [{"start_time": "11:00", "end_time": "13:00"}]}
    entries = [
        {"name": "lunch", "devices": "boiler-*", "metric": "temperature", "time_intervals": [evening]},
        {"name": "old", "devices": "pump-9"},
    ]
    world.set_thresholds({**THRESHOLDS, "mutes": entries})
    function = world.function()
    function(event(breach()))
    function(event(breach(device="pump-9")))
    assert world.kinds() == []
    sweep_at(world, NOON + HOUR)
    assert [mail["attributes"]["device_id"] for mail in world.new_mails()] == ["boiler-7"]
    sweep_at(world, NOON + 50 * HOUR)
    assert {mail["attributes"]["device_id"] for mail in world.new_mails()} == {"boiler-7"}


def test_mutes_that_cannot_be_read_mute_nothing_and_ring_once_an_hour(world: World) -> None:
    put(world, one_off())
    world.put(ALERTS, **{**item_of(MuteList(version=1, mutes=(one_off("pump-*"),))), "version": {"N": "1"}})
    item = item_of(MuteList(version=1, mutes=(one_off("pump-*"), one_off())))
    item["mutes"]["L"][1]["M"]["until"] = {"S": "tomorrow"}
    world.dynamodb.put_item(TableName=ALERTS, Item=item)
    function = world.function()
    function(event(breach()))
    function(event(breach(device="pump-1")))
    assert [mail["attributes"]["device_id"] for mail in world.new_mails()] == ["boiler-7"]
    with pytest.raises(UnreadableError, match="1 of the mutes in the alerts table cannot be read, and mute nothing"):
        function(SWEEP)
    function(SWEEP)
    world.put(ALERTS, alert_key="mutes", version="one")
    other = world.function()
    other(event(breach(device="pump-2")))
    assert world.kinds() == ["opened"]


def test_an_event_is_judged_by_mutes_that_are_ten_seconds_old_at_most(world: World) -> None:
    function = world.function()
    function(event(breach(device="pump-1")))
    put(world, one_off())
    world.clock.forward(seconds=9)
    function(event(breach(device="boiler-1")))
    world.clock.forward(seconds=1)
    function(event(breach(device="boiler-2")))
    assert [mail["attributes"]["device_id"] for mail in world.new_mails()] == ["pump-1", "boiler-1"]


def test_whom_a_mute_concerns_and_until_when() -> None:
    mutes = Mutes(
        one_off=OneOffMutes(
            [
                one_off("boiler-7", mute_id="exact", until=NOON + MINUTE),
                one_off("boiler-*", mute_id="glob", metric="temperature"),
                one_off("*", mute_id="later", begin=NOON + HOUR, until=NOON + 2 * HOUR),
            ]
        ),
        recurring=(RecurringMute(name="always", devices="pump-?", source="mutes[0]"),),
    )

    def muting(device: str, metric: str | None, *, now: datetime = NOON) -> tuple[str, datetime | None] | None:
        found = mutes.muting(device, metric, now=now)
        return (found.name, found.until) if found is not None else None

    assert muting("boiler-7", "temperature") == ("glob", NOON + HOUR)
    assert muting("boiler-7", "humidity") == ("exact", NOON + MINUTE)
    assert muting("boiler-7", None) == ("exact", NOON + MINUTE)
    assert muting("boiler-7", None, now=NOON + MINUTE) is None
    assert muting("boiler-8", None) is None
    assert muting("pump-1", None) == ("always", None)
    assert muting("pump-10", None) is None
    assert muting("fan", "speed", now=NOON - timedelta(hours=1)) is None
    assert muting("fan", "speed", now=NOON + HOUR) == ("later", NOON + 2 * HOUR)
