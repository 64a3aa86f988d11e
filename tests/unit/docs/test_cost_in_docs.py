"""The figures of docs/cost.md and docs/scale.md are what the model computes."""

import re
from pathlib import Path

import pytest

from bench.scale import loads
from sensorctl.cost import IDLE, Fleet, bill, total

ROOT = Path(__file__).parents[3]
COST = (ROOT / "docs" / "cost.md").read_text()
SCALE = (ROOT / "docs" / "scale.md").read_text()
SERVICES = ("S3", "Lambda", "DynamoDB", "X-Ray", "CloudWatch")


def row(name: str) -> list[str]:
    """Return the figures of a row of docs/cost.md."""
    (line,) = re.findall(rf"^\| \**{re.escape(name)}\** \|(.*)\|$", COST, re.MULTILINE)
    return [cell.strip(" *$") for cell in line.split("|")]


@pytest.mark.parametrize(("place", "batch"), [(0, 1), (1, 60)])
def test_a_thousand_devices_cost_what_the_page_says(place: int, batch: int) -> None:
    fleet = Fleet(devices=1_000, every_s=60, readings_per_object=batch)
    lines = bill(fleet)
    for service in SERVICES:
        assert row(service)[place] == f"{sum(line.dollars for line in lines if line.service == service):,.0f}", service
    others = sum(line.dollars for line in lines if line.service not in SERVICES)
    assert row("EventBridge, SNS, KMS")[place] == f"{others:,.0f}"
    assert row("all, a month")[place] == f"{total(lines):,.0f}"
    assert row("a million readings")[place] == f"{total(lines) / fleet.readings * 1e6:,.2f}"


def test_an_idle_stack_costs_what_the_page_says() -> None:
    assert f"An idle stack costs **${total(bill(IDLE)):.2f}** a month" in COST


def test_the_fleets_of_every_size_cost_what_the_page_says() -> None:
    stated = re.findall(r"^\| ([\d,]+) \|(?:[^|]*\|){5} ([\d,]+) \|[^|]*\|$", SCALE, re.MULTILINE)
    computed = {
        (f"{fleet.devices:,}", f"{load.dollars:,.0f}")
        for fleet, load in loads()
        if fleet.readings_per_object == 1 or fleet.devices >= 10_000
    }
    assert set(stated) == computed
