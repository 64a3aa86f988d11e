"""`sensorctl report --watch`: who gets the page, and when it is made anew."""

from http import HTTPStatus

import pytest

from sensorctl.errors import UserError
from sensorctl.report.watch import LivePage
from tests.unit.sensorctl.command_kit import sensorctl

HOST, PORT = "127.0.0.1:8000", 8000


class Clock:
    """Seconds, as the test sets them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def counted_page(clock: Clock) -> tuple[LivePage, list[int]]:
    made: list[int] = []

    def make() -> str:
        made.append(len(made))
        return f"<p>{len(made)}"

    return LivePage(make, every_s=10, clock=clock), made


def test_the_page_is_made_anew_when_it_is_asked_for_and_too_old() -> None:
    clock = Clock()
    page, made = counted_page(clock)
    assert made == []
    bodies = []
    for clock.now in (0.0, 9.9, 10.0, 1000.0):
        answer = page.answer(page.path, host=HOST, port=PORT)
        assert (answer.status, answer.headers["Refresh"]) == (HTTPStatus.OK, "10")
        bodies.append(answer.body)
    assert bodies == [b"<p>1", b"<p>1", b"<p>2", b"<p>3"]


@pytest.mark.parametrize("host", [None, "", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost"])
def test_a_request_that_names_another_host_gets_nothing(host: str | None) -> None:
    page, made = counted_page(Clock())
    answer = page.answer(page.path, host=host, port=PORT)
    assert (answer.status, made) == (HTTPStatus.MISDIRECTED_REQUEST, [])


@pytest.mark.parametrize("path", ["/", "/report.html", "/../etc/passwd", "/\N{BOMB}", ""])
def test_there_is_one_page_whose_path_must_be_known(path: str) -> None:
    page, _ = counted_page(Clock())
    assert page.answer(path, host=HOST, port=PORT).status == HTTPStatus.NOT_FOUND
    assert page.answer(page.path, host="localhost:8000", port=PORT).status == HTTPStatus.OK
    assert len(page.path) > 20
    assert page.path != counted_page(Clock())[0].path


def test_what_cannot_be_read_now_is_said_and_tried_again() -> None:
    problems = [UserError("the embedded AWS is not up")]

    def make() -> str:
        if problems:
            raise problems.pop()
        return "good"

    page = LivePage(make, every_s=10)
    answer = page.answer(page.path, host=HOST, port=PORT)
    assert (answer.status, answer.headers["Refresh"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "10")
    assert answer.body == b"The report cannot be made now: the embedded AWS is not up\n"
    assert page.answer(page.path, host=HOST, port=PORT).body == b"good"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--port", "80"], "--port is for --watch"), (["--watch", "--out", "x.html"], "writes no file; leave out --out")],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], sentence: str) -> None:
    assert sentence in sensorctl("report", *arguments).error
