"""The X-Ray that the emulator lacks: a daemon's UDP port in front of moto's X-Ray API.

Functions send documents to the port as they would to the X-Ray daemon; `flush` joins what has come (see `trace_join`)
and puts it where the ordinary X-Ray calls find it. Both listen on loopback only. The API takes requests that are signed
with this run's random key and nothing else; the port, which has no signatures, takes nothing but segment documents.
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from sensorctl.aws.access import Access
from sensorctl.aws.uploader import DAEMON_HEADER
from sensorctl.embedded.gate.admission import Key, RefusedError, Request, admit
from sensorctl.embedded.trace_join import DEEPEST, Document, join

_PUT_BATCH = 20
_KEPT = 20_000
_BURST_BYTES = 8 * 1024 * 1024
_BODY_BYTES = 16 * 1024 * 1024
_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}", re.ASCII)
_NAME = re.compile(r"[^\x00-\x1f]{1,200}")
# The last day of the year 9999 is another year where clocks are ahead of UTC, which moto would read it by.
_LATEST = 253_402_300_800 - 86_400
# X-Ray Developer Guide, "X-Ray segment documents". moto makes arguments of the members: any other could break its call.
_MEMBERS = frozenset(
    (
        *(
            "annotations",
            "aws",
            "cause",
            "end_time",
            "error",
            "fault",
            "http",
            "id",
            "in_progress",
            "links",
            "metadata",
        ),
        *("name", "namespace", "origin", "parent_id", "precursor_ids", "service", "sql", "start_time", "subsegments"),
        *("throttle", "trace_id", "traced", "type", "user"),
    )
)


class TraceCollector:
    """Listens from `start` to `stop`; `flush` makes what has arrived readable through the API."""

    def __init__(self, *, access_key: str, secret_key: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A burst of invocations must not lose documents while this thread waits for the interpreter.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BURST_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._server = _api_server(access_key, secret_key)
        self._xray = Access(xray_endpoint=self.endpoint, access_key=access_key, secret_key=secret_key).client("xray")
        self._lock = threading.Lock()
        self._received: deque[tuple[float, Document]] = deque(maxlen=_KEPT)
        self._written: set[str] = set()
        self._arrived = 0
        self._flushed = 0
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, daemon=True, name="xray-daemon"),
            threading.Thread(target=self._server.serve_forever, daemon=True, name="xray-api"),
        ]

    @property
    def daemon_address(self) -> str:
        """Where functions send documents (`AWS_XRAY_DAEMON_ADDRESS`)."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    @property
    def endpoint(self) -> str:
        """Where the X-Ray API answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop listening; what was not flushed is gone."""
        self._stopped.set()
        self._socket.sendto(b"", self._socket.getsockname())
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._server.server_close()

    def documents(self) -> list[Document]:
        """Return the documents that have come, as they came."""
        with self._lock:
            return [document for _, document in self._received]

    def flush(self, *, quiet_s: float = 0) -> None:
        """Join the documents and put into X-Ray what is not there yet and has not grown for `quiet_s` seconds."""
        before = time.monotonic() - quiet_s
        with self._lock:
            received, arrived = list(self._received), self._arrived
        if arrived == self._flushed:
            return
        growing = {_segment_id(document) for at, document in received if at > before}
        segments = [
            segment
            for segment in join(document for _, document in received)
            if segment["id"] not in self._written and segment["id"] not in growing
        ]
        self._put(segments)
        self._written.update(segment["id"] for segment in segments)
        self._flushed = -1 if growing else arrived

    def _put(self, segments: list[Document]) -> None:
        for start in range(0, len(segments), _PUT_BATCH):
            batch = [json.dumps(segment) for segment in segments[start : start + _PUT_BATCH]]
            refused = self._xray.put_trace_segments(TraceSegmentDocuments=batch)["UnprocessedTraceSegments"]
            if refused:
                raise RuntimeError(f"X-Ray refused {len(refused)} segments, the first with {refused[0]}")

    def _listen(self) -> None:
        while not self._stopped.is_set():
            header, _, body = self._socket.recvfrom(65_536)[0].partition(b"\n")
            if header == DAEMON_HEADER:
                document = readable(body)
                if document is not None:
                    with self._lock:
                        self._arrived += 1
                        self._received.append((time.monotonic(), document))


