from __future__ import annotations

import gzip
import json
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.bundling import certificates
from constructs_lib.bundling.bundle import Bundler, host_target
from constructs_lib.bundling.operations import OPERATIONS
from constructs_lib.bundling.slimming import SlimmingError, slim
from tests import ROOT
from tests.infra.synthesised import Synthesised

CALLED = {"s3": ("GetObject",)}
# Granted to call them by another name: GetObject with a version id needs this right (S3 API Reference, GetObject).
OPERATION_OF_ACTION = {"GetObjectVersion": "GetObject"}
# What services do in the role's name, or the runtime itself.
NOT_CALLED = ("logs", "sqs", "xray", "kms")
MODEL: dict[str, Any] = {
    "version": "2.0",
    "metadata": {"serviceId": "S3"},
    "documentation": "<p>words</p>",
    "clientContextParams": {"UseArnRegion": {"documentation": "kept: botocore insists", "type": "boolean"}},
    "operations": {
        "GetObject": {"input": {"shape": "In"}, "errors": [{"shape": "Gone"}], "documentation": "words"},
        "DeleteObject": {"input": {"shape": "Other"}},
    },
    "shapes": {
        "In": {"members": {"documentation": {"shape": "Text", "documentation": "words"}}, "type": "structure"},
        "Text": {"type": "string", "documentation": "words"},
        "Gone": {"type": "structure", "exception": True, "members": {}},
        "Other": {"type": "structure", "members": {"Text": {"shape": "Text"}}},
    },
}
ENDPOINTS = {"partitions": [{"partition": "aws", "regions": {"us-east-1": {}}, "services": {"s3": {}, "ec2": {}}}]}


@pytest.fixture
def botocore(tmp_path: Path) -> Path:
    """A folder with a botocore of two services, as its wheel has it; return its data."""
    data = tmp_path / "botocore" / "data"
    for version in ("s3/2001-01-01", "s3/2006-03-01", "ec2/2016-11-15"):
        (data / version).mkdir(parents=True)
        (data / version / "service-2.json.gz").write_bytes(gzip.compress(json.dumps(MODEL).encode(), mtime=0))
        (data / version / "endpoint-rule-set-1.json.gz").write_bytes(gzip.compress(b'{"rules": []}', mtime=0))
        (data / version / "paginators-1.json").write_text("{}")
    (data / "s3/2006-03-01/service-2.sdk-extras.json").write_text(
        json.dumps({"version": 1.0, "merge": {"shapes": {"Text": {"type": "timestamp"}, "Gone2": {"type": "string"}}}})
    )
    (data / "endpoints.json").write_text(json.dumps(ENDPOINTS))
    return data


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_only_the_services_that_are_called_are_left(botocore: Path) -> None:
    slim(botocore.parents[1], CALLED)

    assert sorted(path.relative_to(botocore).as_posix() for path in botocore.rglob("*") if path.is_file()) == [
        "endpoints.json",
        "s3/2006-03-01/endpoint-rule-set-1.json",
        "s3/2006-03-01/service-2.json",
        "s3/2006-03-01/service-2.sdk-extras.json",
    ]
    assert read(botocore / "endpoints.json")["partitions"][0]["services"] == {"s3": {}}
    assert read(botocore / "endpoints.json")["partitions"][0]["regions"] == {"us-east-1": {}}


def test_a_model_keeps_the_operations_called_with_their_shapes_and_errors(botocore: Path) -> None:
    slim(botocore.parents[1], CALLED)

    model = read(botocore / "s3/2006-03-01/service-2.json")
    assert model["operations"] == {"GetObject": {"input": {"shape": "In"}, "errors": [{"shape": "Gone"}]}}
    assert set(model["shapes"]) == {"In", "Text", "Gone"}
    assert model["metadata"] == MODEL["metadata"]
    assert read(botocore / "s3/2006-03-01/service-2.sdk-extras.json")["merge"] == {
        "shapes": {"Text": {"type": "timestamp"}}
    }


def test_documentation_goes_but_not_a_member_of_that_name_nor_what_botocore_insists_on(botocore: Path) -> None:
    slim(botocore.parents[1], CALLED)

    model = read(botocore / "s3/2006-03-01/service-2.json")
    assert model["shapes"]["In"]["members"] == {"documentation": {"shape": "Text"}}
    assert model["clientContextParams"] == MODEL["clientContextParams"]
    assert "documentation" not in model


@pytest.mark.parametrize(
    ("operations", "named"),
    [
        ({"s3": ("GetObjekt",)}, "no operation GetObjekt of the service s3"),
        ({"s4": ("GetObject",)}, "no description of the service s4"),
    ],
)
def test_what_botocore_does_not_know_stops_the_bundle(botocore: Path, operations: Any, named: str) -> None:
    with pytest.raises(SlimmingError, match=named):
        slim(botocore.parents[1], operations)


def test_a_root_that_is_gone_from_botocores_list_stops_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "botocore").mkdir()
    (tmp_path / "botocore" / "cacert.pem").write_text("")

    with pytest.raises(certificates.RootsError, match="Amazon Root CA 1"):
        certificates.write_roots(tmp_path)


@pytest.mark.parametrize("function", OPERATIONS)
def test_what_a_role_is_granted_is_what_the_bundle_can_call(dev: Synthesised, function: str) -> None:
    granted: dict[str, set[str]] = {}
    for statement in dev.statements(f"{function.title()}RoleDefaultPolicy"):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            service, name = action.split(":")
            if service not in NOT_CALLED:
                granted.setdefault(service, set()).add(OPERATION_OF_ACTION.get(name, name))
    if function == "ingest":
        # Never called: S3 answers 404 and not 403 for what is gone where the caller may list the bucket.
        granted["s3"].remove("ListBucket")
    # S3 takes the plain right for objects of a bucket without versions; ours has them, so only the versioned one is
    # granted.
    assert granted == {service: set(names) for service, names in OPERATIONS[function].items()}


