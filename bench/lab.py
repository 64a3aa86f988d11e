"""Where measurements are made: the unpacked bundle, the stub's processes, and a process for each measurement.

Both sides run on the interpreter that runs the bench, alone with their own packages.
"""

from __future__ import annotations

import compileall
import json
import os
import resource
import shutil
import ssl
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import trustme

from bench import fixtures
from constructs_lib.app import ROOT
from constructs_lib.bundling.bundle import Bundle, Bundler, host_target
from constructs_lib.bundling.certificates import FILE as ROOTS

_BENCH = Path(__file__).parent
_PEERS_ENVIRONMENT = ROOT / ".venv-bench"
TRACE = "Root=1-6b03399a-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
# What Lambda and the stack set, and a key for the stub to ignore.
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    # A role's, which each request carries: about as long as Lambda's.
    "AWS_SESSION_TOKEN": "t" * 900,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "LAMBDA_TASK_ROOT": "/var/task",
    "AWS_LAMBDA_FUNCTION_NAME": "ingest",
    "STAGE": "dev",
    "READINGS_TABLE": "readings",
    "ALERTS_TABLE": "alerts",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:alerts",
    "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:notifications",
    "EVENT_BUS": "sensors",
    "THRESHOLDS_PARAMETER": "/sensor-fanout/dev/thresholds",
    "INCOMING_PREFIX": "incoming/",
    "QUARANTINE_PREFIX": "quarantine/",
    "POWERTOOLS_SERVICE_NAME": "ingest",
    "POWERTOOLS_METRICS_NAMESPACE": "sensors",
    "_X_AMZN_TRACE_ID": TRACE,
    # Nobody listens there; datagrams are sent all the same.
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One process: what it printed, and all the CPU and time it took, from its start to its end."""

    answer: dict[str, Any]
    cpu_s: float
    wall_s: float


class Lab:
    """A context: `http`, `slow` (each answer 5 ms late) and `tls` are URLs of stubs."""

    def __init__(self, *, latency_ms: float = 5) -> None:
        self._folder = ROOT / ".build" / "bench"
        self._latency_ms = latency_ms
        self._stubs: list[subprocess.Popen[str]] = []
        self.objects = self._folder / "objects"
        self.ours = [str(self._folder / "ingest")]
        self.alert = [str(self._folder / "alert")]
        self.theirs = [str(_BENCH / "peers"), *map(str, _PEERS_ENVIRONMENT.glob("lib/python*/site-packages"))]

    def __enter__(self) -> Lab:
        if len(self.theirs) == 1:
            raise SystemExit("bench: the other sides' packages are missing; run `make bench`.")
        self.bundle = self._unpack("ingest", Path(self.ours[0]))
        self._unpack("alert", Path(self.alert[0]))
        fixtures.write(self.objects, thresholds=ROOT / "thresholds.json")
        compileall.compile_dir(_BENCH / "peers", quiet=2)
        certificate = self._certificates()
        self.http = self._stub(latency_ms=0)
        self.slow = self._stub(latency_ms=self._latency_ms)
        self.tls = self._stub(latency_ms=0, certificate=certificate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for stub in self._stubs:
            stub.communicate(timeout=10)
        _set_writable(Path(self.ours[0]), writable=True)

    def run(
        self,
        case: str,
        *,
        ours: bool,
        url: str | None = None,
        more: Mapping[str, str] | None = None,
        paths: list[str] | None = None,
        **given: Any,
    ) -> Measured:
        """Run one case of bench/child.py; `url` is where its AWS is, `more` its further environment."""
        command, environment = self._child(case, ours=ours, url=url, more=more, paths=paths, **given)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if ran.returncode:
            raise RuntimeError(f"bench: {case} failed:\n{ran.stderr}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Measured(answer=json.loads(ran.stdout.splitlines()[-1]), cpu_s=cpu, wall_s=wall)

    def contest(self, sides: Mapping[str, Mapping[str, Any]], *, turns: int) -> dict[str, list[float]]:
        """Return the CPU of a call in each of `turns` turns of each side: what `run` takes, for the case `contestant`.

        The sides are processes that stay, and take their short turns one after the other, in this order and then in the
        other: what the machine does meanwhile falls on all of them alike.
        """
        cpu: dict[str, list[float]] = {side: [] for side in sides}
        with ExitStack() as running:
            contestants = {}
            for side, given in sides.items():
                command, environment = self._child("contestant", **given)
                child = subprocess.Popen(
                    command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
                contestants[side] = running.enter_context(child)
                _answer(child)
            for turn in range(turns):
                for side in list(sides)[:: 1 if turn % 2 == 0 else -1]:
                    cpu[side].append(_turn(contestants[side]))
            for child in contestants.values():
                child.communicate(timeout=30)
        return cpu

    def _child(
        self,
        case: str,
        *,
        ours: bool,
        url: str | None = None,
        more: Mapping[str, str] | None = None,
        paths: list[str] | None = None,
        **given: Any,
    ) -> tuple[list[str], dict[str, str]]:
        environment = {**_ENVIRONMENT, "PATH": os.defpath, **(more or {})}
        if url is not None:
            environment["AWS_ENDPOINT_URL"] = url
        asked = json.dumps({"case": case, "paths": paths or (self.ours if ours else self.theirs), **given})
        return [sys.executable, "-I", "-S", "-B", str(_BENCH / "child.py"), asked], environment

    @property
    def their_roots(self) -> dict[str, str]:
        """Return the environment in which botocore's full list of authorities also has the stub's."""
        return {"AWS_CA_BUNDLE": str(self._folder / "every-root.pem")}

    def _unpack(self, function: str, into: Path) -> Bundle:
        """Unpack a function's bundle."""
        bundle = Bundler(root=ROOT, cache=ROOT / ".build" / "bundles", target=host_target()).bundle(function)
        _set_writable(into, writable=True)
        shutil.rmtree(into, ignore_errors=True)
        with zipfile.ZipFile(bundle.path) as archive:
            archive.extractall(into)
        return bundle

    def _certificates(self) -> Path:
        """Make the stub's certificate, and add its authority to both sides' lists."""
        authority = trustme.CA()
        signed = authority.issue_cert("127.0.0.1", "localhost")
        certificate = self._folder / "stub.pem"
        signed.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        extra = authority.cert_pem.bytes()
        short = Path(self.ours[0]) / ROOTS
        short.write_bytes(short.read_bytes() + extra)
        full = Path(self.theirs[-1]) / "botocore" / "cacert.pem"
        (self._folder / "every-root.pem").write_bytes(full.read_bytes() + b"\n" + extra)
        # As Lambda has it.
        _set_writable(Path(self.ours[0]), writable=False)
        ssl.create_default_context(cafile=short)
        return certificate

    def _stub(self, *, latency_ms: float, certificate: Path | None = None) -> str:
        command = [sys.executable, str(_BENCH / "stub.py"), str(self.objects), "--latency-ms", str(latency_ms)]
        if certificate is not None:
            command += ["--certificate", str(certificate)]
        stub = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._stubs.append(stub)
        lines: IO[str] | None = stub.stdout
        port = lines.readline().strip() if lines else ""
        if not port:
            raise RuntimeError("bench: the stub did not start")
        return f"{'https' if certificate else 'http'}://127.0.0.1:{port}"


def _turn(child: subprocess.Popen[str]) -> float:
    """Let a contestant take its turn; return the CPU of a call in it."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return float(_answer(child)["cpu_s"])


def _answer(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise RuntimeError("bench: a contestant stopped; its error stands above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _set_writable(folder: Path, *, writable: bool) -> None:
    """Let the folder be changed or not; one that cannot be is in the way of whoever clears up."""
    more = 0o200 if writable else 0
    for path in [folder, *folder.rglob("*")] if folder.exists() else []:
        path.chmod((0o555 if path.is_dir() else 0o444) | more)
