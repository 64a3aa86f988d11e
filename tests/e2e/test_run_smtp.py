"""`make run SMTP=...` with a mail server that takes nothing."""

import json
import socket
from pathlib import Path

from tests.e2e.test_run import sensorctl

HOT = '{"device_id": "boiler-7", "timestamp": 0, "metrics": {"temperature": 99}}'


def test_a_run_whose_e_mails_nobody_takes_ends_with_what_was_not_handed_on(tmp_path: Path) -> None:
    file = tmp_path / "hot.json"
    file.write_text(HOT)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        run = sensorctl("run", "--folder", str(tmp_path), "--smtp", f"127.0.0.1:{port}", str(file))
    problem = f"1 e-mail could not be handed to 127.0.0.1:{port} ([Errno 111] Connection refused); the inbox has all"
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"WRONG  {problem} of them" in run.stdout
    assert run.stdout.splitlines()[-1] == f"The report: {tmp_path / 'report.html'}"
    assert json.loads((tmp_path / "summary.json").read_text())["problems"] == [f"{problem} of them"]
