"""What docs/inputs.md shows is read as the page says, by the decoder itself."""

import gzip
import json
import re
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.ingest.decoding.mapping.mappings import SHIPPED, parse, shipped
from lambdas.ingest.decoding.reading import Reading
from lambdas.ingest.decoding.values.numbers import number_text
from lambdas.ingest.decoding.values.timestamps import texts
from tests import ROOT
from tests.unit.ingest.ingest_kit import Decoded, decode

PAGE = (ROOT / "docs" / "inputs.md").read_text()
UPLOADED = datetime(2026, 11, 25, 17, tzinfo=UTC)


def blocks(text: str, *, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for named, block in found if named == language]


NATIVE, FLAT, PUMPS, MAPPING, SHAPES, IOT_RULE = blocks(PAGE, language="json")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def block_of(text: str) -> str:
    """Return the first block without a language."""
    (found,) = blocks(text, language="")
    return found


def read(sample: str, *, key: str = "incoming/gw-1/x.json", **given: Any) -> Decoded:
    return decode(sample.encode(), now=UPLOADED, key=key, **given)


def shown(reading: Reading) -> str:
    units, tags = reading.units or {}, reading.tags or {}
    metrics = [f"{name} {number_text(value)} {units.get(name, '')}".rstrip() for name, value in reading.metrics.items()]
    named = [f"{name}={value}" for name, value in tags.items()]
    return "  ".join(["", reading.device_id, texts([reading.timestamp])[0], ", ".join(metrics), *named])


def test_the_native_form_is_read_member_by_member() -> None:
    decoded, written = read(NATIVE), json.loads(NATIVE)
    (reading,) = decoded.readings
    assert (reading.device_id, reading.metrics) == (written["device_id"], written["metrics"])
    assert (reading.units, reading.tags) == (written["units"], written["tags"])


def test_each_number_beside_the_known_members_of_the_flat_form_is_a_metric() -> None:
    (reading,) = read(FLAT).readings
    assert shown(reading) == "  boiler-7  2026-11-25T15:45:08.000000Z  temperature 92.4, humidity 40"


def test_the_mapping_to_try_gives_what_the_page_prints() -> None:
    assert read(PUMPS).reasons == ["not_a_reading"]
    decoded = read(PUMPS, mappings=parse(MAPPING))
    rejects = [f"  {reject.position}: {reject.reason}: {reject.detail}" for reject in decoded.rejects]
    printed = block_of(section("Other shapes: mappings.json")).splitlines()
    assert printed == ["pump.json:", *map(shown, decoded.readings), *rejects]


ROWS = re.findall(r"^\| `([a-z0-9-]+)` \| [^|]* \| [^|]* \| ([^|]*) \|$", PAGE, re.MULTILINE)
LINES = SHAPES.splitlines()


def test_every_mapping_that_ships_has_a_row_and_a_sample_in_its_order() -> None:
    assert [name for name, _ in ROWS] == [mapping["name"] for mapping in json.loads(SHIPPED.read_bytes())["mappings"]]
    assert len(LINES) == len(ROWS)


@pytest.mark.parametrize(("name", "sample"), [(name, line) for (name, _), line in zip(ROWS, LINES, strict=True)])
def test_a_shape_that_ships_is_read_by_its_mapping(name: str, sample: str) -> None:
    key = "incoming/pump-1/v1/gateway/telemetry/x.json" if name == "thingsboard-gateway" else "incoming/pump-1/x.json"
    decoded = read(sample, key=key)
    assert [max(reading.metrics.values()) for reading in decoded.readings] in ([21.5], [71.5], [120])
    assert decoded.rejects == []
    others = tuple(mapping for mapping in shipped() if mapping.name != name)
    assert read(sample, key=key, mappings=others).readings != decoded.readings


def test_the_rows_of_a_csv_are_readings_with_the_units_of_its_header() -> None:
    decoded = read(block_of(section("CSV")))
    assert decoded.rejects == []
    assert [shown(reading) for reading in decoded.readings] == [
        "  boiler-7  2026-11-25T15:45:08.000000Z  temperature 92.4 °C, humidity 40 %RH",
        "  boiler-8  2026-11-25T15:45:08.000000Z  humidity 41 %RH",
    ]


NAMES = re.findall(r'^\| `("[^|]*")` \| ([^|]*) \| `([^`]*)`[^|]*\|$', PAGE, re.MULTILINE)


@pytest.mark.parametrize(("names", "device", "metric"), NAMES)
def test_a_name_of_senml_is_split_as_the_table_says(names: str, device: str, metric: str) -> None:
    (reading,) = read(f'[{{{names}, "v": 1}}]').readings
    assert list(reading.metrics) == [metric]
    stated = re.match(r"`([^`]*)`", device)
    assert reading.device_id == (stated[1] if stated else "urn:dev:mac:0024befffe804ff1")


def test_the_table_of_names_was_found() -> None:
    assert len(NAMES) == 4


def test_what_the_page_puts_into_the_front_door_is_read_as_firehose_delivers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    firehose = SimpleNamespace(put_record_batch=lambda **given: {**given, "RequestResponses": [{}] * 500})
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=lambda _: firehose))
    names: dict[str, Any] = {}
    (program,) = blocks(section("What AWS's services write"), language="python")
    exec(program, names)  # noqa: S102 the page's own
    delivered = gzip.compress(b"".join(record["Data"] for record in names["answer"]["Records"]))
    decoded = decode(delivered, now=UPLOADED, key="incoming/firehose/2026/11/25/17/x.gz")
    assert (len(decoded.readings), decoded.rejects, names["refused"]) == (500, [], [])


def test_the_rule_puts_what_a_device_publishes_into_the_front_door() -> None:
    rule = json.loads(IOT_RULE)
    assert rule["sql"] in section("What AWS's services write").replace(IOT_RULE, "")
    assert rule["actions"][0]["firehose"]["separator"] == "\n"
