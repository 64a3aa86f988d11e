"""`python -m bench.memory_setting`: what each memory setting makes of the functions' times and prices.

Lambda gives a function CPU by its memory, one whole CPU at 1,769 MB (AWS Lambda Developer Guide, "Configure Lambda
function memory"). CPU is measured here, taken for that of one CPU there, and divided by the share; each AWS call is
taken for 5 ms, in which nothing is computed. What either function really needs is a third of the smallest setting.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.cold import HANDLER
from bench.fixtures import event
from bench.lab import Lab
from sensorctl.cost.prices import US_EAST_1

_WHOLE_CPU_MB = 1769
_CALL_S = 0.005
_SETTINGS_MB = (128, 256, 512, 1024, 1769)
_ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Times:
    """CPU seconds, as measured; `peak_mib` after an object of 10,000 readings."""

    init: float
    alert_init: float
    one: float
    many: float
    peak_mib: float


def measure(lab: Lab) -> Times:
    """Return the medians."""

    def median(case: str, **given: object) -> float:
        runs = [lab.run(case, ours=True, **given) for _ in range(_ROUNDS)]  # type: ignore[arg-type]
        return float(statistics.median(run.answer.get("cpu_s", run.cpu_s) for run in runs))

    large = event("hot.ndjson")
    return Times(
        init=median("init", module=HANDLER),
        alert_init=median("init", module="lambdas.alert.handler", paths=lab.alert),
        one=median("warm", module=HANDLER, url=lab.http, event=event("one.json"), times=100),
        many=median("warm", module=HANDLER, url=lab.http, event=large, times=1),
        peak_mib=lab.run("memory", ours=True, module=HANDLER, url=lab.http, event=large).answer["peak_kib"] / 1024,
    )


def table(times: Times) -> Table:
    """Return a line for each setting."""
    shown = Table(title=f"peak of ingest: {times.peak_mib:.0f} MiB", title_justify="left", box=None, padding=(0, 1))
    for name in ("memory", "ingest's init", "alert's init", "one reading", "$ a million of them", "10,000 readings"):
        shown.add_column(name, justify="right")
    for memory in _SETTINGS_MB:
        share = min(1.0, memory / _WHOLE_CPU_MB)
        small = times.one / share + 2 * _CALL_S
        dollars = small * memory / 1024 * US_EAST_1.lambda_gb_second * 1e6
        inits = (f"{init / share:.2f} s" for init in (times.init, times.alert_init))
        # Batches wait for AWS eight at a time, while others are computed.
        shown.add_row(f"{memory} MB", *inits, f"{small * 1000:.0f} ms", f"{dollars:.2f}", f"{times.many / share:.1f} s")
    return shown


if __name__ == "__main__":
    with Lab() as opened:
        Console().print(table(measure(opened)))
