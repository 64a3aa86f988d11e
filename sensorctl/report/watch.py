"""The report as a page on this machine, which is made anew while somebody looks at it.

It is made when it is asked for and older than the pause: where no browser has it open, nothing is read. The browser
asks again by the header `Refresh`, since the page's own policy lets no script fetch anything.

Only loopback is listened on, and only a request that names it so is answered: else any web page could have a name of
its own resolve to this server and read it (DNS rebinding). The path cannot be guessed by others who use the machine.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from threading import Lock
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError

from sensorctl import terminal
from sensorctl.errors import UserError

_HOST = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a request gets."""

    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class LivePage:
    """A page that `make` makes, at most once in `every_s` seconds by `clock`."""

    def __init__(self, make: Callable[[], str], *, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = f"/{secrets.token_urlsafe(16)}/"
        self._make = make
        self._every_s = every_s
        self._clock = clock
        self._lock = Lock()
        self._page = b""
        self._made_at: float | None = None

    def answer(self, path: str, *, host: str | None, port: int) -> Answer:
        """Return the page, made anew if it is too old, for a request that names this machine and knows the path."""
        if host not in (f"{_HOST}:{port}", f"localhost:{port}"):
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST)
        if not hmac.compare_digest(path.encode(), self.path.encode()):
            return _refusal(HTTPStatus.NOT_FOUND)
        headers = {"Refresh": str(max(1, round(self._every_s)))}
        try:
            page = self._newest()
        except (BotoCoreError, ClientError, UserError) as error:
            text = f"The report cannot be made now: {error}\n"
            return Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, body=text.encode(), headers=headers | _kind("plain"))
        return Answer(status=HTTPStatus.OK, body=page, headers=headers | _kind("html"))

    def _newest(self) -> bytes:
        with self._lock:
            now = self._clock()
            if self._made_at is None or now - self._made_at >= self._every_s:
                self._page = self._make().encode()
                self._made_at = now
            return self._page


def serve(make: Callable[[], str], *, port: int | None, every_s: float) -> None:
    """Serve the page that `make` makes until Ctrl-C, and print where. Raises UserError for a port that is taken."""
    page = LivePage(make, every_s=every_s)
    try:
        server = ThreadingHTTPServer((_HOST, port or 0), _handler(page))
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; choose another, or leave it out") from None
    with server:
        terminal.say(f"The report: http://{_HOST}:{server.server_port}{page.path} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            terminal.say("Ended; nobody is served any more.")


def _handler(page: LivePage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            """Answer the one page there is; other methods are refused by the base class."""
            answer = page.answer(
                self.path, host=self.headers.get("Host"), port=cast(HTTPServer, self.server).server_port
            )
            self.send_response(answer.status)
            for name, value in {**_HEADERS, **answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def version_string(self) -> str:
            return "sensorctl"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what a request says is anybody's."""

    return Handler


def _refusal(status: HTTPStatus) -> Answer:
    return Answer(status=status, body=f"{status.phrase}\n".encode(), headers=_kind("plain"))


def _kind(kind: str) -> dict[str, str]:
    return {"Content-Type": f"text/{kind}; charset=utf-8"}
