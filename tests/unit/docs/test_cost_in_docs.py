"""Every figure of the README's prices, of docs/cost.md and of docs/scale.md is what the model computes."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.scale import burst, loads, met, rates
from constructs_lib.reading_store import LEAST_READS, UTILISATION_PERCENT
from sensorctl.cost import model
from sensorctl.cost.model import IDLE, Fleet, bill, total
from sensorctl.cost.prices import US_EAST_1 as PRICES
from sensorctl.cost.savings import savings
from tests import ROOT

COST, SCALE, README, INPUTS = (
    (ROOT / path).read_text() for path in ("docs/cost.md", "docs/scale.md", "README.md", "docs/inputs.md")
)
THOUSAND = Fleet(devices=1_000, every_s=60)
FRONT_DOOR = replace(THOUSAND, front_door=True)
SERVICES = ("S3", "Lambda", "DynamoDB", "X-Ray", "CloudWatch", "Data Firehose")


def rows(page: str, heading: str) -> Iterator[list[str]]:
    """Yield the rows of the first table below a heading, each cell without its emphasis and its dollar."""
    table = page.partition(f"\n{heading}\n")[2].partition("\n|")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip(" *$") for cell in line.strip("|").split("|")]


def flat(page: str) -> str:
    """Return the page's text without its line breaks."""
    return " ".join(page.split())


def a_million(fleet: Fleet) -> float:
    return total(bill(fleet)) / fleet.readings * 1e6


def percent_less(fleet: Fleet, than: Fleet = THOUSAND) -> int:
    return round(100 * (1 - total(bill(fleet)) / total(bill(than))))


def of_service(fleet: Fleet, *services: str) -> float:
    return sum(line.dollars for line in bill(fleet) if line.service in services)


def batch(readings: int) -> Fleet:
    return replace(THOUSAND, readings_per_object=readings)


WAYS = {
    "one reading an object": (THOUSAND, "at once"),
    "3 readings an object": (batch(3), "up to 2 min late"),
    "10 readings an object": (batch(10), "up to 9 min late"),
    "60 readings an object": (batch(60), "up to 59 min late"),
    "through the front door": (FRONT_DOOR, "up to 1 min late"),
    "10 readings a record, through the front door": (replace(batch(10), front_door=True), "up to 10 min late"),
}


def test_what_makes_it_cheap_is_what_the_model_says_with_what_it_asks_in_return() -> None:
    computed = [
        [
            way,
            f"{total(bill(fleet)):,.0f}",
            f"{a_million(fleet):.2f}",
            f"{percent_less(fleet)} %" if fleet != THOUSAND else "",
            late,
        ]
        for way, (fleet, late) in WAYS.items()
    ]
    assert list(rows(COST, "## What makes it cheap")) == computed


@pytest.mark.parametrize(("setting", "change"), [("provisioned_writes", "provisioned"), ("WARN", "lambda_logs")])
def test_a_setting_saves_what_the_page_says(setting: str, change: str) -> None:
    cells = re.findall(
        rf"^\|[^|\n]*`{setting}`[^|\n]* \| \$([\d.]+) less([^|]*) \| \$([\d.]+) less([^|]*) \|", COST, re.M
    )
    for fleet, (dollars, share) in zip((THOUSAND, FRONT_DOOR), (cells[0][:2], cells[0][2:]), strict=True):
        changed = replace(fleet, **{change: not getattr(fleet, change)})
        digits = len(dollars.partition(".")[2])
        assert dollars == f"{total(bill(fleet)) - total(bill(changed)):.{digits}f}"
        assert share in ("", f" ({percent_less(changed, fleet)} %)")


def test_the_bill_of_a_thousand_devices_is_the_pages_service_by_service() -> None:
    fleets = (THOUSAND, batch(60), FRONT_DOOR)
    others = [{line.service for line in bill(fleet)} - set(SERVICES) for fleet in fleets]
    computed = {
        **{service: [f"{of_service(fleet, service):,.0f}" for fleet in fleets] for service in SERVICES},
        "EventBridge, SNS, KMS": [f"{of_service(f, *rest):,.0f}" for f, rest in zip(fleets, others, strict=True)],
        "all, a month": [f"{total(bill(fleet)):,.0f}" for fleet in fleets],
        "a million readings": [f"{a_million(fleet):,.2f}" for fleet in fleets],
    }
    computed["Data Firehose"][:2] = ["", ""]
    assert {name: cells for name, *cells in rows(COST, "## A thousand devices, a reading a minute")} == computed


