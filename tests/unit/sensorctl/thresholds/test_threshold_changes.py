import json
from datetime import UTC, datetime

import pytest

from sensorctl.errors import UserError
from sensorctl.thresholds.changes import difference, layout, limit, with_rule, without_rule
from sensorctl.thresholds.views import Document, explain, left_out, matching
from tests.unit.sensorctl.command_kit import DOCUMENT

# A Thursday.
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_the_layout_is_that_of_the_seed_document() -> None:
    assert layout(json.loads(DOCUMENT)) == DOCUMENT


def test_a_change_of_one_limit_differs_in_one_line() -> None:
    after = with_rule(DOCUMENT, metric="temperature", device=None, members={"critical.above": 90})
    changed = [line for line in difference(DOCUMENT, after) if line[0] != " "]
    assert changed == ['-       "critical": {"above": 85},', '+       "critical": {"above": 90},']


def test_spaces_are_no_difference() -> None:
    assert difference(json.dumps(json.loads(DOCUMENT)), DOCUMENT) == []


def test_a_member_that_is_none_goes_and_takes_empty_bounds_along() -> None:
    after = with_rule(DOCUMENT, metric="temperature", device=None, members={"clear.below": None, "unit": None})
    assert list(json.loads(after)["metrics"]["temperature"]) == ["warning", "critical"]


def test_members_are_in_one_order_however_they_came() -> None:
    members: dict[str, float | int | str | None] = {"for": "5m", "warning.above": 7, "unit": "V"}
    after = with_rule(DOCUMENT, metric="voltage", device="boiler-7", members=members)
    assert list(json.loads(after)["devices"]["boiler-7"]["voltage"]) == ["unit", "warning", "for"]


def test_the_last_rule_of_a_device_takes_the_device_along() -> None:
    assert json.loads(without_rule(DOCUMENT, metric="temperature", device="freezer-*"))["devices"] == {}


@pytest.mark.parametrize("device", [None, "freezer-*", "nobody"])
def test_a_rule_that_is_not_there_is_named(device: str | None) -> None:
    with pytest.raises(UserError, match=r"there is no rule .*speed"):
        without_rule(DOCUMENT, metric="speed", device=device)


def test_limits_are_numbers_or_none() -> None:
    assert [limit(text, option="--warning-above") for text in ("-15", "7.1", "1e3", "none")] == [-15, 7.1, 1000.0, None]
    for text in ("abc", "nan", "inf", ""):
        with pytest.raises(UserError, match=r"--warning-above .*give a number"):
            limit(text, option="--warning-above")


RULES = {
    "version": 1,
    "metrics": {"t": {"unit": "Cel", "warning": {"above": 1, "below": -1}, "clear": {"below": 0.5, "above": -0.5}}},
    "devices": {
        "*": {"t": {"warning": {"above": 2}}},
        "a-*": {"t": {"warning": {"above": 3}}},
        "a-1": {"t": {"critical": {"above": 4}, "for": "5m", "remind_every": "90s"}},
        "a-?": {"u": {"warning": {"above": 5}}},
        "b-*": {"t": {"warning": {"above": 6}}},
    },
    "silent_after": {"*": "1d", "a-*": "15m"},
}


def explained(device: str, metric: str) -> list[str]:
    return explain(Document.read(json.dumps(RULES), name="t"), device=device, metric=metric, now=NOON)


def test_every_candidate_is_listed_the_winner_first_and_marked() -> None:
    lines = explained("a-1", "t")
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["->", "devices.a-1.t"],
        ["devices.a-*.t", "does"],
        ["devices.*.t", "does"],
        ["metrics.t", "does"],
    ]
    assert "applies: it names the device" in lines[1]
    assert "2 literal characters" in lines[2]


def test_each_bound_of_the_winner_is_reported_with_the_unit_it_falls_back_to() -> None:
    text = "\n".join(explained("a-1", "t"))
    for part in ("above 4 Cel", "breaches as critical", "out of bounds for 5 minutes", "every 1 minute 30 seconds"):
        assert part in text
    assert "breaches as warning" not in text


def test_the_mutes_that_concern_a_metric_are_named_and_whether_they_are_in_force() -> None:
    day = {"times": [{"start_time": "09:00", "end_time": "17:00"}]}
    entries = [
        {"name": "shift", "devices": "press-*", "time_intervals": [day]},
        {"name": "weekend", "devices": "press-1", "metric": "t", "time_intervals": [{"weekdays": ["saturday"]}]},
        {"name": "broken", "devices": "press-1"},
        {"name": "other", "devices": "press-1", "metric": "noise"},
    ]
    document = Document.read(json.dumps({**RULES, "mutes": entries}), name="t")
    assert [line.strip() for line in explain(document, device="press-1", metric="t", now=NOON)][-3:] == [
        "mutes[0] 'shift' mutes it: in force until 2026-11-26 17:00 UTC",
        "mutes[1] 'weekend' mutes it: not in force now",
        "mutes[2] 'broken' mutes it: always in force",
    ]


def test_each_mute_has_a_line_and_stays_when_a_rule_is_changed() -> None:
    mutes = [{"name": "a", "devices": "x"}, {"name": "b", "devices": "y"}]
    after = with_rule(json.dumps({**RULES, "mutes": mutes}), metric="t", device=None, members={"remind_every": "1h"})
    assert json.loads(after)["mutes"] == mutes
    assert '    {"name": "a", "devices": "x"},\n' in after


def test_both_sides_of_a_default_are_reported() -> None:
    text = "\n".join(explain(Document.read(DOCUMENT, name="t"), device="x", metric="battery", now=NOON))
    assert "below 20" in text
    two = {**RULES, "devices": {}}
    text = "\n".join(explain(Document.read(json.dumps(two), name="t"), device="x", metric="t", now=NOON))
    assert "below -1 Cel or above 1 Cel" in text
    assert "below 0.5 Cel and above -0.5 Cel" in text


def test_the_tag_that_routes_is_reported() -> None:
    document = Document.read('{"version": 1, "route_by": "site"}', name="t")
    assert (
        explain(document, device="a-1", metric="t", now=NOON)[-1]
        .strip()
        .startswith("route_by: site; subscribers choose by")
    )


def test_the_silence_of_the_most_specific_pattern_is_reported() -> None:
    assert explained("a-1", "t")[-1].strip().startswith("silent_after.a-*: 15m")
    assert explained("c", "t")[-1].strip().startswith("silent_after.*: 1d")


def test_a_gateway_that_a_device_is_behind_is_explained() -> None:
    document = {**RULES, "behind": {"a-*": "gateway-3", "gateway-*": "uplink"}}
    lines = explain(Document.read(json.dumps(document), name="t"), device="a-1", metric="t", now=NOON)
    assert (
        lines[-1].strip().startswith("behind.a-*: gateway-3, which is behind uplink; while that is cut off, one e-mail")
    )


def test_a_metric_without_a_rule_says_so() -> None:
    assert "No rule" in explained("b-1", "u")[1]


def test_patterns_come_in_the_order_in_which_the_functions_prefer_them() -> None:
    patterns = ["*", "f-*", "f-1", "f-??", "*-1", "x-*"]
    assert matching(patterns, device="f-1") == ["f-1", "*-1", "f-*", "*"]


def test_a_device_rule_that_drops_a_level_of_the_default_is_warned_of() -> None:
    document = Document.read(DOCUMENT, name="t")
    note = left_out(document, device="freezer-*", metric="temperature")
    assert note is not None
    assert note.endswith("has no critical and no clear of its own.")
    assert left_out(document, device=None, metric="temperature") is None
