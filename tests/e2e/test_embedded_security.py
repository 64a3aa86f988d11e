"""The embedded AWS is no hole in the machine it runs on: who gets past its listeners, and who does not."""

import http.client
import json
import socket
import ssl
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws

PAGE = {"Origin": "https://hostile.example"}


def port(aws: EmbeddedAws) -> int:
    return int(str(aws.access.endpoint).rpartition(":")[2])


def ask(
    aws: EmbeddedAws, method: str, path: str, headers: dict[str, str], *, body: bytes | None = None
) -> tuple[int, str, dict[str, str]]:
    context = ssl.create_default_context(cafile=aws.access.ca_bundle)
    connection = http.client.HTTPSConnection("localhost", port(aws), context=context, timeout=10)
    connection.request(method, path, headers=headers, body=body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}


def signed(aws: EmbeddedAws, **more: str) -> dict[str, str]:
    """Return headers that sign `GET /` as the run's own root."""
    request = AWSRequest(method="GET", url=f"{aws.access.endpoint}/", headers={"Host": f"localhost:{port(aws)}"})
    request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    SigV4Auth(Credentials(str(aws.access.access_key), str(aws.access.secret_key)), "s3", "us-east-1").add_auth(request)
    return {**dict(request.headers.items()), **more}


def client(aws: EmbeddedAws, service: str, key: str, secret: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
    once = Config(retries={"total_max_attempts": 1})
    return session.client(service, endpoint_url=aws.access.endpoint, verify=aws.access.ca_bundle, config=once)


def test_the_runs_own_signed_request_is_answered(aws: EmbeddedAws) -> None:
    status, body, _ = ask(aws, "GET", "/", signed(aws))
    assert (status, aws.pipeline.landing_bucket in body) == (200, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/2015-03-31/functions/"),
        ("POST", "/"),
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_localstack/health"),
        ("GET", "/_aws/lambda-url/x/"),
    ],
)
def test_an_unsigned_request_is_refused(aws: EmbeddedAws, method: str, path: str) -> None:
    status, body, _ = ask(aws, method, path, {})
    assert (status, aws.pipeline.landing_bucket in body) == (403, False)


