"""`python -m bench`: both sides of each comparison in turn, a table, bench/results.json and bench/results.svg.

It is no test and never fails for time. What it prints holds as ratios; times are this machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import cold, picture, warm
from bench.lab import Lab
from bench.result import Row

_FOLDER = Path(__file__).parent
Rows = Callable[..., Iterable[Row]]
# What is measured, how, and in how many rounds.
_PARTS: tuple[tuple[str, Rows, int], ...] = (
    ("cold starts", cold.rows, 9),
    ("decoding", warm.decoding, 5),
    ("writing", warm.writing, 5),
    ("whole objects", warm.objects, 3),
    ("one reading", warm.one_reading, 5),
    ("tracing", warm.tracing, 5),
    ("memory", warm.memory, 1),
)


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of each: a look, not a figure")
    options.add_argument("--only", help="only the parts whose name has this in it; nothing is written")
    chosen = options.parse_args()
    console = Console()
    rows: list[Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Lab() as lab, Progress(*columns, console=console, transient=True) as progress:
        console.print(f"bundle of {lab.bundle.described()}")
        for name, part, rounds in _PARTS:
            if chosen.only and chosen.only not in name:
                continue
            task = progress.add_task(f"measuring {name} ...")
            began = time.perf_counter()
            rows += part(lab, rounds=1 if chosen.quick else rounds)
            progress.remove_task(task)
            console.print(f"{name} measured in {time.perf_counter() - began:.0f} s", style="dim")
        size = lab.bundle.described()
    console.print(table(rows))
    if not chosen.only:
        header = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "bundle": size}
        document = {**header, "quick": chosen.quick, "rows": [row.to_json() for row in rows]}
        (_FOLDER / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        (_FOLDER / "results.svg").write_text(picture.draw(rows), encoding="utf-8")
        console.print("written: bench/results.json, bench/results.svg")


def machine() -> str:
    """Say what this was measured on, without naming it."""
    python = f"CPython {platform.python_version()}"
    return f"{python}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores (Lambda's Python is 3.13)"


def table(rows: Iterable[Row]) -> Table:
    """Return the table of all rows."""
    shown = Table(title=machine(), title_justify="left", box=None, padding=(0, 1))
    for name, justify in (
        ("what", "left"),
        ("ours", "right"),
        ("peer or limit", "left"),
        ("ratio", "right"),
        ("bar", "left"),
    ):
        shown.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    shown.add_column("")
    for row in rows:
        ratio = f"{row.ratio:.2f}{row.unit}" if row.ratio < 10 else f"{row.ratio:.0f}{row.unit}"
        met = "[green]met[/]" if row.met else "[bold red]missed[/]"
        shown.add_row(row.what, row.ours, row.other, ratio, f"{row.sense} {row.bar:g}{row.unit}", met)
    return shown


if __name__ == "__main__":
    main()
