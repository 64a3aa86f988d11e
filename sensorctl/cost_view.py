"""How a bill looks: a table by service, then what would make it smaller."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from sensorctl.cost import Fleet, bill, savings, total
from sensorctl.prices import AS_OF, REGION


def show(console: Console, fleet: Fleet) -> None:
    """Print the bill and the savings."""
    lines = bill(fleet)
    every = total(lines)
    title = f"{fleet.readings:,.0f} readings in {fleet.objects:,.0f} objects a month"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("service", "what"):
        table.add_column(name)
    for name in ("$ a month", "share"):
        table.add_column(name, justify="right")
    for service, group in groupby(lines, key=lambda line: line.service):
        for place, line in enumerate(group):
            share = f"{line.dollars / every:.0%}"
            table.add_row(service if place == 0 else "", line.what, f"{line.dollars:,.2f}", share)
    table.add_section()
    table.add_row("all", f"${every / fleet.readings * 1e6:,.2f} a million readings", f"{every:,.2f}", "", style="bold")
    console.print(table)
    found = savings(fleet)
    for saving in found:
        halves = " (halves it)" if saving.dollars <= every / 2 else ""
        console.print(
            f"To {saving.change}: ${saving.dollars:,.2f} a month, {1 - saving.dollars / every:.0%} less{halves}"
        )
    if not found:
        console.print("Most of it is what any stack costs: a smaller fleet would not be cheaper.")
    console.print(
        f"List prices of {REGION}, {AS_OF}, without the free tier; docs/cost.md has the formula.", style="dim"
    )


def to_json(fleet: Fleet) -> dict[str, Any]:
    """Return the same as plain data."""
    lines = bill(fleet)
    return {
        "prices": {"region": REGION, "as_of": AS_OF},
        "readings_a_month": round(fleet.readings),
        "objects_a_month": round(fleet.objects),
        "dollars_a_month": round(total(lines), 2),
        "lines": [{"service": line.service, "what": line.what, "dollars": round(line.dollars, 4)} for line in lines],
        "savings": [{"change": saving.change, "dollars": round(saving.dollars, 2)} for saving in savings(fleet)],
    }
