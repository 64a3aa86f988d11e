"""`sensorctl empty`: what `make destroy` gives before the CDK deletes the stack."""

from __future__ import annotations

from sensorctl import terminal
from sensorctl.options import StageOptions, Yes, confirm, with_options


@with_options
def empty(*, target: StageOptions, yes: Yes = False) -> None:
    """Say what destroying a stage deletes and what it keeps, ask, and empty the buckets that go with it.

    The stack itself says what it keeps. One that is protected from termination is left as it is.
    """
    from sensorctl.empty import buckets  # noqa: PLC0415 boto3 takes its time, which `--help` need not wait for

    access = target.access()
    plan = buckets.plan(access, stage=target.stage)
    goes = [buckets.described(access, resource) for resource in plan.resources if resource.goes]
    stays = [buckets.described(access, resource) for resource in plan.resources if not resource.goes]
    terminal.say(f"Destroying {plan.stack} in {access.region} deletes what the stack created, and all that is in it.")
    terminal.say(*(f"  goes:  {line}" for line in goes), *(f"  stays: {line}" for line in stays))
    confirm("Go on? What is deleted cannot be restored.", yes=yes)
    for line in buckets.empty(access, plan.buckets):
        terminal.say(line)
