"""No handler of botocore's runs but for signing, retries and our own: more than could be unregistered by name."""

from typing import Any

from botocore import hooks

from lambdas.ingest.handler import handler

__all__ = ["handler"]

_KEPT = ("request-created", "needs-retry", "choose-signer", "before-parameter-build.dynamodb", "before-call.dynamodb")
_emit = getattr(hooks.HierarchicalEmitter, "_emit")  # noqa: B009 the type stubs do not know it


def _emit_some(self: Any, event_name: str, kwargs: Any, stop_on_response: bool = False) -> Any:
    return _emit(self, event_name, kwargs, stop_on_response) if event_name.startswith(_KEPT) else []


setattr(hooks.HierarchicalEmitter, "_emit", _emit_some)  # noqa: B010 mypy's method-assign
