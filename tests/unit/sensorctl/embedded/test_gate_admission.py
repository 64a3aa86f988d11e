"""The gate against requests signed by botocore, the reference, and against what hostile programs make of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sensorctl.embedded.gate.admission import Key, RefusedError, Request, admit, examine

ROOT, SESSION, DEVICE = "AKIA0123456789ABCDEF", "ASIA0123456789ABCDEF", "AKIADEVICE0000000000"
KEYS = {
    ROOT: Key(secret="root's"),
    SESSION: Key(secret="the session's", token="its token", buckets=frozenset()),
    DEVICE: Key(secret="the device's", buckets=frozenset({"bucket"})),
}
Headers = list[tuple[bytes, bytes]]


def signed(
    method: str = "GET",
    target: str = "/",
    body: bytes = b"",
    *,
    key: str = ROOT,
    service: str = "lambda",
    secret: str | None = None,
    token: str | None = None,
    **more: str,
) -> Request:
    """Return what botocore sends, with `more` signed too."""
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    request = AWSRequest(method=method, url=f"https://localhost:4566{target}", data=body, headers=headers)
    known = KEYS.get(key, Key(secret="unknown"))
    credentials = Credentials(key, secret or known.secret, token or known.token)
    signer: Any = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, "us-east-1").add_auth(request)
    path, _, query = target.partition("?")
    sent = [(b"host", b"localhost:4566"), (b"user-agent", b"any")]
    sent += [(name.encode(), value.encode()) for name, value in request.headers.items() if name.lower() != "host"]
    return Request(method=method, path=path.encode(), query=query.encode(), headers=sent, body=body)


def changed(request: Request, **changes: Any) -> Request:
    return Request(**{**vars(request), **changes})


def passed(request: Request, *, after: timedelta = timedelta()) -> dict[bytes, bytes]:
    onward = admit(request, key_of=KEYS.get, now=datetime.now(UTC) + after)
    assert len(dict(onward)) == len(onward)
    return dict(onward)


@pytest.mark.parametrize(
    "request_",
    [
        signed(),
        signed("POST", "/", b'{"a": 1}', service="dynamodb", X_Amz_Target="DynamoDB_20120810.ListTables"),
        signed("GET", "/2015-03-31/functions/arn%3Aaws%3Alambda/policy?Marker=a%20b&A-b=1&A=2", service="lambda"),
        signed("PUT", "/bucket/incoming/a%20b//../c%2B.json", b"{}", service="s3"),
        signed("GET", "/bucket?list-type=2&prefix=incoming%2F&delimiter=", service="s3"),
        signed("PUT", "/bucket/key", b"chunks", service="s3", Content_Type="text/plain"),
        signed("POST", "/", b"Action=GetCallerIdentity", key=SESSION, service="sts"),
        signed("POST", "/", b"Action=GetCallerIdentity", key=SESSION, service="sts", Content_Length="24"),
    ],
)
def test_what_a_client_signs_passes_with_just_the_headers_it_signed(request_: Request) -> None:
    onward = passed(request_)
    authorization = onward[b"authorization"].decode()
    names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert set(onward) == {b"authorization", b"content-length", *(name.encode() for name in names)}
    assert onward[b"content-length"] == str(len(request_.body)).encode()


PLAIN = [
    signed("PUT", "/bucket/incoming/boiler-7/a%2Fb", b"{}", key=DEVICE, service="s3"),
    signed("POST", "/", b"{}", key=DEVICE, service="dynamodb", X_Amz_Target="DynamoDB_20120810.PutItem"),
]
# What the emulator carries out without asking the policies, or after asking them about another action.
OF_MANY_FACES = {
    "an encoded path": signed("POST", "/2015-03-31/%2566unctions", b"{}", key=DEVICE),
    "a path": signed("POST", "/2015-03-31/functions", b"{}", key=DEVICE),
    "an unknown path": signed("PUT", "/2019-09-25/functions/a/event-invoke-config", b"{}", key=DEVICE),
    "an action beside": signed("GET", "/bucket/incoming/boiler-7/a?Action=PutObject", key=DEVICE, service="s3"),
    "an encoded action": signed("GET", "/bucket/incoming/boiler-7/a?%41ction=PutObject", key=DEVICE, service="s3"),
    "a target beside": signed("GET", "/bucket/a", key=DEVICE, service="s3", X_Amz_Target="S3.PutObject"),
    "a form": signed("POST", "/bucket/a", key=DEVICE, service="s3", Content_Type="application/x-www-form-urlencoded"),
    "no bucket": signed("GET", "/v20180820/jobs", key=DEVICE, service="s3"),
    "a key that no list can hold": signed("PUT", "/bucket/incoming/boiler-7/%00", key=DEVICE, service="s3"),
    "two actions": signed("POST", "/?Action=GetSessionToken", b"Action=AssumeRole", key=DEVICE, service="sts"),
}


@pytest.mark.parametrize("request_", PLAIN)
def test_what_functions_and_devices_call_passes(request_: Request) -> None:
    assert passed(request_)


@pytest.mark.parametrize("request_", OF_MANY_FACES.values(), ids=OF_MANY_FACES)
def test_only_the_runs_own_key_may_call_what_the_emulator_could_misread(request_: Request) -> None:
    """A device's key created a function, and ran it as the user who had started `make up`."""
    with pytest.raises(RefusedError, match=r"access key|another action|bucket|cannot list"):
        passed(request_)