@pytest.mark.parametrize("headers", [PAGE, {"Referer": "https://hostile.example/"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_page_is_refused_even_with_the_right_signature(aws: EmbeddedAws, headers: dict[str, str]) -> None:
    status, _, answered = ask(aws, "GET", "/", signed(aws, **headers))
    assert status == 403
    assert [name for name in answered if name.startswith("access-control-")] == []


def test_a_preflight_is_refused(aws: EmbeddedAws) -> None:
    asked = {**PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    status, _, answered = ask(aws, "OPTIONS", "/", asked)
    assert status == 403
    assert [name for name in answered if name.startswith("access-control-")] == []


def test_a_name_that_was_bent_to_this_machine_is_refused(aws: EmbeddedAws) -> None:
    status, body, _ = ask(aws, "GET", "/", signed(aws, Host="hostile.example"))
    assert (status, "Host" in body) == (403, True)


@pytest.mark.parametrize("service", ["s3", "lambda", "dynamodb", "iam"])
def test_neither_well_known_keys_nor_a_wrong_secret_get_in(aws: EmbeddedAws, service: str) -> None:
    calls = {"s3": "list_buckets", "lambda": "list_functions", "dynamodb": "list_tables", "iam": "list_users"}
    assert getattr(client(aws, service, str(aws.access.access_key), str(aws.access.secret_key)), calls[service])()
    for key in ("test", "123456789012", "AKIAIOSFODNN7EXAMPLE", str(aws.access.access_key)):
        with pytest.raises(ClientError) as refused:
            getattr(client(aws, service, key, "not the secret"), calls[service])()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert "Refused by the gate" in str(refused.value)


def raw(aws: EmbeddedAws, data: bytes) -> bytes:
    """Send bytes as they are and return all that comes back, also where the other side hangs up first."""
    context = ssl.create_default_context(cafile=aws.access.ca_bundle)
    with (
        socket.create_connection(("localhost", port(aws)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        answer = b""
        with suppress(ConnectionError, ssl.SSLError):
            connection.sendall(data)
            while more := connection.recv(65_536):
                answer += more
    return answer


def forged(key: str) -> str:
    scope = f"{datetime.now(UTC):%Y%m%d}/us-east-1/lambda/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"


@pytest.mark.parametrize("first", ["AKIAIOSFODNN7EXAMPLE", "test", "the run's own"])
@pytest.mark.parametrize("way", ["two headers", "two credentials", "folded", "the query"])
def test_no_second_signature_opens_the_gate(aws: EmbeddedAws, first: str, way: str) -> None:
    """The gate once read the last of two, the emulator the first: a request without a right signature passed."""
    root = str(aws.access.access_key) if first == "the run's own" else first
    unknown = "ASIA" + "X" * 16
    credential = f"Credential={root}/20260101/us-east-1/lambda/aws4_request, "
    headers, target = {
        "two headers": (f"Authorization: {forged(root)}\r\nAuthorization: {forged(unknown)}\r\n", ""),
        "two credentials": (
            f"Authorization: {forged(unknown).replace('Credential', credential + 'Credential')}\r\n",
            "",
        ),
        "folded": (f"Authorization: {forged(root)},\r\n {forged(unknown)}\r\n", ""),
        "the query": (f"Authorization: {forged(unknown)}\r\n", f"?X-Amz-Credential={root}/20260101/us-east-1/lambda/a"),
    }[way]
    answer = raw(
        aws,
        f"GET /2015-03-31/functions/{target} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        f"X-Amz-Date: {datetime.now(UTC):%Y%m%dT%H%M%SZ}\r\nConnection: close\r\n\r\n".encode(),
    )
    assert b"FunctionName" not in answer
    assert answer.split()[1] in (b"403", b"400")


@pytest.mark.parametrize(
    "data",
    [
        b"GET https://localhost/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n0\r\n\r\nGET /2015-03-31/functions/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 200_000 + b"\r\nConnection: close\r\n\r\n",
        bytes(range(256)) * 8 + b"\r\n\r\n",
    ],
    ids=["absolute-form", "no ascii", "length and chunks", "pipelined", "oversized", "no http"],
)
def test_whatever_comes_the_gate_refuses_it_and_goes_on(aws: EmbeddedAws, data: bytes) -> None:
    answer = raw(aws, data)
    assert b" 200 " not in answer
    assert ask(aws, "GET", "/", signed(aws))[0] == 200


@pytest.mark.parametrize("body", [b"{}", b"not json", b"\xff", b"[" * 60_000, b'{"id": [], "trace_id": {}}'])
def test_no_datagram_ends_the_collector(aws: EmbeddedAws, body: bytes) -> None:
    host, number = aws.collector.daemon_address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"format":"json","version":1}\n' + body, (host, int(number)))
    before = len(aws.collector.documents())
    aws.uploader().upload("incoming/boiler-7/after-a-datagram.json", b"{}")
    assert wait_until(lambda: len(aws.collector.documents()) > before, seconds=30)
    aws.collector.flush()


def test_the_x_ray_api_verifies_signatures(aws: EmbeddedAws) -> None:
    session: Any = boto3.Session(
        aws_access_key_id=aws.access.access_key, aws_secret_access_key="another", region_name="us-east-1"
    )
    xray = session.client("xray", endpoint_url=aws.access.xray_endpoint)
    with pytest.raises(ClientError, match="403"):
        xray.put_trace_segments(TraceSegmentDocuments=["{}"])
    assert aws.access.client("xray").batch_get_traces(TraceIds=["1-00000000-000000000000000000000000"])


def test_every_listener_is_on_loopback(aws: EmbeddedAws) -> None:
    """Whatever listens for this process and its children listens on 127.0.0.1 alone."""
    listening = _listening(_family())
    assert port(aws) in {number for _, number in listening}
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_devices_may_upload_under_their_own_name_and_nothing_else(aws: EmbeddedAws) -> None:
    boiler, nobody = _device(aws, "boiler-7"), _device(aws, "")
    bucket = aws.pipeline.landing_bucket
    boiler.put_object(Bucket=bucket, Key="incoming/boiler-7/a.txt", Body=b"")
    for s3, key in (
        (boiler, "incoming/boiler-8/a.txt"),
        (boiler, "incoming/a.txt"),
        (boiler, "quarantine/boiler-7/a.txt"),
        (boiler, "incoming/boiler-7"),
        (nobody, "incoming/boiler-7/b.txt"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
        boiler.get_object(Bucket=bucket, Key="incoming/boiler-7/a.txt")
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
        boiler.list_objects_v2(Bucket=bucket, Prefix="incoming/boiler-7/")
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
        boiler.delete_object(Bucket=bucket, Key="incoming/boiler-7/a.txt")


@pytest.mark.parametrize("path", ["/2015-03-31/functions", "/2015-03-31/%2566unctions"])
def test_a_devices_key_makes_no_function(aws: EmbeddedAws, path: str) -> None:
    """The second once did: the emulator asked no policy, and ran what it was given as the user of `make up`."""
    key = _device(aws, "boiler-7")._request_signer._credentials
    request = AWSRequest(method="POST", url=f"{aws.access.endpoint}{path}", data=b"{}")
    request.headers["Host"] = f"localhost:{port(aws)}"
    SigV4Auth(Credentials(key.access_key, key.secret_key), "lambda", "us-east-1").add_auth(request)
    status, body, _ = ask(aws, "POST", path, dict(request.headers.items()), body=b"{}")
    assert (status, "gate" in body) == (403, True)


def test_a_body_without_a_signature_is_not_waited_for(aws: EmbeddedAws) -> None:
    """It was kept to its end, however long, before anybody asked who sent it."""
    answer = raw(aws, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000000\r\n\r\n0")
    assert b" 403 " in answer


def _device(aws: EmbeddedAws, device: str) -> Any:
    """Return the S3 client of a device: a user with the stack's policy for devices.

    AWS fills the caller's own tag in for the policy variable; the embedded AWS knows no policy variables, so the test
    does it.
    """
    iam = aws.access.client("iam")
    stack = aws.access.client("cloudformation").describe_stacks(StackName="SensorFanout-dev")["Stacks"][0]
    (arn,) = [output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "DevicePolicy"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    text = document if isinstance(document, str) else json.dumps(document)
    assert "${aws:PrincipalTag/device}" in text
    name = f"device-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    filled_in = text.replace("${aws:PrincipalTag/device}", device)
    iam.put_user_policy(UserName=name, PolicyName="upload", PolicyDocument=filled_in)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return client(aws, "s3", key["AccessKeyId"], key["SecretAccessKey"])


def _family() -> set[str]:
    """Return the process ids of this process and all below it."""
    parents: dict[str, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[stat.parent.name] = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has ended meanwhile
            continue
    family = {str(Path("/proc/self").resolve().name)}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _listening(processes: set[str]) -> set[tuple[str, int]]:
    """Return (address, port) of each listening TCP socket (proc(5), /proc/net/tcp: state 0A)."""
    sockets = set()
    for process in processes:
        for handle in Path(f"/proc/{process}/fd").glob("*"):
            try:
                sockets.add(str(handle.readlink()))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, number = fields[1].split(":")
                plain = ".".join(str(byte) for byte in reversed(bytes.fromhex(address))) if table == "tcp" else address
                found.add((plain, int(number, 16)))
    return found


def test_nothing_of_a_run_is_open_to_others(aws: EmbeddedAws) -> None:
    everything = [aws.folder, *aws.folder.rglob("*")]
    assert [
        path for path in everything if path.exists() and path.stat().st_mode & 0o077 and not path.is_symlink()
    ] == []
