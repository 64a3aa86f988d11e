"""The served report as a browser and a terminal see it."""

import re
import signal
import subprocess
import sys
from http.client import HTTPConnection

from tests import ROOT

SERVE = "from sensorctl.report.watch import serve; serve(lambda: '<p>hot', port=None, every_s=10)"


def test_the_page_is_served_on_loopback_until_ctrl_c() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:(\d+)(/\S+)", process.stdout.readline())
        assert found is not None
        port, path = int(found[1]), found[2]

        def asked(method: str, target: str, **headers: str) -> tuple[int, bytes]:
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, target, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

        assert asked("GET", path) == (200, b"<p>hot")
        assert asked("GET", path, Host="evil.example")[0] == 421
        assert asked("GET", "/")[0] == 404
        assert [asked(method, path)[0] for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [501] * 4
        # One that says nothing keeps nobody from ending it.
        idle = HTTPConnection("127.0.0.1", port, timeout=30)
        idle.connect()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stdout.read()
        idle.close()
    finally:
        process.kill()
