from __future__ import annotations

import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from sensorctl.cost.command import cost
from sensorctl.cost.model import NAMES_SWEPT_A_MINUTE, Fleet, bill, total
from sensorctl.cost.savings import savings

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


def test_the_receipt_of_an_object_costs_one_write_unit_an_object() -> None:
    batched = replace(MANY, readings_per_object=100)

    assert dollars(MANY, "its receipt") == pytest.approx(MANY.objects * 0.625e-6)
    assert dollars(batched, "its receipt") == pytest.approx(dollars(MANY, "its receipt") / 100)


def test_more_readings_in_an_object_never_cost_more() -> None:
    bills = [total(bill(replace(MANY, readings_per_object=k))) for k in (1, 10, 100, 1000)]

    assert bills == sorted(bills, reverse=True)
    assert bills[0] > 2 * bills[1]


def test_each_environment_renews_a_devices_last_upload_at_a_third_of_what_it_may_be_silent() -> None:
    few = Fleet(devices=10, every_s=60)
    many = Fleet(devices=1_000_000, every_s=60)

    assert few.environments == 1
    assert few.registrations == pytest.approx(10 * 730 * 12)
    assert replace(few, silent_after_s=None).registrations == pytest.approx(10 * 730)
    assert many.environments == 503
    assert 59 * 730 < many.registrations / many.devices < 60 * 730
    assert 50 * 730 < replace(many, silent_after_s=None).registrations / many.devices < 60 * 730
    assert Fleet(devices=10, every_s=7200).registrations == pytest.approx(10 * 365)


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
    full = Fleet(devices=NAMES_SWEPT_A_MINUTE, every_s=60)

    assert dollars(replace(full, devices=10 * NAMES_SWEPT_A_MINUTE), "sweep") == pytest.approx(dollars(full, "sweep"))


def test_savings_are_bills_after_a_change_and_the_greatest_comes_first() -> None:
    found = savings(MANY)

    assert [saving.dollars for saving in found] == sorted(saving.dollars for saving in found)
    assert found[0].dollars < total(bill(MANY)) / 2
    assert [saving.change.partition(" (")[0] for saving in found[:2]] == [
        "open the front door",
        "put 10 times as many readings into an upload",
    ]
    assert all(saving.in_return for saving in found)


def test_the_front_door_makes_an_object_a_minute_however_many_devices_there_are() -> None:
    few, many = (Fleet(devices=devices, every_s=60, front_door=True) for devices in (100, 1_000))

    assert few.objects == many.objects == 730 * 60
    assert many.readings_in_object == pytest.approx(1_000)
    # 5 MB of readings of 150 bytes.
    assert Fleet(devices=1_000_000, every_s=60, front_door=True).readings_in_object == pytest.approx(5e6 / 150)
    assert Fleet(devices=1, every_s=3600, front_door=True).objects == pytest.approx(730), "never more than are sent"


def test_firehose_bills_each_record_as_a_multiple_of_5_kb() -> None:
    """As its pricing page does: 1,000,000 records of up to 5 KB are 4.77 GB."""
    million = Fleet(devices=1, every_s=730 * 3600 / 1e6, front_door=True)

    assert million.firehose_gb == pytest.approx(4.768, abs=0.001)
    assert dollars(million, "multiple of 5 KB") == pytest.approx(0.138, abs=0.001)
    assert replace(million, readings_per_object=34).firehose_gb == pytest.approx(4.768 / 34, abs=0.001)
    assert replace(million, readings_per_object=35).firehose_gb == pytest.approx(2 * 4.768 / 35, abs=0.001)


def test_a_fleet_is_cheaper_through_the_front_door_but_one_of_few_readings() -> None:
    assert total(bill(replace(MANY, front_door=True))) < total(bill(MANY)) / 6
    small = Fleet(devices=1, every_s=3600)
    assert total(bill(replace(small, front_door=True))) > total(bill(small))


def test_provisioned_writes_are_paid_by_capacity_that_is_used_to_seven_tenths() -> None:
    provisioned = replace(MANY, provisioned=True)

    assert dollars(provisioned, "a reading") == pytest.approx(MANY.readings / 3600 * 0.00065 / 0.7)
    assert dollars(provisioned, "read capacity") == pytest.approx(25 * 730 * 0.00013)


def test_the_command_says_first_what_makes_a_fleet_cheap_then_the_bill() -> None:
    shown = CliRunner().invoke(app, ["--devices", "1000", "--every", "1m"], env={"COLUMNS": "120"})

    assert shown.exit_code == 0
    assert "43,800,000 readings in 43,800,000 objects a month" in shown.output
    cheap, bill_begins = shown.output.index("front_door=firehose"), shown.output.index("uploads: one PUT")
    assert cheap < bill_begins
    assert "waits 2 min" in shown.output
    for service in ("S3", "Lambda", "DynamoDB", "EventBridge", "SNS", "X-Ray", "CloudWatch", "KMS"):
        assert service in shown.output


def test_the_lines_of_the_json_add_up() -> None:
    shown = CliRunner().invoke(app, ["--devices", "50", "--every", "10s", "--readings-per-object", "6", "--json"])

    found = json.loads(shown.output)
    assert sum(line["dollars"] for line in found["lines"]) == pytest.approx(found["dollars_a_month"], abs=0.01)
    assert found["prices"]["as_of"]
