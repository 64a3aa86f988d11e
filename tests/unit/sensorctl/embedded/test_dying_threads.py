import threading
from typing import Any

import pytest

from sensorctl.embedded.embedded_aws import _watching_threads

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


def run_and_die(name: str, *, then_wait_s: float = 0) -> None:
    def dies() -> Any:
        raise RuntimeError("no more")

    thread = threading.Thread(target=dies, name=name)
    thread.start()
    thread.join()
    threading.Event().wait(then_wait_s)


@pytest.mark.parametrize("name", ["mailbox", "xray-daemon", "xray-api"])
def test_a_thread_that_dies_interrupts_the_command_and_leaves_the_reason(name: str) -> None:
    died: list[str] = []
    with pytest.raises(KeyboardInterrupt), _watching_threads(died):
        run_and_die(name, then_wait_s=5)
    assert died == [f"the {name} thread stopped: RuntimeError('no more')"]


def test_other_threads_are_their_owners_business() -> None:
    died: list[str] = []
    with _watching_threads(died):
        run_and_die("another")
    assert died == []
