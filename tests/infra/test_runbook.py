"""docs/operations.md has a section for every alarm, and none for an alarm that is not there."""

import re

from constructs_lib.app import ROOT
from tests.infra.synthesised import Synthesised

_ALARM_SECTION = re.compile(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_PREFIX = "ObservedAlarms"


def sections() -> dict[tuple[str, ...], str]:
    page = (ROOT / "docs" / "operations.md").read_text()
    alarms = page.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    return {tuple(title.split(", ")): body for title, body in _ALARM_SECTION.findall(alarms)}


def test_every_alarm_has_its_section_and_every_section_its_alarm(fronted: Synthesised) -> None:
    alarms = [id.removeprefix(_PREFIX) for id in fronted.of_type("AWS::CloudWatch::Alarm")]

    assert sorted(name for names in sections() for name in names) == sorted(alarms)


def test_every_section_says_what_it_means_where_to_look_and_what_to_do() -> None:
    for names, body in sections().items():
        assert re.findall(r"^\*\*(.+?)\.\*\*", body, re.MULTILINE) == ["Meaning", "First look", "Fix"], names
        assert "sensorctl " in body or "make deploy" in body, names
