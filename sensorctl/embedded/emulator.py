"""The emulator process: ministack behind TLS on a loopback port, with role policies enforced.

It gets a folder of its own, a port and credentials, and serves an endpoint with the AWS APIs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trustme

from sensorctl.aws.access import REGION, Access
from sensorctl.embedded.owner_only_files import make_private
from sensorctl.errors import UserError

# Not the `ministack` command: that one also binds port 443 whenever it can, and has no gate before it.
# Named by folder and module: hypercorn puts that folder on its own path alone, and functions see nothing of it.
_GATE = Path(__file__).parents[2] / "sensorctl.embedded.gate.gate"
_SERVER = (f"{_GATE}:app", "-w", "0", "-c", "python:ministack.core.hypercorn_conf")
_START_SECONDS = 30

# All the server inherits: functions inherit it in turn, and must see nothing of this machine's own AWS settings.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE")


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> int:
    """Return `port`, or raise UserError when something listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(f"port {port} is taken; choose another with PORT=<number>, or leave it out") from None
    return port


@dataclass
class Emulator:
    """One emulator; `start` returns when it answers, `stop` when it is gone and its files are wiped."""

    python: Path
    folder: Path
    port: int
    xray_daemon: str
    # Unguessable, so that no other program or web page on this machine can sign a request.
    access_key: str
    secret_key: str
    _process: subprocess.Popen[bytes] | None = None

    @property
    def access(self) -> Access:
        """How to reach it as root."""
        return Access(
            endpoint=f"https://localhost:{self.port}",
            ca_bundle=str(self.folder / "ca.pem"),
            access_key=self.access_key,
            secret_key=self.secret_key,
        )

    @property
    def pid(self) -> int:
        """The server's process, which leads the group that function workers are in."""
        if self._process is None:
            raise RuntimeError("the emulator is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises UserError when it does not."""
        if not self.python.exists():
            raise UserError(f"the emulator's environment {self.python.parent.parent} is missing; run `make setup`")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        (self.folder / "tmp").mkdir(mode=0o700)
        self._make_certificate()
        (self.folder / "emulator.log").touch()
        make_private(self.folder)
        log = (self.folder / "emulator.log").open("wb")
        self._process = subprocess.Popen(
            [str(self.python), "-m", "hypercorn", *_SERVER, "--bind", f"127.0.0.1:{self.port}"],
            env=self._environment(),
            cwd=self.folder,
            stdout=log,
            stderr=log,
            # Its own group: Ctrl-C in the terminal must reach us first, so that we can stop things in order.
            start_new_session=True,
            umask=0o077,
        )
        log.close()
        self._wait_until(self._answers)

    def stop(self) -> None:
        """Kill it and the function workers, which are in its process group; wipe its files but the log."""
        process, self._process = self._process, None
        if process is not None:
            # Asked to end it often hangs after traffic, and it has nothing to save.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        tmp = str(self.folder / "tmp")
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(self.folder / "server.pem"),
            "MINISTACK_SSL_KEY": str(self.folder / "server.key"),
            # Functions trust the emulator's own authority and nothing else: they have nothing else to call.
            "AWS_CA_BUNDLE": str(self.folder / "ca.pem"),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_XRAY_DAEMON_ADDRESS": self.xray_daemon,
            "TMPDIR": tmp,
            "S3_DATA_DIR": f"{tmp}/s3",
            "STATE_DIR": f"{tmp}/state",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LOG_LEVEL": "INFO",
        }

    def _make_certificate(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        for number, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(str(self.folder / "server.pem"), append=number > 0)
        key = self.folder / "server.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(str(key))

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise UserError(f"the emulator stopped at its start; its log is {self.folder / 'emulator.log'}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                log = self.folder / "emulator.log"
                raise UserError(f"the emulator did not answer within {_START_SECONDS} s; its log is {log}")
            time.sleep(0.05)


def emulator_python(root: Path) -> Path:
    """Return the interpreter of the emulator's own environment (it pins a botocore that is not ours)."""
    return root / ".venv-emulator" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