def test_who_has_no_key_is_refused_before_the_body_is_read() -> None:
    """Whatever was sent was kept until its end, unsigned: gigabytes of it ended the embedded AWS."""
    with pytest.raises(RefusedError, match="unknown"):
        examine(changed(signed(key="AKIAIOSFODNN7EXAMPLE"), body=b""), key_of=KEYS.get, now=datetime.now(UTC))


def with_headers(change: Callable[[Headers], Headers]) -> Request:
    request = signed("POST", "/", b"{}", service="dynamodb", X_Amz_Target="DynamoDB_20120810.ListTables")
    return changed(request, headers=change(list(request.headers)))


def replaced(name: str, change: Callable[[bytes], bytes]) -> Request:
    return with_headers(lambda headers: [(n, change(v) if n.lower() == name.encode() else v) for n, v in headers])


def added(name: bytes, value: bytes) -> Request:
    return with_headers(lambda headers: [*headers, (name, value)])


def put_first(name: bytes, value: bytes) -> Request:
    return with_headers(lambda headers: [(name, value), *headers])


HOSTILE = {
    "no authorization": with_headers(lambda headers: [pair for pair in headers if pair[0] != b"Authorization"]),
    "two authorizations": put_first(b"authorization", b"AWS4-HMAC-SHA256 Credential=test/20260101/a/b/aws4_request"),
    "differently cased": added(b"AUTHORIZATION", b"x"),
    "two credentials": replaced("authorization", lambda v: v.replace(b"Credential=", b"Credential=test/, Credential=")),
    "two signatures": replaced("authorization", lambda v: v + b", Signature=" + b"0" * 64),
    "folded": replaced("authorization", lambda v: v.replace(b", ", b",\r\n ")),
    "a comma after": replaced("authorization", lambda v: v + b","),
    "another algorithm": replaced("authorization", lambda v: v.replace(b"AWS4-HMAC", b"AWS4-ECDSA-P256")),
    "an old signature": replaced("authorization", lambda _: b"AWS test:abc"),
    "target twice": put_first(b"x-amz-target", b"DynamoDB_20120810.DeleteTable"),
    "another target": replaced("x-amz-target", lambda _: b"DynamoDB_20120810.DeleteTable"),
    "an unsigned amz header": added(b"X-Amz-Copy-Source", b"/other/key"),
    "an unsigned condition": added(b"If-None-Match", b"*"),
    "length and chunks": with_headers(lambda h: [*h, (b"content-length", b"2"), (b"transfer-encoding", b"chunked")]),
    "too long": added(b"accept", b"x" * 70_000),
    "a page": added(b"Origin", b"https://hostile.example"),
    "null origin": added(b"origin", b"null"),
    "a foreign host": replaced("host", lambda _: b"hostile.example"),
    "a host like ours": replaced("host", lambda _: b"localhost.hostile.example"),
    "a user in the host": replaced("host", lambda _: b"localhost@hostile.example"),
    "no host": with_headers(lambda headers: [pair for pair in headers if pair[0] != b"host"]),
    "host twice": added(b"Host", b"localhost"),
    "another body": changed(signed("POST", "/", b"{}"), body=b"{} "),
    "an unsigned payload": signed("POST", "/", b"{}", X_Amz_Content_SHA256="UNSIGNED-PAYLOAD"),
    "a stated hash": changed(signed("PUT", "/b/k", b"a", service="s3"), body=b"b"),
    "another method": changed(signed("GET"), method="DELETE"),
    "another path": changed(signed("GET", "/a"), path=b"/b"),
    "another query": changed(signed("GET", "/a?b=1"), query=b"b=2"),
    "an absolute target": changed(signed("GET", "/"), path=b"https://localhost/"),
    "no path": changed(signed("GET", "/"), path=b"*"),
    "bytes in the path": changed(signed("GET", "/"), path=b"/\xff"),
    "a second signature": signed("GET", "/?X-Amz-Signature=a&X-Amz-Credential=test"),
    "an encoded second": signed("GET", "/?x%2Damz-credential=test"),
    "an old query key": signed("GET", "/?AWSAccessKeyId=test"),
    "a wrong secret": signed(secret="another"),
    "a session without its token": signed(key=SESSION, token="another"),
}