def prose() -> list[tuple[str, str]]:
    """Return (page, text) of every figure in dollars outside of those tables, as it is computed."""
    one, hundred = THOUSAND, batch(100)
    idle = {line.what: line.dollars for line in bill(IDLE)}
    watching = next(dollars for what, dollars in idle.items() if "dashboard" in what)
    traces = idle["a trace of each sweep"]
    rest = total(bill(IDLE)) - watching - PRICES.key_month - traces
    record = PRICES.firehose_gb * 5 * 1024 / 2**30 * 1e6
    on_demand, provisioned = PRICES.write_unit, PRICES.write_capacity_hour / 3600 / (UTILISATION_PERCENT / 100)
    return [
        (COST, f"An idle stack costs **${total(bill(IDLE)):.2f}** a month in dev: ${watching:.2f} for the dashboard, "
               f"{model.ALARMS} alarms and alert's five metrics, ${PRICES.key_month:.2f} for the key, ${traces:.2f} "
               f"for the traces of 43,800 sweeps, and ${rest:.2f} for running and logging them"),
        (COST, f"It costs ${record:.2f} a million records, of up to 5 KB each, and "
               f"${model.FRONT_DOOR_ALARMS * PRICES.alarm_month:.2f} a month for its two alarms"),
        (COST, f"of the ${total(bill(one)):.0f} and of the ${total(bill(FRONT_DOOR)):.0f} through the front door"),
        (COST, f"X-Ray's share (${of_service(one, 'X-Ray'):.0f} of the ${total(bill(one)):.0f})"),
        (COST, f"a write unit costs {100 * (1 - provisioned / on_demand):.0f} % less where uploads come evenly, "
               f"{UTILISATION_PERCENT} % of the capacity used"),
        (COST, f"${PRICES.firehose_gb} a GB of 2^30 bytes"),
        (COST, f"${PRICES.log_gb:.2f} a GB, and ${PRICES.log_gb_month:.2f} for each month"),
        (COST, f"The note costs ${PRICES.write_unit * 1e6:.3f} a million objects: "
               f"{100 * PRICES.write_unit * 1e6 / a_million(one):.0f} % of the bill"),
        (COST, f"counts one write more (${PRICES.write_unit * 1e6:.3f} a million)"),
        (README, f"${total(bill(hundred)):,.0f} to ${total(bill(one)):,.0f} a month"),
        (README, f"A million readings cost ${a_million(one):.2f} with one a file and nobody waits; "
                 f"${a_million(batch(3)):.2f} ({percent_less(batch(3))} % less) with three a file"),
        (README, f"and ${a_million(FRONT_DOOR):.2f} ({percent_less(FRONT_DOOR)} % less) through the"),
        (INPUTS, f"${record:.2f} a million records of up to 5 KB, besides IoT Core's own; a thousand devices with a "
                 f"reading a minute come to ${total(bill(FRONT_DOOR)):.0f} a month instead of ${total(bill(one)):.0f}"),
        (INPUTS, f"cost ${total(bill(one)):.0f} a month with one reading an object, ${total(bill(batch(3))):.0f} with "
                 f"3 and ${total(bill(batch(60))):.0f} with 60: ${a_million(one):.2f}, ${a_million(batch(3)):.2f} or "
                 f"${a_million(batch(60)):.2f} a million readings"),
        (COST, f"PUT is {PRICES.s3_put / PRICES.write_unit:.0f} times".replace("8 times", "eight times")),
        # Prices that no line of the model has, as their pages give them.
        (COST, "($0.20 a GB and month)"),
        (COST, "$0.05 a month and $0.05 for 10,000 reads"),
        (SCALE, "$0.05 for 10,000 (AWS Systems Manager pricing): about $0.22 a month"),
    ]  # fmt: skip


