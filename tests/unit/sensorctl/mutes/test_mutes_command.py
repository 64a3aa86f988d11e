"""`sensorctl mutes`, and how other commands show what is muted."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.alert.adapters.codec import size
from lambdas.alert.adapters.mute_list import KEY, MOST_MUTES, MuteList, item_of, list_of
from lambdas.alert.domain.mutes import Mute
from sensorctl.mutes import stored
from tests.unit.sensorctl.command_kit import DOCUMENT, PARAMETER, sensorctl
from tests.unit.sensorctl.pipeline_kit import keep, note, open_alert, whole_stage

BELT = ("--for", "3h", "--why", "belt change")


@pytest.fixture(autouse=True)
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with whole_stage(monkeypatch):
        yield


def listed() -> MuteList:
    dynamodb: Any = boto3.client("dynamodb")
    return list_of(dynamodb.get_item(TableName="alerts", Key=KEY).get("Item", {}))


def mute(number: int = 0, *, devices: str = "fan-*", ends_in: timedelta = timedelta(hours=1)) -> Mute:
    now = datetime.now(UTC)
    return Mute(mute_id=f"id{number}", devices=devices, begin=now, until=now + ends_in, by="ada", why="w")


def put(*mutes: Mute) -> None:
    boto3.client("dynamodb").put_item(TableName="alerts", Item=item_of(MuteList(version=7, mutes=mutes)))


def test_a_mute_is_added_with_who_and_why_and_says_what_it_concerns() -> None:
    note(open_alert("press-1"))
    note(open_alert("press-2"))
    note(open_alert("fan-1"))
    result = sensorctl("mutes", "add", "press-*", *BELT)
    (added,) = listed().mutes
    assert (result.code, f"Mute {added.mute_id}: press-*, all metrics and silence, until" in result.out) == (0, True)
    assert (
        f"It concerns 2 open alerts of 2 devices. To end it sooner: `sensorctl mutes end {added.mute_id}`" in result.out
    )
    assert (added.devices, added.metric, added.why) == ("press-*", None, "belt change")
    assert added.by.startswith("arn:aws:")
    assert added.until - added.begin == timedelta(hours=3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["press-*", "--why", "x"], "a mute needs an end: give --for 3h; one without an end is an entry of `mutes`"),
        (["press-*", "--for", "3h"], 'say what is being done, in 1 to 200 printable characters: --why "belt change"'),
        (["press-*", "--for", "3h", "--why", "x" * 201], "say what is being done"),
        (["press-*", "--for", "soon", "--why", "x"], "--for soon: give a whole number and"),
        (["press #1", *BELT], "'press #1' is no device id or pattern"),
        (["press-1", "--metric", "a b", *BELT], "--metric 'a b' is no metric's name"),
    ],
)
def test_what_is_no_mute_is_refused_in_a_sentence(arguments: list[str], says: str) -> None:
    result = sensorctl("mutes", "add", *arguments)
    assert (result.code, says in result.error) == (2, True), result.error
    assert listed() == MuteList()


def test_mutes_of_both_kinds_are_listed_with_what_they_hold_back() -> None:
    note(open_alert("press-1"))
    document = {**json.loads(DOCUMENT), "mutes": [{"name": "old fans", "devices": "fan-*"}]}
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value=json.dumps(document), Type="String", Overwrite=True)
    assert sensorctl("mutes", "add", "press-*", "--metric", "temperature", *BELT).code == 0
    lines = [json.loads(line) for line in sensorctl("mutes", "list", "--json").out.splitlines()]
    assert [(line["devices"], line["recurring"], line["state"], line["holds_back"]) for line in lines] == [
        ("press-*", False, "running", 1),
        ("fan-*", True, "running", 0),
    ]
    assert "no end" in sensorctl("mutes", "list").out


def test_a_mute_is_ended_once_somebody_agrees_and_the_recurring_ones_stay_where_they_are() -> None:
    note(open_alert("fan-1"))
    put(mute(1), mute(2, devices="pump"))
    asked = sensorctl("mutes", "end", "id1", answers="n\n")
    assert asked.code == 1
    assert "1 open alert of 1 device will be mailed about, where people have not heard of it. End it?" in asked.out
    assert len(listed().mutes) == 2
    ended = sensorctl("mutes", "end", "id1", "--yes")
    assert (ended.code, ended.out) == (0, "Ended: id1.\n")
    assert [kept.mute_id for kept in listed().mutes] == ["id2"]
    assert "there is no mute id1; `sensorctl mutes list`" in sensorctl("mutes", "end", "id1", "--yes").error


def test_mutes_that_have_ended_are_left_out_by_the_next_write() -> None:
    put(mute(1, ends_in=-timedelta(seconds=1)), mute(2))
    assert "id1" not in sensorctl("mutes", "list").out
    assert "there is no mute id1" in sensorctl("mutes", "end", "id1", "--yes").error
    assert sensorctl("mutes", "add", "press-*", *BELT).code == 0
    assert [kept.devices for kept in listed().mutes] == ["fan-*", "press-*"]


def test_a_list_that_somebody_else_changes_meanwhile_is_read_again() -> None:
    dynamodb = boto3.client("dynamodb")
    others = iter(range(3))

    def write_first(**_: Any) -> None:
        if (number := next(others, None)) is not None:
            put(*listed().mutes, mute(number))
            version = {"version": {"N": str(100 + number)}}
            boto3.client("dynamodb").put_item(TableName="alerts", Item={**item_of(listed()), **version})

    dynamodb.meta.events.register("before-call.dynamodb.PutItem", write_first)
    stored.add(dynamodb, table="alerts", mute=mute(9, devices="mine"), now=datetime.now(UTC))
    assert [kept.devices for kept in listed().mutes] == ["fan-*", "fan-*", "fan-*", "mine"]


def test_the_list_is_bounded_and_one_that_cannot_be_read_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert size(item_of(MuteList(version=7, mutes=tuple(map(mute, range(MOST_MUTES)))))) < stored._MOST_BYTES
    monkeypatch.setattr(stored, "MOST_MUTES", 10)
    put(*[mute(number) for number in range(10)])
    assert "there are 10 mutes, and one more does not fit" in sensorctl("mutes", "add", "press-*", *BELT).error
    boto3.client("dynamodb").put_item(TableName="alerts", Item={**KEY, "version": {"S": "x"}})
    refused = sensorctl("mutes", "add", "press-*", *BELT)
    assert "cannot be read, so it is not written over; delete it with `aws dynamodb delete-item" in refused.error
    assert "1 of the mutes cannot be read" in sensorctl("mutes", "list").out


def test_what_is_muted_is_marked_and_counted_and_never_hidden() -> None:
    now = datetime.now(UTC)
    keep("fan-1", now)
    note(open_alert("fan-1"))
    assert json.loads(sensorctl("alerts", "--json").out)["muted"] is None
    put(mute(1))
    assert "open (muted)" in sensorctl("alerts", "--open").out
    assert json.loads(sensorctl("alerts", "--json").out)["muted"]["name"] == "id1"
    checks = {line["name"]: line for line in map(json.loads, sensorctl("status", "--json").out.splitlines())}
    assert checks["mutes"]["level"] == "ok"
    assert checks["mutes"]["says"].startswith("1 in force (id1), holding back 1 open alert or silent device:")
    boto3.client("dynamodb").put_item(TableName="alerts", Item={**KEY, "version": {"S": "x"}})
    checks = {line["name"]: line for line in map(json.loads, sensorctl("status", "--json").out.splitlines())}
    assert checks["mutes"]["level"] == "attention"