@pytest.mark.parametrize("request_", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_refused(request_: Request) -> None:
    with pytest.raises(RefusedError):
        passed(request_)


@pytest.mark.parametrize("key", ["test", "123456789012", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_a_key_that_does_not_exist_is_refused(key: str) -> None:
    with pytest.raises(RefusedError, match="unknown"):
        passed(signed(key=key, secret="test"))


def test_a_request_is_good_for_fifteen_minutes() -> None:
    request = signed()
    for minutes in (-14, 0, 14):
        passed(request, after=timedelta(minutes=minutes))
    for minutes in (-16, 16, 60 * 24):
        with pytest.raises(RefusedError, match="15 minutes"):
            passed(request, after=timedelta(minutes=minutes))


def test_a_presigned_request_is_refused() -> None:
    request = AWSRequest(method="GET", url="https://localhost:4566/")
    SigV4QueryAuth(Credentials(ROOT, KEYS[ROOT].secret), "s3", "us-east-1").add_auth(request)
    query = str(request.url).partition("?")[2].encode()
    with pytest.raises(RefusedError):
        passed(Request(method="GET", path=b"/", query=query, headers=[(b"host", b"localhost:4566")], body=b""))


@given(
    st.lists(st.tuples(st.sampled_from([b"host", b"authorization", b"x-amz-date", b"a"]), st.binary(max_size=40))),
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.binary(max_size=20),
)
def test_any_bytes_are_refused_and_never_break_the_gate(
    headers: Headers, path: bytes, query: bytes, body: bytes
) -> None:
    with pytest.raises(RefusedError):
        passed(Request(method="GET", path=path, query=query, headers=headers, body=body))


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_no_byte_of_the_authorization_can_change(at: int, byte: int) -> None:
    request = signed()
    old = dict(request.headers)[b"Authorization"]
    new = old[: at % len(old)] + bytes([byte]) + old[at % len(old) + 1 :]
    headers = [(name, new if name == b"Authorization" else value) for name, value in request.headers]
    if new != old:
        with pytest.raises(RefusedError):
            passed(changed(request, headers=headers))