@pytest.mark.parametrize(("page", "text"), prose())
def test_a_sentence_says_what_the_model_computes(page: str, text: str) -> None:
    assert text in flat(page)


@pytest.mark.parametrize("page", [COST, SCALE], ids=["cost", "scale"])
def test_no_other_figure_in_dollars_stands_on_the_page(page: str) -> None:
    text = flat(re.sub(r"^\|.*\| *$", "", page, flags=re.M))
    for _, sentence in prose():
        text = text.replace(sentence, "")
    assert re.findall(r"\$[\d.,]*\d", text) == []


def test_the_formula_has_the_prices_of_the_table() -> None:
    log = PRICES.log_gb + PRICES.log_gb_month
    access_log = 2 * 600 * 3 * 1e6 / 1e9 * PRICES.s3_gb_month
    alert = PRICES.lambda_request * 1e6 + 0.05 * 0.5 * PRICES.lambda_gb_second * 1e6
    ledger = (PRICES.read_unit + 2 * PRICES.write_unit) * 1e6
    assert flat(
        f"""(1/k) x [{PRICES.s3_put * 1e6:.2f} PUT + {PRICES.s3_get * 1e6:.2f} GET + {access_log:.2f} requests' log
        + {PRICES.lambda_request * 1e6:.2f} request + {PRICES.lambda_gb_second * 1e6:.2f} x GB-s
        + {PRICES.trace * 1e6:.2f} x sampled + {log:.2f} x KB of log + {PRICES.write_unit * 1e6:.3f} note]
        + {PRICES.write_unit * 1e6:.3f} write units + breaching objects x [{PRICES.event * 1e6:.2f} EventBridge
        + {alert:.2f} alert function + {ledger:.3f} ledger] + e-mails x {PRICES.email * 1e6:.2f} per million"""
    ) in flat(COST)


def test_the_model_and_the_table_agree_about_provisioned_capacity() -> None:
    assert (model.UTILISATION * 100, model.LEAST_READS) == (UTILISATION_PERCENT, LEAST_READS)


@pytest.mark.parametrize(
    ("heading", "way"),
    [
        ("One reading an object:", (1, False)),
        ("60 readings an object (an hour of one device, or a minute of 60 behind one gateway):", (60, False)),
        ("One reading a record, through the front door:", (1, True)),
    ],
)
def test_a_fleet_of_any_size_asks_and_costs_what_the_page_says(heading: str, way: tuple[int, bool]) -> None:
    stated = list(rows(SCALE, heading))
    found = [(fleet, load) for fleet, load in loads() if (fleet.readings_per_object, fleet.front_door) == way]
    computed = {f"{fleet.devices:,}": [*rates(load), f"{load.dollars:,.0f}"] for fleet, load in found}
    over = {f"{fleet.devices:,}": [quota.short for quota in met(load)] for fleet, load in found}
    assert {devices: asked for devices, *asked, _ in stated} == {devices: computed[devices] for devices, *_ in stated}
    said: list[str] = []
    for devices, *_, names in stated:
        listed = [name for name in names.split(", ") if name]
        said = said + listed[1:] if listed[:1] == ["the same"] else listed
        assert sorted(said) == sorted(over[devices]), devices


def test_a_burst_drains_as_the_page_says() -> None:
    for readings, concurrency, throttled, oldest, done in rows(SCALE, "## A burst"):
        service = Fleet(devices=1, every_s=60, readings_per_object=int(readings.replace(",", ""))).ingest_s
        at_once = int(concurrency.replace(",", ""))
        found = burst(objects=10_000, within_s=60, service_s=service, concurrency=at_once)
        assert throttled == f"{found.throttled:,}"
        assert oldest == (_span(found.oldest_s) if found.oldest_s else "at once")
        assert done == _span(round(found.drained_s))


def _span(seconds: float) -> str:
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.1f} s" if isinstance(seconds, float) else f"{seconds} s"


def test_savings_say_what_they_ask_in_return() -> None:
    found = {saving.change: saving.in_return for saving in savings(THOUSAND)}
    assert found["put 3 times as many readings into an upload"] == "the first of them waits 2 min"
    assert found["open the front door (front_door=firehose)"].startswith("a reading waits a minute")
