"""What docs/alerts.md says of the read units of a sweep is what the function reads."""

import pytest

from tests.faults.sample import LONG
from tests.faults.sweep_cost import read_units
from tests.faults.world.clients import Clients

MANY = pytest.param(10_000, 0, 10_823, marks=pytest.mark.skipif(not LONG, reason="minutes: `make prove` runs it"))


@pytest.mark.parametrize(
    ("alerts", "mutes", "units"), [(0, 0, 6), (0, 1_000, 32), (100, 0, 66), (100, 1_000, 92), MANY]
)
def test_a_sweep_reads_what_the_page_says(alerts: int, mutes: int, units: int, clients: Clients) -> None:
    assert read_units(clients, alerts=alerts, mutes=mutes) == pytest.approx(units, abs=1.5)
