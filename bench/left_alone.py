"""`python -m bench.left_alone`: what was measured and not taken, beside the function as it is (docs/decisions.md).

Each side takes its turns one after the other, so that what else the machine does falls on all. `--crt` is a folder
with what `pip install --target FOLDER awscrt` puts there.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cold import HANDLER
from bench.fixtures import event
from bench.lab import Lab
from bench.result import median_ratio

_VARIANTS = str(Path(__file__).parent / "variants")
_ONE = {"silent_events": "botocore's handlers silent", "own_http": "an HTTP session of our own"}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--turns", type=int, default=30)
    options.add_argument("--crt")
    chosen = options.parse_args()
    console = Console()
    with Lab() as lab:
        paths = [*lab.ours, _VARIANTS]
        given: dict[str, Any] = {"ours": True, "paths": paths, "url": lab.http, "event": event("one.json"), "times": 15}
        cpu = lab.contest({name: {**given, "module": name} for name in (HANDLER, *_ONE)}, turns=chosen.turns)
        for name, words in _ONE.items():
            console.print(f"one reading, CPU, {words}: {median_ratio(cpu[name], cpu[HANDLER]):.2f}x")
        given = {"ours": True, "paths": paths, "url": lab.slow, "times": 1}
        for what, file in (("10,000 readings", "hot.ndjson"), ("1,000 readings", "hot-short.ndjson")):
            found: dict[str, list[dict[str, Any]]] = {HANDLER: [], "sixteen": []}
            for _ in range(max(chosen.turns // 5, 1)):
                for name, answers in found.items():
                    answers.append(lab.run("warm", module=name, event=event(file), **given).answer)
            for kind in ("wall_s", "cpu_s"):
                pairs = zip(found["sixteen"], found[HANDLER], strict=True)
                ratio = statistics.median(sixteen[kind] / eight[kind] for sixteen, eight in pairs)
                console.print(f"{what}, 16 connections for 8, {kind}: {ratio:.2f}x")
        given = {"ours": True, "paths": paths, "url": lab.tls, "event": event("hot-short.ndjson")}
        first: dict[str, list[float]] = {HANDLER: [], "sixteen": []}
        for _ in range(max(chosen.turns // 3, 1)):
            for name, seconds in first.items():
                seconds.append(lab.run("init", module=name, **given).cpu_s)
        ratio = median_ratio(first["sixteen"], first[HANDLER])
        console.print(f"init and a first object of 1,000 readings, TLS, 16 connections for 8, CPU: {ratio:.2f}x")
        if chosen.crt:
            init: dict[str, list[float]] = {"with": [], "without": []}
            for _ in range(chosen.turns):
                init["with"].append(lab.run("floor", ours=False, paths=[chosen.crt, *lab.theirs]).cpu_s)
                init["without"].append(lab.run("floor", ours=False).cpu_s)
            console.print(
                f"boto3 and three clients, CPU, with awscrt: {median_ratio(init['with'], init['without']):.2f}x"
            )


if __name__ == "__main__":
    main()
