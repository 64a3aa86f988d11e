"""What a warm function does: decode, write, take in objects, trace."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from bench import fixtures
from bench.cold import HANDLER
from bench.fixtures import event
from bench.lab import Lab
from bench.result import Row, median_ratio, ms, rate

_INVOCATIONS = 150


def decoding(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about bytes to readings."""
    cases = [
        ("ours", "hot"),
        ("hand_checks", "hot"),
        ("pydantic_model", "hot"),
        ("ours", "one-bad"),
        ("hand_checks", "one-bad"),
    ]
    cpu: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    for _ in range(rounds):
        for side, name in cases:
            file = str(lab.objects / f"{name}.ndjson")
            cpu[side, name].append(
                lab.run("decode", ours=side == "ours", side=side, file=file, times=3).answer["cpu_s"]
            )
    for side, name, text, bar in (
        ("hand_checks", "hot", "json and checks by hand", 5.0),
        ("pydantic_model", "hot", "pydantic", 2.5),
        ("hand_checks", "one-bad", "json and checks by hand", 3.0),
    ):
        yield Row(
            what="decode and check"
            + (", 1 bad in 10,000" if name == "one-bad" else "")
            + f", beside {text.split()[0]}",
            ours=rate(cpu["ours", name], fixtures.READINGS),
            other=f"{text}: {rate(cpu[side, name], fixtures.READINGS)}",
            ratio=median_ratio(cpu[side, name], cpu["ours", name]),
            bar=bar,
            sense="at least",
            in_picture=True,
        )


def writing(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about items to the table."""
    made = str(lab.objects / "items.made")
    lab.run("items", ours=True, file=str(lab.objects / "calm.ndjson"), items=made)
    given: dict[str, Any] = {"url": lab.slow, "port": int(lab.slow.rsplit(":", 1)[1]), "items": made, "times": 1}
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "raw": [], "client": []}
    for _ in range(rounds):
        for side, answers in found.items():
            answers.append(lab.run("write", ours=side == "ours", side=side, **given).answer)
    wall = {side: [answer["wall_s"] for answer in answers] for side, answers in found.items()}
    cpu = {side: [answer["cpu_s"] for answer in answers] for side, answers in found.items()}
    yield Row(
        what="writes, 8 threads, 5 ms, beside the raw limit",
        ours=rate(wall["ours"], fixtures.READINGS),
        other=f"signing and http.client alone: {rate(wall['raw'], fixtures.READINGS)}",
        ratio=median_ratio(wall["raw"], wall["ours"]),
        bar=0.80,
        sense="at least",
    )
    yield Row(
        what="writes (CPU), beside client.batch_write_item",
        ours=f"{statistics.median(cpu['ours']) / fixtures.READINGS * 1e6:.0f} µs a reading",
        other=f"client.batch_write_item: {statistics.median(cpu['client']) / fixtures.READINGS * 1e6:.0f} µs",
        ratio=median_ratio(cpu["ours"], cpu["client"]),
        bar=0.55,
        sense="at most",
        in_picture=True,
    )


def objects(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about a whole object; the other side takes in a tenth of it, and each reading counts alike."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(lab.run("warm", ours=True, url=lab.slow, module=HANDLER, event=event("hot.ndjson"), times=1).answer)
        theirs.append(
            lab.run(
                "warm", ours=False, url=lab.slow, module="serverless_patterns", event=event("hot-short.ndjson"), times=1
            ).answer
        )
    for kind, what, bar in (
        ("wall_s", "10,000 readings in one object, 5 ms", 100.0),
        ("cpu_s", "the same (CPU)", 25.0),
    ):
        each = [answer[kind] / fixtures.READINGS for answer in ours]
        other = [answer[kind] / fixtures.SHORT for answer in theirs]
        yield Row(
            what=what,
            ours=rate(each, 1),
            other=f"serverless patterns: {rate(other, 1)}",
            ratio=median_ratio(other, each),
            bar=bar,
            sense="at least",
            in_picture=True,
        )


def one_reading(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about the smallest object, which is the commonest."""
    given: dict[str, Any] = {"url": lab.http, "event": event("one.json"), "times": _INVOCATIONS}
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(lab.run("warm", ours=True, module=HANDLER, **given).answer)
        theirs.append(lab.run("warm", ours=False, module="serverless_patterns", **given).answer)
    calls = ours[-1]["calls"]
    yield Row(
        what="one reading: calls, one after the other, warm",
        ours=f"{calls:.2f}",
        other="GetObject, BatchWriteItem",
        ratio=calls,
        bar=2.0,
        sense="at most",
        unit="",
    )
    cpu = {side: [answer["cpu_s"] for answer in answers] for side, answers in (("ours", ours), ("theirs", theirs))}
    yield Row(
        what="one reading, warm, traced (CPU)",
        ours=ms(cpu["ours"]),
        other=f"serverless patterns, untraced: {ms(cpu['theirs'])}",
        ratio=median_ratio(cpu["ours"], cpu["theirs"]),
        bar=0.80,
        sense="at most",
        in_picture=True,
    )


def tracing(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about what traces cost an object of 10,000 readings."""
    found = lab.run(
        "traced", ours=True, url=lab.http, module=HANDLER, event=event("hot.ndjson"), times=6 * rounds
    ).answer
    yield Row(
        what="tracing (CPU)",
        ours=ms([found["cpu_s"]]),
        other=f"the same, untraced: {ms([found['untraced_cpu_s']])}",
        ratio=found["ratio"],
        bar=1.03,
        sense="at most",
    )
    yield Row(
        what="datagrams an invocation",
        ours=f"{found['datagrams']:.1f}",
        other="one a phase",
        ratio=found["datagrams"],
        bar=5,
        sense="at most",
        unit="",
    )


def memory(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the row about what a large object takes; once is enough, it hardly varies."""
    del rounds
    peaks = [
        lab.run("memory", ours=True, url=lab.http, module=HANDLER, event=event(f"{name}.ndjson")).answer["peak_kib"]
        for name in ("many", "calm")
    ]
    yield Row(
        what="peak memory, 200,000 readings over 10,000",
        ours=f"{peaks[0] / 1024:.1f} MiB",
        other=f"10,000 readings: {peaks[1] / 1024:.1f} MiB",
        ratio=peaks[0] / peaks[1],
        bar=1.5,
        sense="at most",
    )
