"""An object that S3 will never hand out is a reject with its reason, and no event that fails for ever."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.unit.ingest.ingest_world import BUCKET, World
from tests.unit.ingest.test_handler import HOT

# Amazon S3 API Reference, "Error responses" and GetObject; AWS KMS Developer Guide, "Troubleshooting key access".
_ANSWERS = {
    "archived": ("InvalidObjectState", "The operation is not valid for the object's storage class", "archive"),
    "customer key": (
        "InvalidRequest",
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided.",
        "key that ingest does not have",
    ),
    "foreign key": (
        "AccessDenied",
        "User: arn:aws:sts::111122223333:assumed-role/r is not authorized to perform: kms:Decrypt on this resource",
        "key that ingest does not have",
    ),
    "disabled key": ("KMS.DisabledException", "arn:aws:kms:us-east-1:111122223333:key/k is disabled.", "key"),
    "no such version": ("NoSuchVersion", "The specified version does not exist.", "deleted"),
    "no such key": ("NoSuchKey", "The specified key does not exist.", "deleted"),
}


def _answer(monkeypatch: pytest.MonkeyPatch, code: str, message: str) -> None:
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, name: str, params: dict[str, Any]) -> Any:
        if name == "GetObject" and params["Key"] == "incoming/boiler-7/a":
            raise ClientError({"Error": {"Code": code, "Message": message}}, name)
        return original(self, name, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


@pytest.mark.parametrize("kind", _ANSWERS)
def test_it_is_rejected_once_with_its_reason_and_the_others_are_taken_in(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    code, message, words = _ANSWERS[kind]
    entries = [world.upload("incoming/boiler-7/a", HOT), world.upload("incoming/boiler-7/b", HOT)]
    handler = world.handler()
    with monkeypatch.context() as patch:
        _answer(patch, code, message)
        counts = handler({"Records": entries}, None)

    assert (counts["objects_unreadable"], counts["readings_rejected"], counts["readings_stored"]) == (1, 1, 1)
    (rejected,) = (event["detail"] for event in world.heard() if event["detail-type"] == "ReadingsRejected")
    assert rejected["reasons"] == {"unreadable_object": 1}
    assert words in rejected["examples"][0]["detail"]
    assert [line["reason"] for line in world.quarantined(rejected["quarantine_key"])] == ["unreadable_object"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", "Access Denied"),
        ("SlowDown", "Please reduce your request rate."),
        ("KMS.ThrottlingException", "Rate exceeded"),
        ("InternalError", "We encountered an internal error. Please try again."),
    ],
)
def test_what_may_pass_or_is_our_own_fault_is_raised_so_that_it_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    entry = world.upload("incoming/boiler-7/a", HOT)
    handler = world.handler()
    _answer(monkeypatch, code, message)

    with pytest.raises(RuntimeError, match=code):
        handler({"Records": [entry]}, None)


def test_it_is_noted_as_processed_so_that_reconcile_does_not_find_it_every_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = world.upload("incoming/boiler-7/a", HOT)
    handler = world.handler()
    with monkeypatch.context() as patch:
        _answer(patch, *_ANSWERS["archived"][:2])
        handler({"Records": [entry]}, None)

    notes = world.dynamodb.scan(TableName="readings")["Items"]
    assert [item["reading_id"]["S"] for item in notes] == [entry["s3"]["object"]["versionId"]]
    assert world.s3.list_objects_v2(Bucket=BUCKET, Prefix="quarantine/")["KeyCount"] == 1