def _segment_id(document: Document) -> str:
    return str(document["parent_id"] if document.get("type") == "subsegment" else document["id"])


def readable(body: bytes) -> Document | None:
    """Return the segment document in a datagram, or None: any program on the machine can send any bytes."""
    try:
        document = json.loads(body)
        # What cannot be written again, such as half a surrogate pair, cannot be put into X-Ray either.
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and _is_document(document) else None


def _is_document(document: Document) -> bool:
    trace, parent = document.get("trace_id"), document.get("parent_id", "0" * 16)
    # Whole segments here are uploads, with which a trace begins; what others name as their parent is joined to them.
    whole = document.get("type") != "subsegment"
    related = whole != ("parent_id" in document)
    return _is(_TRACE_ID, trace) and _is(_ID, parent) and related and _is_segment(document, levels=DEEPEST)


def _is_segment(document: Document, *, levels: int) -> bool:
    """Whether it has what every segment must have and no more, nor subsegments in each other beyond `levels`."""
    notes, inner = document.get("annotations", {}), document.get("subsegments", [])
    return (
        levels > 0
        and document.keys() <= _MEMBERS
        and _is(_ID, document.get("id"))
        and _is(_NAME, document.get("name"))
        and _is_time(document.get("start_time"))
        and _is_time(document.get("end_time"))
        and isinstance(notes, dict)
        and all(isinstance(value, str | int | float) for value in notes.values())
        and _is(_TRACE_ID, notes.get("origin_trace_id", "1-00000000-" + "0" * 24))
        and _is_cause(document.get("cause", {}))
        and isinstance(inner, list)
        and all(isinstance(item, dict) and _is_segment(item, levels=levels - 1) for item in inner)
    )


def _is_cause(cause: object) -> bool:
    raised = cause.get("exceptions", []) if isinstance(cause, dict) else []
    return (
        isinstance(cause, dict | str) and isinstance(raised, list) and all(isinstance(error, dict) for error in raised)
    )


def _is(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LATEST


def _api_server(access_key: str, secret_key: str) -> BaseWSGIServer:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = DomainDispatcherApplication(create_backend_app)
    key = Key(secret=secret_key)

    def only_ours(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            verified = _verified(environ, key_of=lambda name: key if name == access_key else None)
        except RefusedError as refused:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [f"signed requests of this run only: {refused}".encode()]
        answer: Iterable[bytes] = moto(verified, start_response)
        return answer

    return make_server("127.0.0.1", 0, only_ours, threaded=True)


def _verified(environ: dict[str, Any], *, key_of: Callable[[str], Key | None]) -> dict[str, Any]:
    """Return the WSGI environment with the verified headers and body alone. Raises RefusedError."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if (
        not (length.isascii() and length.isdigit() and int(length) <= _BODY_BYTES)
        or "HTTP_TRANSFER_ENCODING" in environ
    ):
        raise RefusedError("the length of the body is not one")
    body = environ["wsgi.input"].read(int(length))
    given = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        given["CONTENT-TYPE"] = environ["CONTENT_TYPE"]
    path, _, query = environ["RAW_URI"].partition("?")
    request = Request(
        method=environ["REQUEST_METHOD"],
        path=path.encode(),
        query=query.encode(),
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        body=body,
    )
    onward = admit(request, key_of=key_of, now=datetime.now(UTC))
    names = {f"HTTP_{name.decode().upper().replace('-', '_')}" for name, _ in onward}
    kept = {name: value for name, value in environ.items() if not name.startswith("HTTP_") or name in names}
    return {**kept, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
