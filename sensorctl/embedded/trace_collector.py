"""The X-Ray that the emulator lacks: a daemon's UDP port in front of moto's X-Ray API.

Functions send documents to the port as they would to the X-Ray daemon; `flush` joins what has come (see `trace_join`)
and puts it where the ordinary X-Ray calls find it. Both listen on loopback only, and the API refuses requests that do
not name this run's random access key, so that a web page open on the machine can neither read nor write traces.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from sensorctl.embedded.access import Access
from sensorctl.embedded.trace_join import Document, join

_HEADER = b'{"format":"json","version":1}'  # X-Ray Developer Guide, "Sending segment documents to the X-Ray daemon"
_PUT_BATCH = 20
_KEPT = 20_000
_BURST_BYTES = 8 * 1024 * 1024


class TraceCollector:
    """Listens from `start` to `stop`; `flush` makes what has arrived readable through the API."""

    def __init__(self, *, access_key: str, secret_key: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A burst of invocations must not lose documents while this thread waits for the interpreter.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BURST_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._server = _api_server(access_key)
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

    def flush(self, *, settled_s: float = 0) -> None:
        """Join the documents and put into X-Ray what is not there yet and has not grown for `settled_s` seconds."""
        before = time.monotonic() - settled_s
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
            if header == _HEADER:
                with self._lock:
                    self._arrived += 1
                    self._received.append((time.monotonic(), json.loads(body)))


def send_to_daemon(document: Document, *, address: str) -> None:
    """Hand a document to an X-Ray daemon at `host:port`."""
    host, port = address.rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(_HEADER + b"\n" + json.dumps(document).encode(), (host, int(port)))


def _segment_id(document: Document) -> str:
    return str(document["parent_id"] if document.get("type") == "subsegment" else document["id"])


def _api_server(access_key: str) -> BaseWSGIServer:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = DomainDispatcherApplication(create_backend_app)
    credential = f"Credential={access_key}/"

    def only_ours(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if credential not in environ.get("HTTP_AUTHORIZATION", ""):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"signed requests of this run only"]
        answer: Iterable[bytes] = moto(environ, start_response)
        return answer

    return make_server("127.0.0.1", 0, only_ours, threaded=True)
