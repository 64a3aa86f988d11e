"""The checks of `sensorctl preflight`, in an order in which each depends only on those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from constructs_lib.stage.settings import Settings
from sensorctl.aws.access import Access
from sensorctl.preflight import place, quotas
from sensorctl.preflight.stack import find_stack, names, state
from sensorctl.status.judge import Check

_MAY_NOT = ("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def checks_of(access: Access, settings: Settings) -> list[Check]:
    """Return a check for each thing that may stop the deployment of the stage in the region of `access`."""
    home = place.home_of(access)
    if home is None:
        return [place.no_region(access.region)]
    who, account = place.credentials(home)
    if who.level == "broken":
        return [who]
    where = _asked(access, "region", lambda: place.region(home, access.region))
    if where.level == "broken":
        return [who, where]
    stage = settings.stage
    stack = find_stack(access, stage)
    return [
        who,
        where,
        _asked(access, "CDK bootstrap", lambda: place.bootstrap(access)),
        state(stack, stage),
        _asked(access, "names", lambda: names(access, stack, stage=stage, account=account)),
        _asked(access, "concurrency", lambda: quotas.concurrency(access, stack, settings.reserved_concurrency)),
        _asked(access, "X-Ray policies", lambda: quotas.trace_policy(access, stage=stage)),
        _asked(access, "traces", lambda: quotas.traces(access)),
    ]


def can_deploy(checks: Sequence[Check]) -> bool:
    """Return whether no check says that the deployment would fail."""
    return all(check.level != "broken" for check in checks)


def _asked(access: Access, name: str, check: Callable[[], Check]) -> Check:
    """Make a check; what these credentials may not ask, or the embedded AWS does not know, is unknown.

    It does not stop the deployment, which may be allowed what its caller is not. Other errors are raised.
    """
    try:
        return check()
    except ClientError as error:
        if access.endpoint is not None:
            return Check(name=name, level="unknown", says="the embedded AWS does not know")
        if error.response["Error"]["Code"] not in _MAY_NOT:
            raise
        return Check(name=name, level="unknown", says=f"these credentials may not ask: {error}")
