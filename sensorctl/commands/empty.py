"""`sensorctl empty`: what `make destroy` gives before the CDK deletes the stack."""

from __future__ import annotations

from sensorctl import terminal
from sensorctl.options import Profile, Region, Stage, Yes, confirm


def empty(stage: Stage = "dev", profile: Profile = None, region: Region = None, yes: Yes = False) -> None:
    """Say what destroying a stage deletes and what it keeps, ask, and empty the buckets that go with it.

    The stack itself says what it keeps. One that is protected from termination is left as it is.
    """
    from sensorctl import connection, teardown  # noqa: PLC0415 boto3 takes its time, which `--help` need not wait for

    access = connection.aws_access(profile=profile, region=region)
    plan = teardown.plan(access, stage=stage)
    goes = [teardown.described(access, resource) for resource in plan.resources if resource.goes]
    stays = [teardown.described(access, resource) for resource in plan.resources if not resource.goes]
    terminal.say(f"Destroying {plan.stack} in {access.region} deletes what the stack made, and all that is in it.")
    terminal.say(*(f"  goes:  {line}" for line in goes), *(f"  stays: {line}" for line in stays))
    confirm("Go on? What goes cannot be brought back.", yes=yes)
    for line in teardown.empty(access, plan.buckets):
        terminal.say(line)
