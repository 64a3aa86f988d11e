"""Sending stored objects again: in order, a few at a time, and on from where it stopped."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from sensorctl.aws.invoking import FunctionError
from sensorctl.errors import UserError
from sensorctl.replay.objects import Place, send
from sensorctl.replay.stored_objects import StoredObject

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def stored(*names: str) -> list[StoredObject]:
    return [StoredObject(bucket="b", key=f"incoming/{name}", version=f"v-{name}", size=1, at=AT) for name in names]


class Ingest:
    """Stands for the function: remembers what it was given, and fails on one key."""

    def __init__(self, fails_on: str | None = None) -> None:
        self.taken: list[str] = []
        self._fails_on = fails_on

    def run(self, function: str, event: Any) -> FunctionError | None:
        (record,) = event["Records"]
        key = unquote_plus(record["s3"]["object"]["key"])
        if key == self._fails_on:
            return FunctionError(words="Denied: no", kind="Denied")
        self.taken.append(key)
        return None


def replay(place: Place, found: list[StoredObject], ingest: Ingest) -> str | None:
    """One run of the command: what is left, the place written at the end, forgotten when all is done."""
    last: list[StoredObject] = []
    stop = send(ingest, "ingest", place.remaining(found), done=last.append)  # type: ignore[arg-type]
    if last:
        place.reached(last[-1], now=True)
    if stop is None:
        place.forget()
    return stop.at.key if stop else None


def test_it_goes_on_where_it_stopped_and_starts_anew_once_all_is_done(tmp_path: Path) -> None:
    found = stored(*(f"{number:03}" for number in range(40)))
    place = Place(tmp_path, prefix="incoming/")
    broken, repaired, again = Ingest("incoming/025"), Ingest(), Ingest()
    assert replay(place, found, broken) == "incoming/025"
    assert replay(Place(tmp_path, prefix="incoming/"), found, repaired) is None
    assert sorted({*broken.taken, *repaired.taken}) == [version.key for version in found]
    assert sorted(repaired.taken)[0] == "incoming/025"
    assert replay(place, found, again) is None
    assert len(again.taken) == 40


def test_another_command_has_a_place_of_its_own(tmp_path: Path) -> None:
    found = stored("a", "b")
    Place(tmp_path, prefix="incoming/").reached(found[0], now=True)
    assert list(Place(tmp_path, prefix="incoming/", since="x").remaining(found)) == found
    assert list(Place(tmp_path, prefix="incoming/").remaining(found)) == found[1:]


def test_the_place_is_found_though_its_version_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.reached(stored("b")[0], now=True)
    assert list(place.remaining(stored("a", "c", "d"))) == stored("c", "d")


def test_a_place_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.reached(stored("b")[0], now=True)
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    with pytest.raises(UserError, match="--restart"):
        list(place.remaining(stored("a")))


def test_objects_are_listed_as_they_are_sent_not_before() -> None:
    """A bucket of millions is not read into memory, nor are there ever more than eight under way."""
    ingest, drawn, most, finished = Ingest(), 0, 0, 0

    def listing() -> Iterator[StoredObject]:
        nonlocal drawn
        for version in stored(*(f"{number:03}" for number in range(50))):
            drawn += 1
            yield version

    def done(_: StoredObject) -> None:
        nonlocal most, finished
        finished += 1
        most = max(most, drawn - finished)

    assert send(ingest, "ingest", listing(), done=done) is None  # type: ignore[arg-type]
    assert (finished, most <= 8) == (50, True)
