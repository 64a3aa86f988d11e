import fcntl
import json
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from sensorctl.aws import embedded_state
from sensorctl.aws.embedded_state import is_held
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded import background
from sensorctl.embedded.owner_only_files import make_private, write_private
from sensorctl.errors import UserError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / ".run"
    (folder / "inbox").mkdir(parents=True, mode=0o755)
    (folder / "inbox" / "mail").write_text("a")
    (folder / "inbox" / "mail").chmod(0o644)
    make_private(folder)
    assert [mode(path) for path in (folder, folder / "inbox", folder / "inbox" / "mail")] == [0o700, 0o700, 0o600]


def test_a_link_in_its_place_is_refused_and_one_inside_not_followed(tmp_path: Path) -> None:
    strangers = tmp_path / "strangers"
    strangers.mkdir(mode=0o755)
    (tmp_path / ".run").symlink_to(strangers)
    with pytest.raises(UserError, match="link"):
        make_private(tmp_path / ".run")
    make_private(tmp_path / "mine")
    (tmp_path / "mine" / "link").symlink_to(strangers)
    make_private(tmp_path / "mine")
    assert mode(strangers) == 0o755


def test_a_secret_is_the_owners_even_where_others_could_read_it_before(tmp_path: Path) -> None:
    for name in ("aws.env", "aws.draft"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    write_private(tmp_path / "aws.env", "secret")
    assert (mode(tmp_path / "aws.env"), (tmp_path / "aws.env").read_text()) == (0o600, "secret")


def test_down_stops_nobody_elses_process(tmp_path: Path) -> None:
    """Its number alone names whatever process has it now."""
    here = embedded_state.folder(tmp_path)
    here.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (here / "state.json").write_text(json.dumps({"pid": stranger.pid}))
        (here / "lock").touch()
        background.down(root=tmp_path, console=Console())
        assert stranger.poll() is None
        stranger.kill()


SERVES = """
import fcntl, signal, sys, threading
from pathlib import Path

state, lock = Path(sys.argv[1]), open(sys.argv[2], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
terminated = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: terminated.set())
print("ready", flush=True)
terminated.wait()
state.unlink()
sys.stdin.read()
"""


def test_down_returns_when_another_one_may_start(tmp_path: Path) -> None:
    """What is stopped removes its state and still holds the lock for a while: here until its input ends."""
    here = embedded_state.folder(tmp_path)
    here.mkdir(parents=True)
    state, lock = here / "state.json", here / "lock"
    command = [sys.executable, "-c", SERVES, str(state), str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as serves:
        assert serves.stdout is not None
        assert serves.stdin is not None
        serves.stdout.readline()
        state.write_text(json.dumps({"pid": serves.pid}))
        stopping = threading.Thread(target=lambda: background.down(root=tmp_path, console=Console()))
        stopping.start()
        assert wait_until(lambda: not state.exists(), seconds=10)
        stopping.join(timeout=0.5)
        assert stopping.is_alive()
        serves.stdin.close()
        stopping.join()
        assert not is_held(lock)


def test_a_lock_is_held_by_the_living(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not is_held(lock)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_held(lock)
    assert not is_held(lock)
