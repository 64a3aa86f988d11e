"""The checker is itself checked: handlers that are known to be wrong must not pass."""

import pytest

from tests.faults.enumeration import faults_of
from tests.faults.runs import play
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import Plan, Schedule
from tests.faults.verdict import Verdict, check
from tests.faults.world.clients import Clients
from tests.faults.world.functions import Variant
from tests.faults.wrong_variants import (
    ASK_BACKWARDS,
    EMIT_ONLY_NEW,
    FALL_BACK,
    FORGET_ENDS,
    IGNORE_FAILED_ENTRIES,
    MARK_FIRST,
    PUBLISH_WITHOUT_LEASE,
    TAKE_NO_TURNS,
)


def bad_schedules(scenario: str, plan: Plan, kind: str, variant: Variant, clients: Clients) -> dict[str, Verdict]:
    """Every single fault of one kind, early in a run, under which the variant loses or duplicates something."""
    story, base = SCENARIOS[scenario], Schedule(plan=plan)
    whole = play(story, base, clients=clients, variant=variant)
    assert not check(whole).lost, "it works as long as nothing fails, or it would be no test of fault injection"
    found = {}
    for fault in [fault for fault in faults_of(whole.calls) if fault[0] <= 16 and fault[1].startswith(kind)]:
        schedule = base.with_fault(*fault)
        verdict = check(play(story, schedule, clients=clients, variant=variant))
        if verdict.lost or verdict.duplicated:
            found[str(schedule)] = verdict
    return found


@pytest.mark.parametrize(
    ("variant", "scenario", "plan", "kind", "finding"),
    [
        pytest.param(EMIT_ONLY_NEW, "one-reading", Plan(), "crash", "breach not mailed", id="emits only newly stored"),
        pytest.param(MARK_FIRST, "one-reading", Plan(), "crash", "reading not stored", id="writes a done-marker first"),
        pytest.param(
            IGNORE_FAILED_ENTRIES, "two-devices", Plan(), "failed", "breach not mailed", id="ignores FailedEntryCount"
        ),
        pytest.param(
            PUBLISH_WITHOUT_LEASE,
            "one-reading",
            Plan(events=2, beside="paired"),
            "switch",
            "e-mail sent twice",
            id="checks, publishes, marks, without a lease",
        ),
        pytest.param(
            FALL_BACK, "one-reading", Plan(), "down", "breach not mailed", id="judges by bundled thresholds meanwhile"
        ),
    ],
)
def test_a_known_wrong_variant_is_caught(
    variant: Variant, scenario: str, plan: Plan, kind: str, finding: str, clients: Clients
) -> None:
    bad = bad_schedules(scenario, plan, kind, variant, clients)
    by_schedule = {schedule: [*verdict.lost, *verdict.duplicated] for schedule, verdict in bad.items()}
    assert any(finding in sentence for sentences in by_schedule.values() for sentence in sentences), by_schedule
    for schedule in bad:
        right = check(play(SCENARIOS[scenario], Schedule.parse(schedule), clients=clients))
        assert (right.lost, right.duplicated) == ([], []), f"the real handlers fail too under {schedule}"


@pytest.mark.parametrize(
    ("variant", "scenario", "plan", "finding"),
    [
        pytest.param(
            FORGET_ENDS,
            "duplicates-hours-later",
            Plan(events=2),
            "twice",
            id="forgets settled_through when an alert ends",
        ),
        pytest.param(ASK_BACKWARDS, "clocks-apart", Plan(), "refused by AWS", id="asks for an empty range"),
        pytest.param(TAKE_NO_TURNS, "hostile-source", Plan(), "e-mail late by", id="lets no source take turns"),
    ],
)
def test_a_variant_that_is_wrong_without_a_fault_is_caught(
    variant: Variant, scenario: str, plan: Plan, finding: str, clients: Clients
) -> None:
    wrong, right = (
        check(play(SCENARIOS[scenario], Schedule(plan=plan), clients=clients, variant=handlers))
        for handlers in (variant, Variant())
    )
    assert any(finding in sentence for sentence in wrong.bad)
    assert right.bad == []
