from dataclasses import fields

import pytest

from sensorctl.aws.outputs import Pipeline, from_outputs
from sensorctl.errors import UserError

NAMES = [field.name for field in fields(Pipeline)]


def outputs() -> list[dict[str, str]]:
    return [
        {"OutputKey": "".join(part.capitalize() for part in name.split("_")), "OutputValue": f"the {name}"}
        for name in NAMES
    ]


def test_each_field_is_the_output_of_the_same_name() -> None:
    pipeline = from_outputs([*outputs(), {"OutputKey": "Other", "OutputValue": "x"}], name="SensorFanout-dev")
    assert [getattr(pipeline, name) for name in NAMES] == [f"the {name}" for name in NAMES]


def test_a_stack_of_another_version_is_named_with_what_it_lacks() -> None:
    with pytest.raises(UserError, match=r"^stack SensorFanout-dev has no output AlertTopic; deploy"):
        from_outputs([o for o in outputs() if o["OutputKey"] != "AlertTopic"], name="SensorFanout-dev")
