from __future__ import annotations

import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from sensorctl.commands.cost import cost
from sensorctl.cost import SWEPT_A_MINUTE, Fleet, bill, savings, seconds, total
from sensorctl.errors import UserError

MANY = Fleet(devices=10_000, every_s=60)
app = typer.Typer()
app.command()(cost)


def dollars(fleet: Fleet, what: str) -> float:
    return sum(line.dollars for line in bill(fleet) if what in line.what)


def test_a_million_single_readings_cost_what_the_lines_say() -> None:
    million = Fleet(devices=1, every_s=730 * 3600 / 1e6)

    assert million.objects == pytest.approx(1e6)
    assert dollars(million, "one PUT") == pytest.approx(5.00)
    assert dollars(million, "one GET") == pytest.approx(0.40)
    assert dollars(million, "a request an object") == pytest.approx(0.20)
    assert dollars(million, "a reading") == pytest.approx(0.625)


def test_the_note_of_an_object_costs_one_write_unit_an_object() -> None:
    batched = replace(MANY, readings_per_object=100)

    assert dollars(MANY, "note of it") == pytest.approx(MANY.objects * 0.625e-6)
    assert dollars(batched, "note of it") == pytest.approx(dollars(MANY, "note of it") / 100)


def test_more_readings_in_an_object_never_cost_more() -> None:
    bills = [total(bill(replace(MANY, readings_per_object=k))) for k in (1, 10, 100, 1000)]

    assert bills == sorted(bills, reverse=True)
    assert bills[0] > 2 * bills[1]


def test_a_device_is_named_once_an_hour_by_each_environment_that_its_objects_meet() -> None:
    few = Fleet(devices=10, every_s=60)
    many = Fleet(devices=1_000_000, every_s=60)

    assert few.environments == 1
    assert few.names == pytest.approx(10 * 730)
    assert many.environments == 503
    assert 50 * 730 < many.names / many.devices < 60 * 730
    assert Fleet(devices=10, every_s=7200).names == pytest.approx(10 * 365)


def test_an_object_emits_one_event_at_most() -> None:
    hot = replace(MANY, breaching=1.0, readings_per_object=50)

    assert hot.events == pytest.approx(hot.objects)
    assert replace(MANY, breaching=0).events == 0


def test_x_ray_records_one_trace_a_second_and_a_twentieth_of_the_rest() -> None:
    slow = Fleet(devices=1, every_s=60)
    fast = Fleet(devices=100, every_s=1)

    assert slow.traces == pytest.approx(slow.objects)
    assert fast.traces / (730 * 3600) == pytest.approx(1 + 0.05 * 99)
    assert replace(fast, traced=0.0).traces == 0


def test_the_sweep_costs_no_more_beyond_what_it_can_look_at_in_a_minute() -> None:
    full = Fleet(devices=SWEPT_A_MINUTE, every_s=60)

    assert dollars(replace(full, devices=10 * SWEPT_A_MINUTE), "sweep") == pytest.approx(dollars(full, "sweep"))


def test_savings_are_bills_after_a_change_and_the_greatest_comes_first() -> None:
    found = savings(MANY)

    assert [saving.dollars for saving in found] == sorted(saving.dollars for saving in found)
    assert found[0].dollars < total(bill(MANY)) / 2
    assert found[0].change == "put 10 times as many readings into an object"


@pytest.mark.parametrize(("text", "expected"), [("30s", 30), ("1m", 60), ("2h", 7200), ("1d", 86_400)])
def test_intervals_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "m", "0m", "1.5m", "-1m", "1w", "²m"])
def test_what_is_no_interval_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="--every"):
        seconds(text)


def test_the_command_prints_the_bill_and_what_would_halve_it() -> None:
    shown = CliRunner().invoke(app, ["--devices", "1000", "--every", "1m"], env={"COLUMNS": "120"})

    assert shown.exit_code == 0
    assert "43,800,000 readings in 43,800,000 objects a month" in shown.output
    assert "(halves it)" in shown.output
    for service in ("S3", "Lambda", "DynamoDB", "EventBridge", "SNS", "X-Ray", "CloudWatch", "KMS"):
        assert service in shown.output


def test_the_lines_of_the_json_add_up() -> None:
    shown = CliRunner().invoke(app, ["--devices", "50", "--every", "10s", "--readings-per-object", "6", "--json"])

    found = json.loads(shown.output)
    assert sum(line["dollars"] for line in found["lines"]) == pytest.approx(found["dollars_a_month"], abs=0.01)
    assert found["prices"]["as_of"]
