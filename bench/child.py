"""One measurement in a process of its own: `python -I -S -B bench/child.py '{"case": ..., "paths": [...], ...}'`.

Only `paths` (the unpacked bundle, or the peers and their packages) can be imported. Prints one JSON object: `cpu_s` and
`wall_s` for each thing done, and what the case adds. Nothing is imported at the top that a cold start would not have.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


class Context:
    """What Lambda passes as the context."""

    function_name = "ingest"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:ingest"
    aws_request_id = "6f0f6c3c-8d0f-4f0e-9f0c-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Return that there is time."""
        return 120_000


def floor(_: Any) -> dict[str, Any]:
    """Import boto3 and make the three clients that any function of this kind needs: the measure of a cold start."""
    import boto3  # noqa: PLC0415

    session = boto3.Session()
    for service in ("s3", "dynamodb", "events"):
        session.client(service)
    return {}


def init(given: Any) -> dict[str, Any]:
    """Import a handler, and call it once if there is an event."""
    module = importlib.import_module(given["module"])
    if given.get("event"):
        module.handler(given["event"], Context())
    return {}


def compiled(given: Any) -> dict[str, Any]:
    """Import a handler and count the modules that had to be compiled from source."""
    import importlib.machinery  # noqa: PLC0415

    seen: list[str] = []
    compile_source = importlib.machinery.SourceFileLoader.source_to_code

    def counted(self: Any, data: Any, path: Any, **others: Any) -> Any:
        seen.append(str(path))
        return compile_source(self, data, path, **others)

    importlib.machinery.SourceFileLoader.source_to_code = counted  # type: ignore[method-assign]
    init(given)
    inside = [path for path in seen if path.startswith(given["paths"][0])]
    return {"compiled": len(inside), "imported": len(sys.modules)}


def warm(given: Any) -> dict[str, Any]:
    """Call a handler `times` times, after once that does not count."""
    handler = importlib.import_module(given["module"]).handler
    handler(given["event"], Context())
    before = _count()
    found = _timed(lambda: handler(given["event"], Context()), given["times"])
    return {**found, "calls": (_count() - before) / given["times"]}


def contestant(given: Any) -> dict[str, Any]:
    """Call a handler, or write items, `times` times for each line of standard input, and say what each turn took."""
    if "items" in given:
        once = _writer(given)
    else:
        handler = importlib.import_module(given["module"]).handler

        def once() -> object:
            os.environ["_X_AMZN_TRACE_ID"] = _next_trace()
            return handler(given["event"], Context())

    once()
    say({})  # ready
    for _ in sys.stdin:
        say(_timed(once, given["times"]))
    return {}


