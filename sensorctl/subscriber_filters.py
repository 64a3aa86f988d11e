"""Who gets which e-mails: a subscription's filter policy, made from a person's words and told in words. Pure.

Policies look at the message attributes kind, severity, device_id and metric (`lambdas.alert.message`). Severity is the
worst that the alert has had, so "only critical" also brings how a critical alert ends; silences and rejected records
have none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, get_args

from lambdas.alert.records import Kind
from sensorctl.errors import UserError

KINDS: tuple[str, ...] = get_args(Kind)
DIGEST = "digest"

_SEVERITIES = ("warning", "critical")
# Enough to catch a slip of the hand; whether the address exists, the confirmation e-mail tells.
_ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")

Policy = dict[str, Any]


def email_address(text: str) -> str:
    """Return the address without spaces around it. Raises UserError when it is none."""
    address = text.strip()
    if not _ADDRESS.fullmatch(address):
        raise UserError(f"{text!r} is no e-mail address; give one such as ops@example.org")
    return address


def policy(
    *, severity: str | None = None, kinds: Sequence[str] = (), devices: Sequence[str] = (), metrics: Sequence[str] = ()
) -> Policy:
    """Return the filter policy; an empty one means everything. Raises UserError naming what it cannot filter by.

    A digest stands for the alerts of many devices and names none, so whoever asks for a device or a metric gets the
    digests too: theirs may be in it. Kinds are taken as they are named.
    """
    _known(severity, _SEVERITIES, option="--only")
    for kind in kinds:
        _known(kind, KINDS, option="--kind")
    made: Policy = {}
    if severity is not None:
        made["severity"] = [severity]
    if kinds:
        made["kind"] = list(dict.fromkeys(kinds))
    of_metric: Policy = {}
    if devices:
        of_metric["device_id"] = [_device(pattern) for pattern in dict.fromkeys(devices)]
    if metrics:
        of_metric["metric"] = list(dict.fromkeys(metrics))
    if of_metric and (not kinds or DIGEST in kinds):
        # SNS Developer Guide, "AND/OR logic": $or over at least two objects.
        made["$or"] = [of_metric, {"kind": [DIGEST]}]
    else:
        made |= of_metric
    return made


def in_words(text: str | None) -> str:
    """Return what a filter policy (its JSON) lets through: `critical; device boiler-7 or freezer-*; and digests`.

    One that was not made here is shown as it is.
    """
    if not text or text == "{}":
        return "everything"
    try:
        return _words(json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError):
        return text


def _words(made: Policy) -> str:
    names = {"severity": "{}", "kind": "{}", "device_id": "device {}", "metric": "metric {}"}
    either = made.get("$or")
    rest = {name: values for name, values in made.items() if name != "$or"}
    if either is not None:
        of_metric, digests = either
        if digests != {"kind": [DIGEST]}:
            raise LookupError("$or")
        rest |= of_metric
    parts = [names[name].format(" or ".join(_value(value) for value in values)) for name, values in rest.items()]
    return "; ".join(parts + (["and digests"] if either is not None else []))


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    ((operator, text),) = value.items()
    return {"prefix": f"{text}*", "suffix": f"*{text}"}[operator]


def _device(pattern: str) -> str | dict[str, str]:
    """Return how SNS matches a device pattern (SNS Developer Guide, "String value matching": exact, prefix, suffix)."""
    if not any(character in "*?" for character in pattern):
        return pattern
    literal = pattern.strip("*")
    if literal and not any(character in "*?" for character in literal):
        if pattern == literal + "*":
            return {"prefix": literal}
        if pattern == "*" + literal:
            return {"suffix": literal}
    raise UserError(f"--device {pattern}: SNS matches an id, a beginning (freezer-*) or an end (*-7)")


def _known(word: str | None, choices: Sequence[str], *, option: str) -> None:
    if word is not None and word not in choices:
        raise UserError(f"{option} {word}: choose {', '.join(choices[:-1])} or {choices[-1]}")