PARAMETERS: dict[str, dict[str, Any]] = {
    "dynamodb.BatchWriteItem": {"RequestItems": {"t": [{"PutRequest": {"Item": {"k": {"S": "1"}}}}]}},
    "dynamodb.GetItem": {"TableName": "t", "Key": {"k": {"S": "1"}}},
    "dynamodb.PutItem": {"TableName": "t", "Item": {"k": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(k)"},
    "dynamodb.Query": {"TableName": "t", "KeyConditionExpression": "k = :k"},
    "dynamodb.UpdateItem": {"TableName": "t", "Key": {"k": {"S": "1"}}, "UpdateExpression": "SET n = :n"},
    "events.PutEvents": {"Entries": [{"EventBusName": "b", "Source": "s", "DetailType": "d", "Detail": "{}"}]},
    "s3.GetObject": {"Bucket": "bucket", "Key": "incoming/a b", "VersionId": "1"},
    "s3.PutObject": {"Bucket": "bucket", "Key": "quarantine/a", "Body": b"x", "ContentType": "text/plain"},
    "sns.Publish": {"TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "m", "MessageAttributes": {}},
    "ssm.GetParameter": {"Name": "/p"},
}

# Runs inside the bundle alone: each call is built, signed, sent to a stub, and its answer and its error are read.
CALL_EACH = """
import importlib, json, sys, zoneinfo
sys.path.insert(0, sys.argv[1])
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from lambdas.shared.clients import authorities, client

ERRORS = {
    "dynamodb": '{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}',
    "s3": "<Error><Code>NoSuchKey</Code></Error>",
    "sns": "<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>",
}

class Raw:
    def __init__(self, content):
        self.content = content
    def stream(self, *_, **__):
        yield self.content
    def read(self, *_, **__):
        content, self.content = self.content, b""
        return content

class Stub:
    def __init__(self, service):
        self.service = service
        self.urls = []
        self.fails = False
    def __call__(self, request, **_):
        self.urls.append(request.url)
        if self.fails:
            content = ERRORS.get(self.service, '{"__type": "ValidationException"}')
        elif self.service == "sns":
            content = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
        else:
            content = "" if self.service == "s3" else "{}"
        return AWSResponse(request.url, 400 if self.fails else 200, {}, Raw(content.encode()))

importlib.import_module(f"lambdas.{sys.argv[2]}.handler")
done = {}
for name, parameters in json.loads(sys.argv[3]).items():
    service, operation = name.split(".")
    stubbed = client(service)
    stub = Stub(service)
    stubbed.meta.events.register("before-send", stub)
    call = getattr(stubbed, xform_name(operation))
    call(**parameters)
    stub.fails = True
    try:
        call(**parameters)
    except ClientError as error:
        done[name] = [stub.urls[0], type(error).__name__]
zoneinfo.reset_tzpath([])
zone = zoneinfo.ZoneInfo("Australia/Sydney").key
print(json.dumps({"calls": done, "zone": zone, "roots": authorities("us-east-1"), "operations": {
    service: sorted(client(service).meta.method_to_api_mapping.values()) for service in json.loads(sys.argv[4])}}))
"""
ENVIRONMENT = {
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STAGE", "READINGS_TABLE", "EVENT_BUS"), "k"),
    **{"AWS_DEFAULT_REGION": "us-east-1", "THRESHOLDS_PARAMETER": "/p", "ALERTS_TABLE": "a", "AWS_REGION": "us-east-1"},
    **{"INCOMING_PREFIX": "incoming/", "QUARANTINE_PREFIX": "quarantine/", "TOPIC_ARN": "arn:aws:sns:us-east-1:1:t"},
    "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:us-east-1:1:n",
    "LAMBDA_TASK_ROOT": "/var/task",
}


@pytest.mark.parametrize("function", OPERATIONS)
def test_every_operation_works_from_inside_the_real_bundle(function: str, tmp_path: Path) -> None:
    bundle = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=host_target()).bundle(function)
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(tmp_path)
    listed = {f"{service}.{name}" for service, names in OPERATIONS[function].items() for name in names}
    parameters = {name: given for name, given in PARAMETERS.items() if name in listed}
    arguments = [
        str(tmp_path),
        function,
        json.dumps(parameters, default=bytes.decode),
        json.dumps([*OPERATIONS[function]]),
    ]

    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", CALL_EACH, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert set(found["calls"]) == listed
    assert found["operations"] == {service: sorted(names) for service, names in OPERATIONS[function].items()}
    assert all(url.startswith("https://") and ".amazonaws.com" in url for url, _ in found["calls"].values())
    assert found["roots"] == str(tmp_path / "aws-roots.pem")
    assert found["zone"] == "Australia/Sydney", "from the bundle's own tzdata"
    if function == "alert":
        assert found["calls"]["dynamodb.PutItem"][1] == "ConditionalCheckFailedException"


def test_the_roots_are_five_certificates_that_openssl_can_load(tmp_path: Path) -> None:
    bundle = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=host_target()).bundle("ingest")
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extract(certificates.FILE, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tmp_path / certificates.FILE)

    loaded: list[dict[str, Any]] = context.get_ca_certs()
    names = {dict(part[0] for part in found["subject"])["commonName"] for found in loaded}
    assert names == {
        *(f"Amazon Root CA {number}" for number in range(1, 5)),
        "Starfield Services Root Certificate Authority - G2",
    }
