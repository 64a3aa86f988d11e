"""The keys under which `run` and `upload` put a user's files."""

from __future__ import annotations

from pathlib import Path

from sensorctl.aws.object_keys import keys_of


def test_files_of_the_same_folder_and_name_are_all_uploaded() -> None:
    files = [Path(path) for path in ("/x/2-a", "/x/a", "/y/x/a", "/y/a", "/x/a", "/a")]

    assert keys_of(files) == {
        "x/2-a": files[0],
        "x/a": files[1],
        "x/2-2-a": files[2],
        "y/a": files[3],
        "x/4-a": files[4],
        "files/a": files[5],
    }


def test_all_of_them_go_to_one_folder_that_is_named() -> None:
    files = [Path("/x/a"), Path("/y/a")]

    assert keys_of(files, folder="boiler-7") == {"boiler-7/a": files[0], "boiler-7/1-a": files[1]}
