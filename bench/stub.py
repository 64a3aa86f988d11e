"""AWS's endpoints for the bench: one process that answers what both sides ask, after a settable time.

Run as a script (`python bench/stub.py FOLDER [--latency-ms 5] [--certificate FILE]`); it prints its port and serves
until its standard input ends. FOLDER holds the objects that GetObject finds, by the last part of their key. It keeps
nothing; `GET /count` returns how many requests it has answered.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
import zlib
from pathlib import Path

_JSON = b"application/x-amz-json-1.0"
# By X-Amz-Target: what AWS says when all is well.
_ANSWERS = {
    b"dynamodb_20120810.batchwriteitem": b'{"UnprocessedItems":{}}',
    b"dynamodb_20120810.putitem": b"{}",
    b"awsevents.putevents": b'{"FailedEntryCount":0,"Entries":[]}',
}
_THRESHOLDS = b"amazonssm.getparameter"
_DATE = b"Date: Sun, 22 Nov 2026 10:00:01 GMT\r\n"
# The headers that the services send with an answer, which a client has to read.
_JSON_HEADERS = b"Server: Server\r\n%bConnection: keep-alive\r\nx-amzn-RequestId: %b\r\n" % (_DATE, b"A1" * 26)
_S3_HEADERS = (
    b"x-amz-id-2: %b\r\nx-amz-request-id: 0123456789ABCDEF\r\n%bLast-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
    b'ETag: "d41d8cd98f00b204e9800998ecf8427e"\r\nx-amz-server-side-encryption: AES256\r\n'
    b"x-amz-version-id: %b\r\nAccept-Ranges: bytes\r\nServer: AmazonS3\r\n"
) % (b"b" * 76, _DATE, b"v" * 32)


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; requests on it come one after the other."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
        if fields.get(b"expect") == b"100-continue" and not body:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        if len(body) < int(fields.get(b"content-length", b"0")):
            return
        self._received = b""
        answer = self._stub.answer(head.split(b"\r\n", 1)[0], fields)
        if self._stub.latency_s:
            asyncio.get_running_loop().call_later(self._stub.latency_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if isinstance(self._transport, asyncio.WriteTransport) and not self._transport.is_closing():
            self._transport.write(answer)


class Stub:
    """What is answered, and how late."""

    def __init__(self, folder: Path, *, latency_s: float) -> None:
        self.latency_s = latency_s
        self._objects = {path.name.encode(): path.read_bytes() for path in folder.iterdir() if path.is_file()}
        self._count = 0

    def answer(self, request: bytes, fields: dict[bytes, bytes]) -> bytes:
        """Return the whole HTTP answer to a request line with its header fields, all in small letters."""
        method, path, _ = request.split(b" ")
        if path == b"/count":
            return _http(b"%d" % self._count)
        self._count += 1
        target = fields.get(b"x-amz-target", b"")
        if target == _THRESHOLDS:
            return _http(b'{"Parameter":{"Name":"p","Value":%b}}' % self._objects[b"thresholds.json.text"])
        if target:
            body = _ANSWERS[target]
            return _http(body, b"%bx-amz-crc32: %d\r\n" % (_JSON_HEADERS, zlib.crc32(body)))
        if method == b"GET":
            return _http(self._objects[path.split(b"?")[0].rsplit(b"/", 1)[-1]], _S3_HEADERS, b"binary/octet-stream")
        return _http(b"")


def _http(body: bytes, more: bytes = b"", kind: bytes = _JSON) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (kind, more, len(body), body)


async def _serve(stub: Stub, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(stub), "127.0.0.1", 0, ssl=tls, backlog=256)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--latency-ms", type=float, default=0)
    options.add_argument("--certificate", type=Path)
    chosen = options.parse_args()
    tls = None
    if chosen.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chosen.certificate)
    asyncio.run(_serve(Stub(chosen.folder, latency_s=chosen.latency_ms / 1000), tls))


if __name__ == "__main__":
    main()
