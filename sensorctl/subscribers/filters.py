"""Who gets which e-mails: a subscription's filter policy, made from a person's words and read back in words.

Policies look at the message attributes kind, severity, device_id, metric and the tag that `route_by` in the thresholds
names (`lambdas.alert.mail.message`). Severity is the worst that the alert has had, so "only critical" also brings how a
critical alert ends; silences and rejected records have none, nor a tag.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

from lambdas.alert.domain.notices import Kind
from lambdas.shared.names import ATTRIBUTE_NAME, EMAIL_ADDRESS, MESSAGE_ATTRIBUTES
from sensorctl.errors import UserError

KINDS: tuple[str, ...] = get_args(Kind)
# E-mails about the alerts of many devices.
OF_MANY = ("digest", "flood")

_SEVERITIES = ("warning", "critical")
# What `--only site=-` means: alerts of readings without the tag.
_WITHOUT = "-"
# Enough to catch a typing error; the confirmation e-mail shows whether the address exists.

Policy = dict[str, Any]


def email_address(text: str) -> str:
    """Return the address without spaces around it. Raises UserError when it is not valid."""
    address = text.strip()
    if not EMAIL_ADDRESS.fullmatch(address):
        raise UserError(f"{text!r} is not a valid e-mail address; give one such as ops@example.org")
    return address


def policy(
    *, only: Sequence[str] = (), kinds: Sequence[str] = (), devices: Sequence[str] = (), metrics: Sequence[str] = ()
) -> Policy:
    """Return the filter policy; an empty one means everything. Raises UserError naming what it cannot filter by.

    `only` are severities, and tags such as `site=plant-2`. A digest or a flood is about the alerts of many devices, so
    whoever asks for a device, a metric or a tag gets those too: theirs may be in it. Kinds are taken as they are named.
    """
    severities, tags = _only(only)
    for kind in kinds:
        _known(kind, KINDS, option="--kind")
    filtered: Policy = {}
    if severities:
        filtered["severity"] = severities
    if kinds:
        filtered["kind"] = list(dict.fromkeys(kinds))
    of_metric: Policy = {}
    if devices:
        of_metric["device_id"] = [_device(pattern) for pattern in dict.fromkeys(devices)]
    if metrics:
        of_metric["metric"] = list(dict.fromkeys(metrics))
    of_metric |= tags
    of_many = [kind for kind in OF_MANY if not kinds or kind in kinds]
    if of_metric and of_many:
        # SNS Developer Guide, "AND/OR logic": $or over at least two objects.
        filtered["$or"] = [of_metric, {"kind": of_many}]
    else:
        filtered |= of_metric
    return filtered


def routed_by(only: Sequence[str]) -> list[str]:
    """Return the tags that `only` chooses by."""
    return list(_only(only)[1])


def _only(only: Sequence[str]) -> tuple[list[str], Policy]:
    severities: list[str] = []
    tags: Policy = {}
    for text in dict.fromkeys(only):
        name, sign, value = text.partition("=")
        if not sign:
            _known(text, _SEVERITIES, option="--only")
            severities.append(text)
        elif not ATTRIBUTE_NAME.fullmatch(name) or name in MESSAGE_ATTRIBUTES or not value:
            raise UserError(f"--only {text}: give a severity, or a tag and its value, such as site=plant-2")
        else:
            # SNS Developer Guide, "Attribute key matching": exists is false where the attribute is absent.
            tags.setdefault(name, []).append({"exists": False} if value == _WITHOUT else value)
    return severities, tags


def in_words(text: str | None) -> str:
    """Return what a filter policy (its JSON) lets through: `critical; device boiler-7 or freezer-*; and digests`.

    A policy that was not created here is shown as it is.
    """
    if not text or text == "{}":
        return "everything"
    try:
        return _words(json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError):
        return text


def _words(filtered: Policy) -> str:
    names = {"severity": "{}", "kind": "{}", "device_id": "device {}", "metric": "metric {}"}
    either = filtered.get("$or")
    rest = {name: values for name, values in filtered.items() if name != "$or"}
    also: list[str] = []
    if either is not None:
        of_metric, others = either
        of_many = others["kind"]
        if others != {"kind": of_many} or not set(of_many) <= set(OF_MANY):
            raise LookupError("$or")
        rest |= of_metric
        also = ["and " + " and ".join(f"{kind}s" for kind in of_many)]
    parts = [
        names.get(name, f"{name} {{}}").format(" or ".join(_value(value) for value in values))
        for name, values in rest.items()
    ]
    return "; ".join(parts + also)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    ((operator, text),) = value.items()
    if value == {"exists": False}:
        return "absent"
    return {"prefix": f"{text}*", "suffix": f"*{text}"}[operator]


def _device(pattern: str) -> str | dict[str, str]:
    """Return how SNS matches a device pattern (SNS Developer Guide, "String value matching": exact, prefix, suffix)."""
    if not set(pattern) & set("*?"):
        return pattern
    literal = pattern.strip("*")
    if literal and not set(literal) & set("*?"):
        if pattern == literal + "*":
            return {"prefix": literal}
        if pattern == "*" + literal:
            return {"suffix": literal}
    raise UserError(f"--device {pattern}: SNS matches an id, a beginning (freezer-*) or an end (*-7)")


def _known(word: str | None, choices: Sequence[str], *, option: str) -> None:
    if word is not None and word not in choices:
        raise UserError(f"{option} {word}: choose {', '.join(choices[:-1])} or {choices[-1]}")
