"""How a bill looks: what would make it smaller, then a table by service."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lambdas.alert.mail.formatting import counted
from sensorctl import terminal
from sensorctl.cost.model import Fleet, bill, total
from sensorctl.cost.prices import AS_OF, REGION
from sensorctl.cost.savings import savings


def show(console: Console, fleet: Fleet) -> None:
    """Print what would make it cheaper, then the bill."""
    lines = bill(fleet)
    dollars = total(lines)
    _show_savings(console, fleet, dollars)
    table = terminal.table(
        ("service", "what", "$ a month", "share"),
        (
            (
                "" if before is not None and before.service == line.service else line.service,
                line.what,
                f"{line.dollars:,.2f}",
                f"{line.dollars / dollars:.0%}",
            )
            for before, line in zip([None, *lines], lines, strict=False)
        ),
        title=f"{counted(round(fleet.readings), 'reading')} in {counted(round(fleet.objects), 'object')} a month",
        right=("$ a month", "share"),
    )
    table.add_section()
    a_million = f"${dollars / fleet.readings * 1e6:,.2f} a million readings"
    table.add_row("all", a_million, f"{dollars:,.2f}", "", style="bold")
    console.print(table)
    console.print(
        f"List prices of {REGION}, {AS_OF}, without the free tier; docs/cost.md has the formula.", style="dim"
    )


def _show_savings(console: Console, fleet: Fleet, dollars: float) -> None:
    found = savings(fleet)
    if not found:
        console.print("Most of it is what any stack costs: a smaller fleet would not be cheaper.")
        return
    rows = (
        (saving.change, f"{saving.dollars:,.2f}", f"-{1 - saving.dollars / dollars:.0%}", saving.in_return)
        for saving in found
    )
    title = f"It costs ${dollars:,.2f} a month. What makes it cheaper:"
    console.print(terminal.table(("change", "$ a month", "", "in return"), rows, title=title, right=("$ a month", "")))


def to_json(fleet: Fleet) -> dict[str, Any]:
    """Return the same as plain data."""
    lines = bill(fleet)
    return {
        "prices": {"region": REGION, "as_of": AS_OF},
        "readings_a_month": round(fleet.readings),
        "objects_a_month": round(fleet.objects),
        "dollars_a_month": round(total(lines), 2),
        "lines": [{"service": line.service, "what": line.what, "dollars": round(line.dollars, 4)} for line in lines],
        "savings": [
            {"change": saving.change, "in_return": saving.in_return, "dollars": round(saving.dollars, 2)}
            for saving in savings(fleet)
        ],
    }
