"""`make soak`: minutes of the worst that the simulator has, while function workers are killed at random.

Afterwards an operator's means are used as docs/operations.md says: redrive what waits, replay the bus's archive,
reconcile. Then nothing may be lost and nothing duplicated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from lambdas.shared.thresholds.thresholds import Thresholds
from sensorctl.aws.invoking import Functions
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.errors import UserError
from sensorctl.readings import stored
from sensorctl.redrive.failed_messages import QUEUES
from sensorctl.redrive.redrive import Redrive
from sensorctl.replay.events import replay_events
from sensorctl.replay.objects import send
from sensorctl.replay.reconcile import never_processed
from sensorctl.replay.stored_objects import stored_objects
from sensorctl.run.observed import observe
from sensorctl.simulate.custom_fleet import STORIES, custom_fleet
from sensorctl.simulate.expectations import Expected
from sensorctl.simulate.fleet import EVERY, PER_ROUND, ROUNDS, SentObject, fleet, simulate, storm
from sensorctl.simulate.options import FleetOptions
from tests import ROOT
from tests.faults.soak.killer import Killer
from tests.faults.soak.verdict import SETTLED, check

_AT_ONCE = 4
_ROUNDS_OF_RECOVERY = 10
_QUIET_SECONDS = 60

app = typer.Typer(add_completion=False)


@app.command()
def main(
    minutes: Annotated[float, typer.Option(help="How long to send and kill.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the fleet and of the killing.")] = 1,
    pause: Annotated[float, typer.Option(help="Seconds between kills, on average.")] = 2,
) -> None:
    """Send and kill, recover, check. Ends with 1 when something is lost or duplicated."""
    console, started = Console(highlight=False), datetime.now(UTC)
    expected = Expected(Thresholds.parse((ROOT / "thresholds.json").read_bytes()))
    # A budget that lets most alerts have an e-mail of their own, where a second one would show.
    budget = {"emails_per_minute": "120"}
    with EmbeddedAws(root=ROOT, folder=ROOT / ".run" / "soak", context=budget, say=console.print) as aws:
        functions = (aws.pipeline.ingest_function, aws.pipeline.alert_function)
        with Killer(aws.emulator_pid, functions=functions, seed=seed, pause=pause) as killer:
            sent = _send(aws, expected, minutes=minutes, seed=seed, console=console)
        console.print("no more kills: recovering")
        redriven, reconciled = _recover(aws, since=started)
        observed = observe(aws)
    alert_kills = [kill for kill in killer.kills if kill.function == aws.pipeline.alert_function]
    verdict = check(expected, observed, alert_kills=alert_kills)
    for sentence in (*verdict.lost, *verdict.duplicated):
        console.print(f"[red]{sentence}[/]")
    console.print(
        f"{sent} objects with {len(expected.readings)} readings in {(datetime.now(UTC) - started).seconds} s, "
        f"{len(killer.kills)} workers killed; {redriven} events redriven, {reconciled} objects reconciled, "
        f"{len(observed.mails)} e-mails: {len(verdict.lost)} lost, {len(verdict.duplicated)} duplicated, "
        f"{verdict.allowed_repeats} repeated in the window."
    )
    raise typer.Exit(int(bool(verdict.lost or verdict.duplicated)))


def _send(aws: EmbeddedAws, expected: Expected, *, minutes: float, seed: int, console: Console) -> int:
    """Send one fleet after another, each with names of its own, until the time is over; return the objects sent."""
    uploader, began, seconds, sent, number = aws.uploader(), time.monotonic(), minutes * 60, 0, 0

    def has_kept_up() -> bool:
        return stored.stored_count(aws.access, aws.pipeline) > 0.9 * len(expected.readings)

    with Progress(console=console, transient=True) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        task = progress.add_task("sending and killing", total=seconds)
        while time.monotonic() < began + seconds:
            number += 1
            for uploads in _fleet(number, seed=seed, thresholds=expected.thresholds):
                if time.monotonic() > began + seconds:
                    break
                sent += len(list(pool.map(lambda upload: uploader.upload(upload.key, upload.body), uploads)))
                expected.add(uploads)
                progress.update(task, completed=time.monotonic() - began)
                # What is sent must not run away from what two workers a core can take in.
                wait_until(has_kept_up, seconds=5, every_s=0.5)
    return sent


def _fleet(number: int, *, seed: int, thresholds: Thresholds) -> list[list[SentObject]]:
    """Return the rounds of a fleet of its own: every story of the simulator, and a storm at the end."""
    start = datetime.now(UTC).replace(microsecond=0) - ROUNDS * PER_ROUND * EVERY - timedelta(seconds=5)
    order = FleetOptions(devices=len(STORIES), seed=seed)
    ordered = custom_fleet(order, dict.fromkeys(STORIES, 1), thresholds=thresholds, rounds=ROUNDS, per_round=PER_ROUND)
    devices = [replace(device, name=f"{device.name}-{number}") for device in (*fleet(), *ordered)]
    rounds = list(simulate(devices, seed=seed * 1000 + number, start=start))
    return [*rounds, [replace(storm(at=datetime.now(UTC)), key=f"storm-{number}/all.ndjson")]]


def _recover(aws: EmbeddedAws, *, since: datetime) -> tuple[int, int]:
    """Do what an operator does until nothing is left to do; return how many were redriven and reconciled."""
    access, pipeline = aws.access, aws.pipeline
    functions, redriven, reconciled = Functions(access), 0, 0
    for _ in range(_ROUNDS_OF_RECOVERY):
        wait_until(_quiet(aws), seconds=_QUIET_SECONDS, every_s=1)
        work = Redrive(access, pipeline)
        with work.taken([queue for queue in QUEUES if queue != "mail"], match="", most=10_000) as held:
            redriven += (outcome := work.run(held, tried=lambda: None)).done
        everything = stored_objects(access, bucket=pipeline.landing_bucket, prefix="incoming/", since=None, until=None)
        missing = list(never_processed(access, table=pipeline.readings_table, objects=everything))
        stop = send(functions, pipeline.ingest_function, missing, done=lambda _: None)
        reconciled += len(missing)
        replay_events(access, pipeline, since=since, until=datetime.now(UTC), progress=lambda _: None)
        wait_until(_quiet(aws), seconds=_QUIET_SECONDS, every_s=1)
        functions.run(pipeline.alert_function, {"sweep": True})
        messages = [m for item in stored.alert_items(access, pipeline) for m in item.get("outbox", ())]
        sent = all(message["status"] in SETTLED for message in messages)
        if not held and not missing and not outcome.failed and stop is None and sent:
            break
    return redriven, reconciled


def _quiet(aws: EmbeddedAws) -> Callable[[], bool]:
    """Return a condition: neither the readings nor the inbox nor the traces have changed at three looks."""
    looks: list[tuple[int, int, int]] = []

    def quiet() -> bool:
        readings = stored.stored_count(aws.access, aws.pipeline)
        looks.append((readings, len(aws.collector.documents()), len(aws.mailbox.mails)))
        return len(looks) > 2 and len(set(looks[-3:])) == 1

    return quiet


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        sys.exit(f"soak: {error}")
