"""The checker is itself checked: handlers that are known to be wrong must not pass."""

import pytest
from wrong_alerting import ASK_BACKWARDS, FALL_BACK, FORGET_ENDS
from wrong_variants import EMIT_ONLY_NEW, IGNORE_FAILED_ENTRIES, MARK_FIRST, PUBLISH_WITHOUT_LEASE

from proof.checker import Verdict, check
from proof.enumeration import faults_of
from proof.faults import Plan, Schedule
from proof.functions import Variant
from proof.play import play
from proof.scenarios import SCENARIOS
from proof.wire import Clients


def bad_schedules(scenario: str, plan: Plan, kind: str, variant: Variant, clients: Clients) -> dict[str, Verdict]:
    """Every single fault of one kind, early in a run, under which the variant loses or doubles something."""
    story, base = SCENARIOS[scenario], Schedule(plan=plan)
    whole = play(story, base, clients=clients, variant=variant)
    assert not check(whole).lost, "it works as long as nothing fails, or it would be no test of the proof"
    found = {}
    for fault in [fault for fault in faults_of(whole.calls) if fault[0] <= 16 and fault[1].startswith(kind)]:
        schedule = base.with_fault(*fault)
        verdict = check(play(story, schedule, clients=clients, variant=variant))
        if verdict.lost or verdict.doubled:
            found[str(schedule)] = verdict
    return found


@pytest.mark.parametrize(
    ("variant", "scenario", "plan", "kind", "finding"),
    [
        pytest.param(EMIT_ONLY_NEW, "one-reading", Plan(), "crash", "breach not told", id="emits only newly stored"),
        pytest.param(MARK_FIRST, "one-reading", Plan(), "crash", "reading not stored", id="writes a done-marker first"),
        pytest.param(
            IGNORE_FAILED_ENTRIES, "two-devices", Plan(), "failed", "breach not told", id="ignores FailedEntryCount"
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
            FALL_BACK, "one-reading", Plan(), "down", "breach not told", id="judges by bundled thresholds meanwhile"
        ),
    ],
)
def test_a_known_wrong_variant_is_caught(
    variant: Variant, scenario: str, plan: Plan, kind: str, finding: str, clients: Clients
) -> None:
    bad = bad_schedules(scenario, plan, kind, variant, clients)
    said = {schedule: [*verdict.lost, *verdict.doubled] for schedule, verdict in bad.items()}
    assert any(finding in sentence for sentences in said.values() for sentence in sentences), said
    for schedule in bad:
        right = check(play(SCENARIOS[scenario], Schedule.parse(schedule), clients=clients))
        assert (right.lost, right.doubled) == ([], []), f"the real handlers fail too under {schedule}"


@pytest.mark.parametrize(
    ("variant", "scenario", "plan", "finding"),
    [
        pytest.param(
            FORGET_ENDS,
            "duplicates-hours-later",
            Plan(events=2),
            "twice",
            id="forgets through when an alert is settled",
        ),
        pytest.param(ASK_BACKWARDS, "clocks-apart", Plan(), "refused by AWS", id="asks for an empty range"),
    ],
)
def test_a_variant_that_is_wrong_without_a_fault_is_caught(
    variant: Variant, scenario: str, plan: Plan, finding: str, clients: Clients
) -> None:
    wrong, right = (
        check(play(SCENARIOS[scenario], Schedule(plan=plan), clients=clients, variant=handlers))
        for handlers in (variant, Variant())
    )
    assert any(finding in sentence for sentence in [*wrong.lost, *wrong.doubled])
    assert (right.lost, right.doubled) == ([], [])
