"""The real boto3 clients of the functions; their requests go to the world instead of a network.

botocore's `before-send` event hands over the request as it would leave and takes the response as it would come, so that
serialisation, retries, parsing and the mapping of errors are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.retries import standard
from botocore.retries.quota import RetryQuota

from lambdas.shared.clients import client

Send = Callable[[str, str, AWSPreparedRequest], AWSResponse]

_SERVICES = {"eventbridge": "events"}
_quotas: list[RetryQuota] = []


class _Quota(RetryQuota):
    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        _quotas.append(self)


class Clients:
    """Makes a client once for each set of options: making it costs more than a schedule. `send` is the wire in use."""

    def __init__(self) -> None:
        self.send: Send | None = None
        self._clients: dict[tuple[Any, ...], Any] = {}

    def __call__(self, service: str, **options: Any) -> Any:
        """Return a client, as `lambdas.shared.clients.client` makes it."""
        wanted = (service, *sorted(options.items()))
        if wanted not in self._clients:
            new = self._clients[wanted] = client(service, **options)
            new.meta.events.register("before-send", self._before_send)
            _lighten(new)
            _register_once(new.meta.events)
        return self._clients[wanted]

    def start(self, send: Send) -> None:
        """Send to another wire, with the whole quota of retries that a new process has."""
        self.send = send
        for quota in _quotas:
            quota.release(RetryQuota.INITIAL_CAPACITY)

    def _before_send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        if self.send is None:
            raise RuntimeError(f"{event_name} outside of a schedule")
        service, operation = event_name.split(".")[1:]
        return self.send(_SERVICES.get(service, service), operation, request)


@contextmanager
def observed_quotas() -> Iterator[None]:
    """Remember the quotas of retries of all clients that are made meanwhile."""
    with patch.object(standard.quota, "RetryQuota", _Quota):
        yield


def _register_once(events: Any) -> None:
    """Register each handler once, however many environments share the client."""
    register, known = events.register, set()

    def once(event_name: str, handler: Any, *args: Any, **options: Any) -> None:
        if (event_name, handler) not in known:
            known.add((event_name, handler))
            register(event_name, handler, *args, **options)

    events.register = once


def _lighten(client: Any) -> None:
    """Leave out what nobody here looks at and what takes half of the time.

    These are the signature, the user agent, the search for an endpoint anew for each call, and the check of parameters
    against the service's model, which the unit tests' clients make.
    """
    created = f"request-created.{client.meta.service_model.service_id.hyphenize()}"
    client.meta.events.unregister(created, client._request_signer.handler)
    client.meta.events.unregister(created, client._user_agent_creator.rebuild_and_replace_user_agent_handler)
    client._user_agent_creator.to_string = lambda: "faults"
    client._serializer = getattr(client._serializer, "_serializer", client._serializer)
    if client.meta.service_model.service_name == "s3":  # its endpoints depend on the bucket
        return
    found, known = client._ruleset_resolver.construct_endpoint, dict[str, Any]()

    def endpoint(*, operation_model: Any, **given: Any) -> Any:
        if operation_model.name not in known:
            known[operation_model.name] = found(operation_model=operation_model, **given)
        return known[operation_model.name]

    client._ruleset_resolver.construct_endpoint = endpoint
