"""A source that opens more than a bound of new alerts in an hour: one e-mail about it, and nothing is forgotten."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import ALERTS, MINUTE, NOON, SWEEP, Function, World, breach, event

KEY = "incoming/gateway-9/forged.json"
HOUR = "2026-11-22T12Z"


@pytest.fixture
def narrow(make_world: Callable[..., World]) -> World:
    """A world of four e-mails a minute, one of them for a single source, and two new alerts that may wait."""
    world = make_world(EMAILS_PER_MINUTE=4, NEW_ALERTS_PER_HOUR=2)
    drain(world)
    return world


def drain(world: World) -> None:
    """Spend the minute's budget on somebody else, so that what comes next must wait."""
    function = world.function()
    for number in range(4):
        function(event(breach(75, device=f"spent-{number}-{world.clock.now:%H}", at=world.clock.now)))
    assert world.kinds() == ["opened"] * 4


def forged(number: int, value: float = 75, *, uploaded: bool = True, **others: Any) -> dict[str, Any]:
    seen = breach(value, device=f"forged-{number}", key=KEY, **others)
    return event(replace(seen, uploaded_at=timestamp(NOON) if uploaded else None))


def flooded(world: World, *, alerts: int = 4) -> Function:
    """A function that has opened more alerts of the source than may wait."""
    function = world.function()
    for number in range(alerts):
        function(forged(number))
    return function


def counter(world: World) -> int:
    item = world.dynamodb.get_item(TableName=ALERTS, Key={"alert_key": {"S": f"opened#gateway-9#{HOUR}"}}).get("Item")
    return int(item["opened"]["N"]) if item else 0


def test_the_mail_names_the_source_the_bound_and_what_to_do(narrow: World) -> None:
    flooded(narrow, alerts=40)
    assert narrow.kinds() == []
    narrow.settle()
    mails = {mail["kind"]: mail for mail in narrow.new_mails()}
    assert mails.keys() == {"flood", "digest"}
    flood = mails["flood"]
    assert flood["subject"] == "[FLOOD] gateway-9 more than 2 new alerts in an hour"
    assert flood["attributes"] == {"kind": "flood", "severity": "critical", "device_id": "gateway-9", "metric": "-"}
    assert "forged-2 temperature" in flood["body"]
    assert "sensorctl alerts --open" in flood["body"]
    assert mails["digest"]["subject"].startswith("[DIGEST] 2 alerts")
    (item,) = narrow.items("flood")
    assert "work" not in item
    assert "expires_at" in item
    alerts = narrow.items("alert")
    assert Counter(alert["status"]["S"] for alert in alerts) == {"open": 44}
    assert Counter(len(alert["outbox"]["L"]) for alert in alerts) == {1: 4 + 2, 0: 38}


def test_copies_and_redeliveries_of_an_event_count_once(narrow: World) -> None:
    function = narrow.function()
    for number in (0, 0, 1, 1, 0, 1):
        function(forged(number))
    assert counter(narrow) == 2
    assert not narrow.items("flood")


def test_what_the_budget_takes_at_once_is_not_counted(narrow: World) -> None:
    narrow.clock.forward(minutes=1)
    flooded(narrow, alerts=1)
    assert narrow.kinds() == ["opened"]
    assert counter(narrow) == 0


def test_another_source_is_not_counted_with_it_and_another_hour_begins_anew(narrow: World) -> None:
    function = flooded(narrow)
    function(event(breach(75, device="boiler-7")))
    function(event(replace(breach(75, device="forged-9", key=KEY), uploaded_at=timestamp(NOON - 61 * MINUTE))))
    (boiler, late) = (item for item in narrow.items("alert") if item["device_id"]["S"] in {"boiler-7", "forged-9"})
    assert [len(item["outbox"]["L"]) for item in (boiler, late)] == [1, 1]


def test_what_is_handled_hours_after_its_upload_belongs_to_the_flood_of_that_hour(narrow: World) -> None:
    flooded(narrow)
    narrow.settle()
    narrow.new_mails()
    narrow.clock.forward(hours=3)
    drain(narrow)
    narrow.function()(forged(9))
    narrow.settle()
    assert narrow.kinds() == []


@pytest.mark.parametrize("mailed", [True, False])
def test_an_alert_that_nobody_knows_of_ends_without_a_word_and_others_go_on(narrow: World, mailed: bool) -> None:
    function = flooded(narrow)
    narrow.settle()
    narrow.new_mails()
    narrow.store(f"forged-{0 if mailed else 3}", 50, at=narrow.clock.now)
    narrow.clock.forward(minutes=1)
    function(SWEEP)
    assert narrow.kinds() == (["resolved"] if mailed else [])
    assert len(narrow.ended()) == 1


def test_an_alert_that_nobody_knows_of_is_mailed_when_it_gets_worse_or_a_reminder_is_due(narrow: World) -> None:
    function = flooded(narrow)
    narrow.settle()
    narrow.new_mails()
    function(forged(2, 99, at=NOON + MINUTE))
    (mail,) = narrow.new_mails()
    assert mail["subject"] == "[CRITICAL] forged-2 temperature 99 Cel above 85, was warning"
    narrow.clock.forward(hours=4)
    narrow.settle()
    reminded = narrow.new_mails()
    assert any("forged-3 temperature" in mail["subject"] + mail["body"] for mail in reminded)
    assert not [item for item in narrow.items("alert") if "flood" in item["alert"]["M"]], "all are known by now"


def test_what_gets_worse_beyond_the_bound_counts_like_a_new_one(narrow: World) -> None:
    flooded(narrow)(forged(3, 99, at=NOON))
    narrow.settle()
    mails = narrow.new_mails()
    assert sorted(mail["kind"] for mail in mails) == ["digest", "flood"]
    assert not any("forged-3" in mail["body"] for mail in mails)


def test_the_mail_does_not_wait_for_its_sources_share_and_is_in_no_digest(narrow: World) -> None:
    function = flooded(narrow)
    narrow.clock.forward(minutes=1)
    for number in range(20, 24):  # the source spends its share of the new minute before the sweep looks
        function(forged(number, uploaded=False))
    narrow.new_mails()
    narrow.clock.forward(seconds=1)
    function(SWEEP)
    assert narrow.kinds() == ["digest", "flood"]


def test_a_process_counts_no_further_once_the_flood_is_mailed(narrow: World) -> None:
    function = flooded(narrow)
    before = len(function.calls)
    function(forged(4))
    assert function.calls[before:] == ["GetItem", "PutItem"]
    assert counter(narrow) == 3
