"""What DynamoDB refuses of the operations that this project uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sensorctl.embedded.gate.refusals.expressions import check_expressions, updated_attributes
from sensorctl.embedded.gate.refusals.key_attributes import Keys, KeysOf
from sensorctl.embedded.gate.refusals.refused import refuse_if
from sensorctl.embedded.gate.refusals.values import check_members, check_value, size

Item = Mapping[str, Any]

_ITEM_BYTES, _BATCH_BYTES = 400 * 1024, 16 * 1024 * 1024
_BATCH_WRITES, _BATCH_READS = 25, 100
_KEY_BYTES = (2048, 1024)  # of a partition key, of a sort key
_EQUAL = re.compile(r"([#\w]+)\s*=\s*(:\w+)")


def check(operation: str, params: Mapping[str, Any], *, keys_of: KeysOf) -> None:
    """Raise InvalidRequestError for an invalid request."""
    if operation == "BatchWriteItem":
        _check_batch_write(params["RequestItems"], keys_of)
        return
    if operation == "BatchGetItem":
        _check_batch_get(params["RequestItems"], keys_of)
        return
    if operation not in ("PutItem", "UpdateItem", "GetItem", "DeleteItem", "Query", "Scan"):
        return
    keys = keys_of(str(params["TableName"]).rpartition("/")[2])
    check_expressions(params)
    for value in params.get("ExpressionAttributeValues", {}).values():
        check_value(value)
    if "Item" in params:
        _check_item(params["Item"], keys)
    if "Key" in params:
        _check_key(params["Key"], keys)
    if operation == "UpdateItem":
        # DynamoDB API Reference, "UpdateItem": "you cannot use UpdateItem to update any primary key attributes".
        changed = updated_attributes(params) & params["Key"].keys()
        refuse_if(changed, f"cannot update attribute {', '.join(changed)}: it is part of the key")
    if operation in ("Query", "Scan"):
        _check_search(params, keys)


def _check_item(item: Item, keys: Keys | None) -> None:
    check_members(item)
    # DynamoDB Developer Guide, "Constraints", "Items".
    refuse_if(size(item) > _ITEM_BYTES, "item size has exceeded the maximum allowed size")
    if keys is not None:
        _check_key({name: item[name] for name in keys.primary if name in item}, keys)
        for names in keys.indexes.values():
            _check_key_values({name: item[name] for name in names if name in item}, names)


def _check_key(key: Item, keys: Keys | None) -> None:
    """Follow DynamoDB API Reference, "GetItem": all of the attributes of the primary key, and no others."""
    refuse_if(keys and set(keys.primary) != key.keys(), "the provided key element does not match the schema")
    _check_key_values(key, keys.primary if keys else ())


def _check_key_values(key: Item, names: tuple[str, ...]) -> None:
    """Follow DynamoDB Developer Guide, "Constraints", "Partition keys and sort keys", for tables and indexes alike."""
    for name, value in key.items():
        refuse_if(value.keys() & {"M", "L", "BOOL", "NULL", "SS", "NS", "BS"}, f"key {name} is not S, N or B")
        check_value(value)
        text = str(next(iter(value.values()))).encode()
        refuse_if(not text, f"the value of key attribute {name} is an empty string")
        most = _KEY_BYTES[names.index(name)] if name in names else max(_KEY_BYTES)
        refuse_if(len(text) > most, f"the value of key attribute {name} is longer than {most} bytes")


def _check_search(params: Mapping[str, Any], keys: Keys | None) -> None:
    refuse_if(params.get("Limit", 1) < 1, "Limit must be at least 1")
    condition, values = params.get("KeyConditionExpression", ""), params.get("ExpressionAttributeValues", {})
    for name in re.findall(r":\w+", condition):
        # DynamoDB Developer Guide, "Constraints": a key attribute is never an empty string.
        refuse_if(values[name] in ({"S": ""}, {"B": ""}), "a key condition has an empty value")
    start = params.get("ExclusiveStartKey")
    if start is None or keys is None:
        return
    # DynamoDB Developer Guide, "Paginating table query results": the LastEvaluatedKey of the same query.
    wanted = {*keys.primary, *keys.of_query(params.get("IndexName"))}
    refuse_if(start.keys() != wanted, "the provided starting key is invalid")
    names = params.get("ExpressionAttributeNames", {})
    equal = {names.get(name, name): values[value] for name, value in _EQUAL.findall(condition)}
    outside = any(start[name] != value for name, value in equal.items() if name in wanted)
    refuse_if(outside, "the provided starting key is outside query boundaries")


def _check_batch_write(tables: Mapping[str, list[dict[str, Any]]], keys_of: KeysOf) -> None:
    """Follow DynamoDB API Reference, "BatchWriteItem": 25 requests, 16 MB, no item twice."""
    requests = [(table, request) for table, several in tables.items() for request in several]
    refuse_if(not 0 < len(requests) <= _BATCH_WRITES, f"a batch of {len(requests)} requests")
    refuse_if(len(json.dumps(tables)) > _BATCH_BYTES, "the batch is larger than 16 MB", code="RequestEntityTooLarge")
    written = []
    for table, request in requests:
        keys = keys_of(table)
        if "PutRequest" in request:
            item = request["PutRequest"]["Item"]
            _check_item(item, keys)
            key = {name: item[name] for name in keys.primary} if keys else None
        else:
            key = request["DeleteRequest"]["Key"]
            _check_key(key, keys)
        if key is not None:
            written.append((table, key))
    _check_distinct(written)


def _check_batch_get(tables: Mapping[str, dict[str, Any]], keys_of: KeysOf) -> None:
    """Follow DynamoDB API Reference, "BatchGetItem": 100 keys, none twice."""
    read = [(table, key) for table, request in tables.items() for key in request["Keys"]]
    refuse_if(not 0 < len(read) <= _BATCH_READS, f"a batch of {len(read)} keys")
    for table, key in read:
        _check_key(key, keys_of(table))
    for request in tables.values():
        check_expressions(request)
    _check_distinct(read)


def _check_distinct(keys: Iterable[tuple[str, Item]]) -> None:
    texts = [json.dumps(key, sort_keys=True) for key in keys]
    refuse_if(len(set(texts)) < len(texts), "provided list of item keys contains duplicates")