def traced(given: Any) -> dict[str, Any]:
    """Call a handler with and without a trace in turn, `times` each; return both CPUs and the datagrams of a call."""
    import socket  # noqa: PLC0415
    import statistics  # noqa: PLC0415

    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))
    daemon.setblocking(False)
    os.environ["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{daemon.getsockname()[1]}"
    handler = importlib.import_module(given["module"]).handler
    handler(given["event"], Context())
    _drained(daemon)
    ways: dict[bool, list[float]] = {True: [], False: []}
    # Off, on, on, off: what grows with time falls on both; and each four are compared by themselves.
    for on in (False, True, True, False) * (given["times"] // 2):
        if on:
            os.environ["_X_AMZN_TRACE_ID"] = _next_trace()
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        ways[on].append(_timed(lambda: handler(given["event"], Context()), 1)["cpu_s"])
    datagrams = _drained(daemon)
    pairs = {on: [sum(cpu[at : at + 2]) for at in range(0, len(cpu), 2)] for on, cpu in ways.items()}
    return {
        "cpu_s": statistics.median(ways[True]),
        "untraced_cpu_s": statistics.median(ways[False]),
        "ratio": statistics.median(on / off for on, off in zip(pairs[True], pairs[False], strict=True)),
        "datagrams": datagrams / len(ways[True]),
    }


def decode(given: Any) -> dict[str, Any]:
    """Decode and check the lines of a file `times` times."""
    with open(given["file"], "rb") as file:  # noqa: PTH123 pathlib is not free, and nothing else here needs it
        content = file.read()
    if given["side"] == "ours":
        from datetime import UTC, datetime  # noqa: PLC0415

        payload = importlib.import_module("lambdas.ingest.decoding.payload").Payload
        step = 128 * 1024
        chunks = [content[start : start + step] for start in range(0, len(content), step)]

        def once() -> int:
            return sum(len(batch.readings) for batch in payload(chunks, now=datetime(2026, 11, 22, 10, tzinfo=UTC)))
    else:
        readings = importlib.import_module(given["side"]).readings

        def once() -> int:
            return len(readings(content.splitlines()))

    decoded = once()
    return {**_timed(once, given["times"]), "decoded": decoded}


def _writer(given: Any) -> Callable[[], object]:
    """Return what writes the items of a file to the table, 8 batches at once; the items are made before."""
    with open(given["items"], "rb") as file:  # noqa: PTH123
        items = json.load(file)
    batches = [items[start : start + 25] for start in range(0, len(items), 25)]
    once: Callable[[], object]
    if given["side"] == "ours":
        clients = importlib.import_module("lambdas.shared.clients")
        module = importlib.import_module("lambdas.ingest.adapters.reading_store")
        backoff = importlib.import_module("lambdas.shared.backoff").Backoff(remaining_ms=lambda: 100_000)
        store = module.ReadingStore(clients.client("dynamodb", pool=8, validate=False), table="readings")

        def once() -> object:
            return store.write(items, backoff=backoff)
    elif given["side"] == "raw":
        raw = importlib.import_module("raw_limit").RawWriter(host="127.0.0.1", port=given["port"], threads=8)
        bodies = [
            json.dumps({"RequestItems": {"readings": [{"PutRequest": {"Item": item}} for item in batch]}}).encode()
            for batch in batches
        ]

        def once() -> object:
            return raw.write(bodies)
    elif given["side"] == "pynamodb":
        once = importlib.import_module("pynamodb_batch").PynamoWriter(items, threads=8).write
    else:
        writer = importlib.import_module("batch_write_item").ClientWriter(table="readings", threads=8)

        def once() -> object:
            return writer.write(items)

    return once


def items(given: Any) -> dict[str, Any]:
    """Write the items that ingest makes of an object's readings to a file, for `_writer`."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from lambdas.ingest.decoding.payload import Payload  # noqa: PLC0415
    from lambdas.ingest.decoding.values import timestamps  # noqa: PLC0415
    from lambdas.ingest.domain import items as domain  # noqa: PLC0415
    from lambdas.ingest.domain.breaches import Judgement  # noqa: PLC0415
    from lambdas.shared.events import ObjectRef  # noqa: PLC0415

    source = ObjectRef(bucket="landing", key="incoming/calm.ndjson", version_id="v1")
    trace = "1-6b03399a-0123456789abcdef01234567"
    origin = domain.Origin(source=source, uploaded_at="2026-11-22T10:00:00.000000Z", trace_id=trace, expires_at=1)
    with open(given["file"], "rb") as file:  # noqa: PTH123
        batches = list(Payload([file.read()], now=datetime(2026, 11, 22, 10, tzinfo=UTC)))
    readings = [reading for batch in batches for reading in batch.readings]
    times = timestamps.texts([reading.timestamp for reading in readings])
    with open(given["items"], "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(domain.items(readings, times, Judgement(), origin=origin), file)
    return {}


def memory(given: Any) -> dict[str, Any]:
    """Call a handler once and return the process's peak memory before and after, in KiB."""
    handler = importlib.import_module(given["module"]).handler
    before = peak_kib()
    found = _timed(lambda: handler(given["event"], Context()), 1)
    return {**found, "before_kib": before, "peak_kib": peak_kib()}


def peak_kib() -> int:
    """Return the peak of this process; where the kernel reports it, without that of the process it was forked from."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource  # noqa: PLC0415

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def _timed(once: Callable[[], object], times: int) -> dict[str, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        once()
    return {"cpu_s": (time.process_time() - cpu) / times, "wall_s": (time.perf_counter() - wall) / times}


def _next_trace() -> str:
    """Return a trace of its own, as Lambda gives each invocation."""
    return f"Root=1-6b03399a-{os.urandom(12).hex()};Parent={os.urandom(8).hex()};Sampled=1"


def _count() -> int:
    """Ask the stub how many requests it has answered."""
    import urllib.request  # noqa: PLC0415

    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/count") as answer:  # noqa: S310 the stub's
        return int(answer.read())


def _drained(daemon: Any) -> int:
    count = 0
    while True:
        try:
            daemon.recv(65_536)
        except BlockingIOError:
            return count
        count += 1


CASES = {case.__name__: case for case in (floor, init, compiled, warm, contestant, traced, decode, items, memory)}

if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    sys.path[:0] = asked["paths"]
    # The handlers' log lines are part of the measured time; they go to /dev/null.
    answer_to, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115

    def say(answer: dict[str, Any]) -> None:
        """Print one answer."""
        answer_to.write(json.dumps(answer) + "\n")
        answer_to.flush()

    say(CASES[asked["case"]](asked))
