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

# Invocations in a turn of one side, and turns in a round.
_TURN, _TURNS = 15, 10
_PEERS = (
    ("serverless_patterns_as_published", "the sample as published", 0.80),
    ("serverless_patterns", "the sample with clients made once", 1.00),
)


def decoding(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about bytes to readings."""
    cases = [
        ("ours", "hot"),
        ("hand_checks", "hot"),
        ("pydantic_model", "hot"),
        ("ours", "one-bad"),
        ("hand_checks", "one-bad"),
        ("ours", "mapped"),
        ("mapped_by_hand", "mapped"),
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
        ("mapped_by_hand", "mapped", "json, mapping and checks by hand", 1.0),
    ):
        kind = {"hot": "", "one-bad": ", 1 bad in 10,000", "mapped": ", mapped"}[name]
        yield Row(
            what=f"decode and check{kind}, beside {text.split()[0].rstrip(',')}",
            ours=rate(cpu["ours", name], fixtures.READINGS),
            other=f"{text}: {rate(cpu[side, name], fixtures.READINGS)}",
            ratio=median_ratio(cpu[side, name], cpu["ours", name]),
            bar=bar,
            sense="at least",
            in_picture=True,
        )


def writing(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about items to the table."""
    items = str(lab.objects / "items.json")
    lab.run("items", ours=True, file=str(lab.objects / "calm.ndjson"), items=items)
    given: dict[str, Any] = {"url": lab.slow, "port": int(lab.slow.rsplit(":", 1)[1]), "items": items, "times": 1}
    sides = ("ours", "raw", "client", "pynamodb")
    cpu = lab.contest({side: {"ours": side == "ours", "side": side, **given} for side in sides}, turns=4 * rounds)
    for side, other, bar in (
        ("raw", "signing and http.client alone", 4.5),
        ("client", "client.batch_write_item", 0.30),
        ("pynamodb", "PynamoDB's batch_write", 0.30),
    ):
        yield Row(
            what=f"writes (CPU), beside {other}",
            ours=f"{statistics.median(cpu['ours']) / fixtures.READINGS * 1e6:.0f} µs a reading",
            other=f"{other}: {statistics.median(cpu[side]) / fixtures.READINGS * 1e6:.0f} µs",
            ratio=median_ratio(cpu["ours"], cpu[side]),
            bar=bar,
            sense="at most",
            in_picture=side == "client",
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
        ("wall_s", "10,000 readings in one object, 5 ms", 80.0),
        ("cpu_s", "the same (CPU)", 25.0),
    ):
        seconds = [answer[kind] / fixtures.READINGS for answer in ours]
        other = [answer[kind] / fixtures.SHORT for answer in theirs]
        yield Row(
            what=what,
            ours=rate(seconds, 1),
            other=f"serverless patterns: {rate(other, 1)}",
            ratio=median_ratio(other, seconds),
            bar=bar,
            sense="at least",
            in_picture=True,
        )


def one_reading(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the rows about the smallest object, which is the commonest."""
    given: dict[str, Any] = {"url": lab.http, "event": event("one.json")}
    calls = lab.run("warm", ours=True, module=HANDLER, times=_TURN, **given).answer["calls"]
    yield Row(
        what="one reading: calls, one after the other, warm",
        ours=f"{calls:.2f}",
        other="GetObject, BatchWriteItem",
        ratio=calls,
        bar=2.0,
        sense="at most",
        unit="",
    )
    datagrams = lab.run("traced", ours=True, module=HANDLER, times=6 * rounds, **given).answer["datagrams"]
    yield Row(
        what="one reading: datagrams",
        ours=f"{datagrams:.1f}",
        other="the SDK: one for each of five phases",
        ratio=datagrams,
        bar=1,
        sense="at most",
        unit="",
    )
    sides = {
        "ours": {"ours": True, "module": HANDLER, "times": _TURN, **given},
        **{peer: {"ours": False, "module": peer, "times": _TURN, **given} for peer, _, _ in _PEERS},
    }
    cpu = lab.contest(sides, turns=_TURNS * rounds)
    for peer, words, bar in _PEERS:
        yield Row(
            what=f"one reading, warm, traced (CPU), beside {words}",
            ours=ms(cpu["ours"]),
            other=f"{words}, untraced: {ms(cpu[peer])}",
            ratio=median_ratio(cpu["ours"], cpu[peer]),
            bar=bar,
            sense="at most",
            in_picture=True,
        )


def tracing(lab: Lab, *, rounds: int) -> Iterator[Row]:
    """Yield the row about what traces cost an object of 10,000 readings."""
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
