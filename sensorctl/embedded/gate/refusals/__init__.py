"""The list of requests that AWS rejects as invalid, used by fault injection, moto tests and the gate.

Emulators accept requests that AWS rejects, so a fault that only AWS would show passes every test on them. Each rule
names its document. Standard library alone: the gate runs it in the emulator's environment. Where two documents
disagree, the stricter one counts: what it accepts, every region accepts.
"""

from __future__ import annotations

from typing import Any

from sensorctl.embedded.gate.refusals import dynamodb, other_services
from sensorctl.embedded.gate.refusals.key_attributes import Keys, KeysOf
from sensorctl.embedded.gate.refusals.refused import InvalidRequestError

__all__ = ["InvalidRequestError", "Keys", "KeysOf", "check"]


def check(service: str, operation: str, params: dict[str, Any], *, keys_of: KeysOf) -> None:
    """Raise InvalidRequestError for a request that the service would refuse whatever its state.

    `params` are those of the API, as they go over the wire; `keys_of` knows the key attributes of a table.
    """
    if service == "dynamodb":
        dynamodb.check(operation, params, keys_of=keys_of)
    else:
        rule = other_services.RULES.get((service, operation))
        if rule is not None:
            rule(params)
