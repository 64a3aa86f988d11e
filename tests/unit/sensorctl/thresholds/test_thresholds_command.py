"""`sensorctl thresholds` against moto's Systems Manager: what is written, and above all what never is."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas.shared.names import THRESHOLDS_MAX_BYTES
from sensorctl.errors import UserError
from sensorctl.thresholds import parameter as threshold_parameter
from tests.unit.sensorctl.command_kit import DOCUMENT, PARAMETER, connect_to, sensorctl, stage


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with mock_aws():
        connect_to(stage("ssm"), monkeypatch)
        yield


def in_force() -> tuple[str, int]:
    found = boto3.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]
    return found["Value"], found["Version"]


def put(text: str) -> None:
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)


def editor_that(does: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set an editor that runs a line of Python on the text `t` of the draft."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "draft = pathlib.Path(sys.argv[1])\n"
        "runs = pathlib.Path(__file__).with_suffix('.runs')\n"
        "runs.open('a').write('x')\n"
        "n = len(runs.read_text())\n"
        "t = draft.read_text()\n"
        f"{does}\n"
        "draft.write_text(t)\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")


def drafts(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.glob("thresholds-*.json"))


def test_show_lists_every_rule_and_silence() -> None:
    result = sensorctl("thresholds", "show")
    rows = [line.split() for line in result.out.splitlines()]
    assert ["any", "temperature", "Cel", ">70", ">85", "<65", "4h"] in rows
    assert ["freezer-*", "temperature", "Cel", ">-15", "-", "-", "4h"] in rows
    assert ["freezer-*", "5m"] in rows


def test_show_json_is_the_document_itself() -> None:
    assert sensorctl("thresholds", "show", "--json").out == DOCUMENT + "\n"


def test_show_says_that_the_document_in_force_is_invalid() -> None:
    put('{"version": 2}')
    assert sensorctl("thresholds", "show").code == 1


def test_set_changes_one_rule_and_shows_it() -> None:
    result = sensorctl("thresholds", "set", "temperature", "--critical-above", "90", "--for", "5m")
    text, version = in_force()
    assert json.loads(text)["metrics"]["temperature"] == {
        "unit": "Cel",
        "warning": {"above": 70},
        "critical": {"above": 90},
        "clear": {"below": 65},
        "for": "5m",
    }
    assert version == 2
    assert '-       "critical": {"above": 85},' in result.out
    assert '+       "critical": {"above": 90},' in result.out


def test_set_and_explain_know_what_no_sensor_measures() -> None:
    options = ("--valid-above", "-127", "--valid-below", "125", "--valid-not", "85, 84.9")
    result = sensorctl("thresholds", "set", "temperature", *options)
    assert '"valid": {"above": -127, "below": 125, "not": [85, 84.9]}' in result.out
    rows = [line.split() for line in sensorctl("thresholds", "show").out.splitlines()]
    assert next(row for row in rows if row[:2] == ["any", "temperature"])[6:-1] == [
        *("between", "-127", "and", "125,", "not", "85,", "84.9")
    ]
    explained = sensorctl("thresholds", "explain", "boiler-7", "temperature").out
    assert "between -127 and 125, not 85, 84.9" in explained
    assert "any other value is rejected: not stored, neither breach nor all-clear" in explained
    result = sensorctl("thresholds", "set", "temperature", "--valid-not", "none", "--valid-above", "none")
    assert '"valid": {"below": 125}' in result.out
    assert (
        "replaces metrics.temperature whole, and has no"
        in sensorctl("thresholds", "set", "temperature", "--device", "b", "--critical-above", "9").out
    )


def test_set_takes_negative_limits_and_warns_of_what_a_device_rule_drops() -> None:
    result = sensorctl("thresholds", "set", "temperature", "--device", "freezer-2", "--warning-above", "-16")
    assert json.loads(in_force()[0])["devices"]["freezer-2"] == {"temperature": {"warning": {"above": -16}}}
    assert "no critical and no clear" in result.out


def test_set_remove_takes_the_rule_out() -> None:
    assert sensorctl("thresholds", "set", "battery", "--remove").code == 0
    assert "battery" not in json.loads(in_force()[0])["metrics"]


def test_set_to_what_it_is_writes_nothing() -> None:
    result = sensorctl("thresholds", "set", "temperature", "--warning-above", "70")
    assert "nothing was written" in result.out
    assert in_force() == (DOCUMENT, 1)


def test_set_file_replaces_the_whole_document(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"version": 1, "metrics": {"t": {"warning": {"above": 1}}}}')
    assert sensorctl("thresholds", "set", "--file", str(other)).code == 0
    assert in_force() == (other.read_text(), 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["temperature", "--clear-below", "71"], "metrics.temperature.clear.below (71) must be under warning.above"),
        (["temperature", "--for", "soon"], "metrics.temperature.for must be a duration"),
        (["speed", "--clear-below", "1"], "metrics.speed needs warning or critical bounds"),
        (["temperature", "--device", "a b", "--warning-above", "1"], "no device id or pattern"),
        (["temperature", "--warning-above", "high"], "--warning-above high: give a number"),
        (["temperature"], "name what to change"),
        ([], "name a metric"),
        (["temperature", "--remove", "--unit", "K"], "--remove takes the whole rule out"),
        (["temperature", "--file", "x.json"], "--file replaces the whole document"),
        (["--file", "/no/such/file"], "/no/such/file cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(arguments: list[str], sentence: str) -> None:
    result = sensorctl("thresholds", "set", *arguments)
    assert sentence in result.error
    assert result.code == 2
    assert in_force() == (DOCUMENT, 1)


def test_a_document_over_the_parameters_size_is_refused(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    big.write_text(DOCUMENT + " " * THRESHOLDS_MAX_BYTES)
    assert "holds 8,192" in sensorctl("thresholds", "set", "--file", str(big)).error
    assert in_force()[1] == 1


def test_one_rule_of_an_invalid_document_is_not_changed() -> None:
    put('{"version": 2}')
    result = sensorctl("thresholds", "set", "temperature", "--warning-above", "1")
    assert "version must be 1" in result.error
    assert in_force()[1] == 2


def test_a_write_over_somebody_elses_change_is_refused() -> None:
    ssm = boto3.client("ssm")
    read = threshold_parameter.read(ssm, parameter=PARAMETER)
    put('{"version": 1}')
    with pytest.raises(UserError, match=r"changed meanwhile \(version 2, yours began from 1\)"):
        threshold_parameter.write(ssm, parameter=PARAMETER, text=DOCUMENT.replace("70", "71"), over=read)
    assert in_force() == ('{"version": 1}', 2)


def test_a_change_between_the_look_and_the_write_is_reported() -> None:
    ssm: Any = boto3.client("ssm")
    read = threshold_parameter.read(ssm, parameter=PARAMETER)
    # PutParameter's own request is where nobody can look any more.
    ssm.meta.events.register("before-call.ssm.PutParameter", lambda **_: put('{"version": 1}'))
    with pytest.raises(UserError, match="in force as version 3, theirs was version 2"):
        threshold_parameter.write(ssm, parameter=PARAMETER, text=DOCUMENT.replace("70", "71"), over=read)


def test_write_itself_refuses_an_invalid_document() -> None:
    ssm = boto3.client("ssm")
    read = threshold_parameter.read(ssm, parameter=PARAMETER)
    with pytest.raises(UserError, match="version must be 1"):
        threshold_parameter.write(ssm, parameter=PARAMETER, text="{}", over=read)
    assert in_force() == (DOCUMENT, 1)


def test_a_parameter_that_is_gone_is_named() -> None:
    boto3.client("ssm").delete_parameter(Name=PARAMETER)
    assert f"there is no parameter {PARAMETER}" in sensorctl("thresholds", "show").error


def test_edit_writes_what_the_editor_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor_that("t = t.replace('70', '71')", monkeypatch, tmp_path)
    assert sensorctl("thresholds", "edit").code == 0
    assert in_force() == (DOCUMENT.replace("70", "71") + "\n", 2)
    assert drafts(tmp_path) == []


def test_edit_without_a_change_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor_that("pass", monkeypatch, tmp_path)
    assert "nothing was written" in sensorctl("thresholds", "edit").out
    assert in_force() == (DOCUMENT, 1)


def test_a_mistake_can_be_fixed_in_the_same_draft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor_that("t = t.replace('70', '60') if n == 1 else t.replace('60', '72')", monkeypatch, tmp_path)
    result = sensorctl("thresholds", "edit", answers="y\n")
    assert "clear.below (65) must be under warning.above (60)" in result.out
    assert json.loads(in_force()[0])["metrics"]["temperature"]["warning"] == {"above": 72}


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_giving_up_keeps_the_draft(answer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor_that("t = t.replace('70', 'oops')", monkeypatch, tmp_path)
    result = sensorctl("thresholds", "edit", answers=answer)
    (draft,) = drafts(tmp_path)
    assert result.error == f"given up; nothing was written. Your draft stays in {draft}"
    assert "oops" in draft.read_text()
    assert in_force() == (DOCUMENT, 1)


def test_a_change_by_others_while_editing_keeps_the_draft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor_that("t = t.replace('70', '71')", monkeypatch, tmp_path)
    written = threshold_parameter.write

    def late(ssm: Any, **arguments: Any) -> int:
        put('{"version": 1}')
        return written(ssm, **arguments)

    monkeypatch.setattr(threshold_parameter, "write", late)
    result = sensorctl("thresholds", "edit")
    assert "changed meanwhile" in result.error
    assert len(drafts(tmp_path)) == 1
    assert in_force() == ('{"version": 1}', 2)


def test_an_editor_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor_that("sys.exit(3)", monkeypatch, tmp_path)
    assert "ended with code 3" in sensorctl("thresholds", "edit").error
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert "the editor no-such-editor cannot be started" in sensorctl("thresholds", "edit").error
