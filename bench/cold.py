"""Cold starts: CPU of whole processes, from the interpreter's start on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bench.fixtures import event
from bench.lab import Lab, Measured
from bench.result import Row, median_ratio, ms

HANDLER = "lambdas.ingest.handler"


def rows(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about a function's first moments."""
    first: dict[str, Any] = {"url": lab.tls, "event": event("one.json")}
    sides: dict[str, Callable[[], Measured]] = {
        "floor": lambda: lab.run("floor", ours=False),
        "init": lambda: lab.run("init", ours=True, module=HANDLER),
        "first": lambda: lab.run("init", ours=True, module=HANDLER, **first),
        "patterns": lambda: lab.run("init", ours=False, more=lab.their_roots, module="serverless_patterns", **first),
        "powertools": lambda: lab.run("init", ours=False, more=lab.their_roots, module="powertools_pydantic", **first),
    }
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            cpu[name].append(run().cpu_s)
    yield Row(
        what="init of the real bundle, traced (CPU)",
        ours=ms(cpu["init"]),
        other=f"boto3 and three clients, nothing else: {ms(cpu['floor'])}",
        ratio=median_ratio(cpu["init"], cpu["floor"]),
        bar=0.80,
        sense="at most",
        in_picture=True,
    )
    for side, short, text, bar in (
        ("patterns", "patterns", "serverless patterns", 0.75),
        ("powertools", "Powertools", "Powertools and pydantic", 0.60),
    ):
        yield Row(
            what=f"init and first object, TLS (CPU), beside {short}",
            ours=ms(cpu["first"]),
            other=f"{text}: {ms(cpu[side])}",
            ratio=median_ratio(cpu["first"], cpu[side]),
            bar=bar,
            sense="at most",
            in_picture=True,
        )
    audit = lab.run("compiled", ours=True, module=HANDLER, event=None).answer
    yield Row(
        what="modules compiled at a cold start, read-only",
        ours=f"{audit['compiled']} of {audit['imported']} imported",
        other="none",
        ratio=audit["compiled"],
        bar=0,
        sense="at most",
        unit="",
    )
