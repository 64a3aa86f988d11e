"""Decides which requests may pass: those signed with a known key, of which only what was signed goes on.

Standard library alone: it runs in the emulator's environment and before the X-Ray API of this one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

# The whole header (AWS Signature Version 4 for API requests, "Authorization header"): each parameter once, in order.
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[A-Za-z0-9]{4,128})/(?P<day>\d{8})/(?P<region>[a-z0-9-]{1,64})/"
    r"(?P<service>[a-z0-9-]{1,64})/aws4_request, ?SignedHeaders=(?P<signed>[a-z0-9_.-]+(?:;[a-z0-9_.-]+)*), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
# What a document of XML 1.0 cannot hold (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Bodies that S3's clients do not hash over TLS (S3 API Reference, "Authenticating Requests: Using the Authorization
# Header"). Chunks with signatures of their own are not among them: nobody here would verify those.
_UNHASHED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
_SKEW = timedelta(minutes=15)
# What browsers add to requests of pages, and AWS clients never do.
_OF_PAGES = frozenset({"origin", "referer", "sec-fetch-site", "access-control-request-method", "cookie"})
# Clients do not sign these, and nothing depends on them: they are dropped, and Content-Length is made anew.
_DROPPED = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "amz-sdk-invocation-id", "amz-sdk-request", "baggage"),
        *("cache-control", "connection", "content-length", "expect", "keep-alive", "pragma", "te", "traceparent"),
        *("tracestate", "transfer-encoding", "user-agent", "x-amzn-trace-id"),
    }
)
# Query parameters that sign: a second signature beside the header's is not verified.
_SIGNING = ("x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid", "signature")
_HEADER_BYTES = 64 * 1024

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class Key:
    """What belongs to an access key; a session's requests must carry its token.

    `buckets`: None for the run's own key; any other may call services of one path, and S3 in these buckets.
    """

    secret: str
    token: str | None = None
    buckets: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it arrived; `path` and `query` still percent-encoded."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes


class RefusedError(Exception):
    """The request may not pass; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A request of a key that exists; its signature is not verified yet, since that takes the body."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    given: re.Match[str]
    key: Key

    def verify(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Return the headers that may go on with the request's path, query and body. Raises RefusedError."""
        given, headers = self.given, self.headers
        signed = given["signed"].split(";")
        canonical = "\n".join(
            [
                self.method,
                self.path if given["service"] == "s3" else quote(_normalised(self.path), safe="/-_.~"),
                "&".join(f"{name}={value}" for name, value in sorted(self.query)),
                *(f"{name}:{' '.join(headers[name].split())}" for name in signed),
                "",
                given["signed"],
                _payload(headers.get("x-amz-content-sha256"), body, service=given["service"]),
            ]
        )
        expected = _signature(canonical, given=given, date=headers["x-amz-date"], key=self.key)
        if not hmac.compare_digest(expected, given["signature"]):
            raise RefusedError("the signature does not match")
        onward = [(name.encode(), headers[name].encode("latin-1")) for name in (*signed, "authorization")]
        # The JavaScript SDK, and with it the CDK CLI, signs the length too.
        return onward if "content-length" in signed else [*onward, (b"content-length", str(len(body)).encode())]


def admit(request: Request, *, key_of: Callable[[str], Key | None], now: datetime) -> list[tuple[bytes, bytes]]:
    """Return the headers that may go on with the request's path, query and body. Raises RefusedError."""
    return examine(request, key_of=key_of, now=now).verify(request.body)


def examine(request: Request, *, key_of: Callable[[str], Key | None], now: datetime) -> Claim:
    """Return what the request claims to be, without a look at its body. Raises RefusedError.

    Whoever has no key is refused here, before anything that they send is kept.
    """
    headers = _single(request.headers)
    path, query = _target(request)
    if _OF_PAGES & headers.keys():
        raise RefusedError("requests of web pages are refused")
    if not _is_local(headers.get("host", "")):
        # A name of the attacker's that resolves to this machine (DNS rebinding).
        raise RefusedError("the Host is not localhost")
    if "authorization" not in headers:
        raise RefusedError("the request is not signed")
    given = _AUTHORIZATION.fullmatch(headers["authorization"])
    if given is None:
        raise RefusedError("the Authorization header is not one Signature Version 4")
    _check_signed(given["signed"].split(";"), headers)
    _check_time(headers.get("x-amz-date", ""), day=given["day"], now=now)
    key = key_of(given["key"])
    if key is None or (key.token is not None and headers.get("x-amz-security-token") != key.token):
        raise RefusedError("the access key is unknown (another `make up` has others: source its aws.env)")
    claim = Claim(method=request.method, path=path, query=query, headers=headers, given=given, key=key)
    if key.buckets is not None:
        _check_plain(claim, buckets=key.buckets)
    return claim


def _check_plain(claim: Claim, *, buckets: frozenset[str]) -> None:
    """Refuse a request if the emulator might check the policies for another action than it carries out, or for none.

    It asks the policies about the action that it reads from a request, and admits a request in which it finds none:
    `/2015-03-31/%2566unctions` is no action at first, and CreateFunction later. In S3, `Action=` and
    X-Amz-Target name another action than the one that is done. Every call of the functions and of devices is plain.
    """
    if claim.headers["host"].partition(":")[0] not in ("localhost", "127.0.0.1"):
        raise RefusedError("this access key may not call other hosts")
    if claim.given["service"] == "s3":
        names = {unquote(name).lower() for name, _ in claim.query}
        form = "form" in claim.headers.get("content-type", "") and claim.method != "PUT"
        if "x-amz-target" in claim.headers or "action" in names or form:
            raise RefusedError("the request names another action than its own")
        if claim.path != "/" and claim.path.split("/")[1] not in buckets:
            raise RefusedError("there is no such bucket")
        if _NOT_XML.search(unquote(claim.path)):
            # S3 would take it, and encode it in lists; the emulator would never list this bucket's versions again.
            raise RefusedError("the key has characters that the embedded AWS cannot list")
    elif claim.path != "/" or claim.query:
        raise RefusedError("this access key may call no service that has paths")


def _single(raw: Headers) -> dict[str, str]:
    """Return the headers by lower-case name; refuse a name that comes twice, since readers differ in which counts."""
    headers: dict[str, str] = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        text = name.decode("latin-1").lower()
        if text in headers:
            raise RefusedError(f"the header {text[:40]!r} comes twice")
        headers[text] = value.decode("latin-1")
    if size > _HEADER_BYTES:
        raise RefusedError("the headers are too long")
    if any(ord(character) < 0x20 and character != "\t" for value in headers.values() for character in value):
        raise RefusedError("a header holds a control character")
    if {"content-length", "transfer-encoding"} <= headers.keys():
        raise RefusedError("a length and chunks cannot both be")
    return headers


def _target(request: Request) -> tuple[str, list[tuple[str, str]]]:
    """Return path and encoded query pairs of an origin-form target (RFC 9112, section 3.2.1)."""
    if not request.path.startswith(b"/") or not (request.path + request.query).isascii():
        raise RefusedError("the target is not a path")
    pairs = []
    for pair in filter(None, request.query.decode().split("&")):
        name, _, value = pair.partition("=")
        if unquote(name).lower() in _SIGNING:
            raise RefusedError("signatures in the query are not taken")
        pairs.append((name, value))
    return request.path.decode(), pairs


def _check_signed(signed: list[str], headers: Mapping[str, str]) -> None:
    if signed != sorted(set(signed)) or not {"host", "x-amz-date"} <= set(signed) <= headers.keys():
        raise RefusedError("the list of signed headers is wrong")
    loose = headers.keys() - set(signed) - _DROPPED - {"authorization"}
    if loose:
        raise RefusedError(f"the header {min(loose)[:40]!r} is not signed")


def _check_time(date: str, *, day: str, now: datetime) -> None:
    """Refuse what was signed more than 15 minutes away, which ends replays (S3 API Reference, same page)."""
    if not _DATE.fullmatch(date) or not date.startswith(day):
        raise RefusedError("X-Amz-Date is not the date of the signature")
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusedError("X-Amz-Date is no date") from None
    if abs(at - now) > _SKEW:
        raise RefusedError("it was signed more than 15 minutes ago or ahead")


def _payload(stated: str | None, body: bytes, *, service: str) -> str:
    actual = hashlib.sha256(body).hexdigest()
    if stated is None:
        return actual
    if stated in _UNHASHED and service == "s3":
        return stated
    if not _HASH.fullmatch(stated) or stated != actual:
        raise RefusedError("the body is not the one that was signed")
    return stated


def _signature(canonical: str, *, given: re.Match[str], date: str, key: Key) -> str:
    scope = (given["day"], given["region"], given["service"], "aws4_request")
    text = "\n".join(("AWS4-HMAC-SHA256", date, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()))
    derived = f"AWS4{key.secret}".encode()
    for part in (*scope, text):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived.hex()


def _normalised(path: str) -> str:
    """Remove dot segments and repeated slashes, as every service but S3 does before it signs."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if path.endswith("/") and kept else "")


def _is_local(host: str) -> bool:
    return re.fullmatch(r"(?:localhost|127\.0\.0\.1|[a-z0-9.-]+\.localhost)(?::\d{1,5})?", host.lower()) is not None
