"""`make soak`: minutes of the worst that the simulator has, while function workers are killed at random.

Afterwards an operator's means are used as docs/operations.md tells: redrive what waits, replay the bus's archive (the
embedded AWS tries a rule's target only once), reconcile. Then nothing may be lost and nothing doubled.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lambdas.shared.thresholds import Thresholds
from proof.killer import Killer
from proof.soak_check import Verdict, check
from sensorctl import observe
from sensorctl.embedded.aws import EmbeddedAws
from sensorctl.errors import UserError
from sensorctl.event_replay import replay_events
from sensorctl.expectations import Expected
from sensorctl.failed_messages import QUEUES
from sensorctl.invoking import Functions
from sensorctl.reconcile import never_processed
from sensorctl.redrive import Redrive
from sensorctl.replay import send
from sensorctl.simulate_fleet import STORIES, ordered_fleet
from sensorctl.simulator import EVERY, PER_ROUND, ROUNDS, Upload, fleet, simulate, storm
from sensorctl.stored_objects import objects
from sensorctl.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
_AT_ONCE = 4
_ROUNDS_OF_RECOVERY = 10
_QUIET_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Soak:
    """What was sent and done to the pipeline, and what came of it."""

    seconds: float
    objects: int
    readings: int
    kills: int
    redriven: int
    reconciled: int
    emails: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    repeats_in_the_window: int


app = typer.Typer(add_completion=False)


@app.command()
def main(
    minutes: Annotated[float, typer.Option(help="How long to send and kill.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the fleet and of the killing.")] = 1,
    pause: Annotated[float, typer.Option(help="Seconds between kills, on average.")] = 2,
) -> None:
    """Send and kill, recover, check. Ends with 1 when something is lost or doubled."""
    console = Console()
    soak = run(console, minutes=minutes, seed=seed, pause=pause)
    (ROOT / ".run" / "soak.json").write_text(json.dumps(asdict(soak), indent=2) + "\n")
    for sentence in (*soak.lost, *soak.doubled):
        console.print(f"[red]{sentence}[/]", highlight=False)
    console.print(
        f"{soak.objects} objects with {soak.readings} readings in {soak.seconds:.0f} s, {soak.kills} workers killed; "
        f"{soak.redriven} events redriven, {soak.reconciled} objects reconciled, {soak.emails} e-mails: "
        f"{len(soak.lost)} lost, {len(soak.doubled)} doubled, {soak.repeats_in_the_window} repeated in the window.",
        highlight=False,
    )
    raise typer.Exit(int(bool(soak.lost or soak.doubled)))


def run(console: Console, *, minutes: float, seed: int, pause: float) -> Soak:
    """Do all of it."""
    began, started = time.monotonic(), datetime.now(UTC)
    expected = Expected(Thresholds.parse((ROOT / "thresholds.json").read_bytes()))
    # A budget that lets most alerts have an e-mail of their own, where one that comes twice would show.
    budget = {"emails_per_minute": "120"}
    with EmbeddedAws(root=ROOT, folder=ROOT / ".run" / "soak", context=budget, say=console.print) as aws:
        functions = (aws.pipeline.ingest_function, aws.pipeline.alert_function)
        killer = Killer(aws.emulator_pid, functions=functions, seed=seed, pause=pause)
        killer.start()
        sent = _send(aws, expected, minutes=minutes, seed=seed, console=console)
        killer.stop()
        console.print("no more kills: recovering")
        redriven, reconciled = _recover(aws, expected, since=started)
        verdict = _verdict(aws, expected, killer)
        return Soak(
            seconds=round(time.monotonic() - began, 1),
            objects=sent,
            readings=len(expected.readings),
            kills=len(killer.kills),
            redriven=redriven,
            reconciled=reconciled,
            emails=len(aws.mailbox.mails),
            lost=verdict.lost,
            doubled=verdict.doubled,
            repeats_in_the_window=verdict.repeats,
        )


def _send(aws: EmbeddedAws, expected: Expected, *, minutes: float, seed: int, console: Console) -> int:
    """Send one fleet after another, each with names of its own, until the time is over."""
    uploader, deadline, sent = aws.uploader(), time.monotonic() + minutes * 60, 0
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        task = progress.add_task("sending and killing", total=minutes * 60)
        number = 0
        while time.monotonic() < deadline:
            number += 1
            for uploads in _fleet(number, seed=seed, thresholds=expected.thresholds):
                for _ in pool.map(lambda upload: uploader.upload(upload.key, upload.body), uploads):
                    sent += 1
                expected.add(uploads)
                progress.update(task, completed=minutes * 60 - max(0.0, deadline - time.monotonic()))
                # What is sent must not run away from what two workers a core can take in.
                wait_until(_kept_up(aws, expected), seconds=5, every_s=0.5)
                if time.monotonic() > deadline:
                    break
    return sent


def _fleet(number: int, *, seed: int, thresholds: Thresholds) -> list[list[Upload]]:
    """Return the rounds of a fleet of its own: every story of the simulator, and a storm at the end."""
    begin = datetime.now(UTC).replace(microsecond=0) - ROUNDS * PER_ROUND * EVERY - timedelta(seconds=5)
    told = ordered_fleet(
        dict.fromkeys(STORIES, 1),
        devices=len(STORIES),
        metrics=("temperature",),
        thresholds=thresholds,
        rounds=ROUNDS,
        per_round=PER_ROUND,
        seed=seed,
    )
    devices = [replace(device, name=f"{device.name}-{number}") for device in (*fleet(), *told)]
    rounds = list(simulate(devices, seed=seed * 1000 + number, start=begin))
    stormy = storm(at=datetime.now(UTC))
    return [*rounds, [replace(stormy, key=f"storm-{number}/all.ndjson")]]


def _kept_up(aws: EmbeddedAws, expected: Expected) -> Callable[[], bool]:
    def kept_up() -> bool:
        return observe.stored_count(aws.access, aws.pipeline) > 0.9 * len(expected.readings)

    return kept_up


def _recover(aws: EmbeddedAws, expected: Expected, *, since: datetime) -> tuple[int, int]:
    """Do what an operator does until nothing is left to do; return how many were redriven and reconciled."""
    functions, redriven, reconciled = Functions(aws.access), 0, 0
    for _ in range(_ROUNDS_OF_RECOVERY):
        wait_until(_quiet(aws), seconds=_QUIET_SECONDS, every_s=1)
        work = Redrive(aws.access, aws.pipeline)
        with work.taken([queue for queue in QUEUES if queue != "mail"], match="", most=10_000) as held:
            redriven += (outcome := work.run(held, each=lambda: None)).done
        everything = objects(aws.access, bucket=aws.pipeline.landing_bucket, prefix="incoming/", since=None, until=None)
        missing = list(
            never_processed(aws.access, table=aws.pipeline.readings_table, objects=everything, looked=lambda _: None)
        )
        stop = send(functions, aws.pipeline.ingest_function, missing, done=lambda _: None)
        reconciled += len(missing)
        replay_events(aws.access, aws.pipeline, since=since, until=datetime.now(UTC), progress=lambda _: None)
        wait_until(_quiet(aws), seconds=_QUIET_SECONDS, every_s=1)
        functions.run(aws.pipeline.alert_function, {"sweep": True})
        if not held and not missing and not outcome.failed and stop is None and _all_told(aws):
            break
    return redriven, reconciled


def _quiet(aws: EmbeddedAws) -> Callable[[], bool]:
    """Return a condition: neither the tables nor the inbox nor the traces have changed since the last look."""
    last: list[object] = []

    def quiet() -> bool:
        now = (
            observe.stored_count(aws.access, aws.pipeline),
            len(aws.collector.documents()),
            len(aws.mailbox.mails),
        )
        still = bool(last) and last[-1] == now and len(last) > 2 and last[-2] == now
        last.append(now)
        return still

    return quiet


def _all_told(aws: EmbeddedAws) -> bool:
    ledger = observe.alert_items(aws.access, aws.pipeline)
    return all(m["status"] in ("SENT", "DIGESTED") for item in ledger for m in item.get("outbox", ()))


def _verdict(aws: EmbeddedAws, expected: Expected, killer: Killer) -> Verdict:
    return check(
        expected,
        items=observe.stored_readings(aws.access, aws.pipeline),
        ledger=observe.alert_items(aws.access, aws.pipeline),
        mails=aws.mailbox.mails,
        rejected=Counter(record.reason for record in observe.rejected_records(aws.access, aws.pipeline)),
        alert_kills=[kill for kill in killer.kills if kill.function == aws.pipeline.alert_function],
    )


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        sys.exit(f"soak: {error}")
