"""What moto and botocore do over and over with the same result, done once; imported for its effect."""

from functools import cache
from typing import Any

import botocore.loaders
import jsonpath_ng.ext
from jsonpath_ng.ext.parser import parse
from moto.core.serialize import ResponseSerializer
from moto.sqs.models import SQSBackend

# Each test makes sessions of its own, and most of the time that took was the parsing of the same service models again.
_load_file = botocore.loaders.JSONFileLoader.load_file
_loaded = cache(lambda path: _load_file(botocore.loaders.JSONFileLoader(), path))
setattr(botocore.loaders.JSONFileLoader, "load_file", lambda _self, path: _loaded(path))  # noqa: B010 mypy's method-assign

# For each event moto makes the same eight parsers anew, the most of what an event costs.
setattr(jsonpath_ng.ext, "parse", cache(parse))  # noqa: B010 mypy's attr-defined

# Nothing comes into a queue of moto while its only user waits for it.
_receive = SQSBackend.receive_message
setattr(  # noqa: B010 mypy's method-assign
    SQSBackend, "receive_message", lambda self, name, count, _wait, *others: _receive(self, name, count, 0, *others)
)

# An AttributeValue has one of ten members, and moto looks for each of the others under every name that it might have.
_serialize_member = ResponseSerializer._serialize_structure_member


def _serialize_what_is_there(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.parent.name != "AttributeValue" or key in value:
        _serialize_member(serializer, serialized, value, shape, key)


setattr(ResponseSerializer, "_serialize_structure_member", _serialize_what_is_there)  # noqa: B010 mypy's method-assign
