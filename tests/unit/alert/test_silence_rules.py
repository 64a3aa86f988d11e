"""Whether a device is silent, each step by itself."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.domain.lifecycle import STALE_AFTER, on_breach
from lambdas.alert.domain.models import Decision, MetricState, Silence
from lambdas.alert.domain.notices import PendingBreach, SilenceFacts
from lambdas.alert.domain.silence import GatewayLife, is_silent, on_look
from lambdas.shared.thresholds.thresholds import Thresholds
from tests.unit.alert.alert_kit import NOON, breach

TICK = timedelta(microseconds=1)
LIMIT = timedelta(minutes=15)
REPORTING = Silence(device_id="pump-1", source="gateway-5")
SILENT = replace(REPORTING, since=NOON - LIMIT, noticed_at=NOON)
SLOW = Thresholds.parse('{"version": 1, "metrics": {"t": {"warning": {"above": 70}, "for": "5m"}}}').rule_for("d", "t")


def look(state: Silence, last_seen: datetime | None, **members: Any) -> Decision[Silence]:
    return on_look(state, **{"last_seen": last_seen, "limit": LIMIT, "now": NOON, **members})


def test_a_device_may_say_nothing_for_exactly_the_limit() -> None:
    assert is_silent(NOON - LIMIT - TICK, limit=LIMIT, now=NOON)
    assert not is_silent(NOON - LIMIT, limit=LIMIT, now=NOON)
    assert look(REPORTING, NOON - LIMIT) == Decision(state=REPORTING, outcome="unchanged")


def test_a_silence_is_told_with_its_span_its_limit_and_its_source() -> None:
    last = NOON - LIMIT - TICK
    decision = look(REPORTING, last)
    assert (decision.outcome, decision.state) == ("silent", replace(REPORTING, since=last, noticed_at=NOON))
    (notice,) = decision.notices
    assert notice.silence == SilenceFacts(
        device_id="pump-1", since=last, until=NOON, limit=900.0, pending=(), pending_count=0, source="gateway-5"
    )
    assert (notice.kind, notice.severity, len(notice.alert_id)) == ("silent", None, 12)


def test_one_silence_has_one_id_and_another_device_or_time_has_another() -> None:
    def told(state: Silence, last: datetime) -> str:
        return look(state, last).notices[0].alert_id

    early, late = NOON - 2 * LIMIT, NOON - LIMIT - TICK
    assert told(REPORTING, early) == told(replace(REPORTING, source=None), early)
    assert len({told(REPORTING, early), told(REPORTING, late), told(Silence(device_id="pump-2"), early)}) == 3
    assert look(replace(REPORTING, since=early), NOON).notices[0].alert_id == told(REPORTING, early)
    # A version before or after a deployment must give it the same one: it is in e-mails that were sent.
    assert told(REPORTING, early) == "16e63192a68c"


def test_a_silence_that_began_more_than_a_day_ago_is_kept_and_not_mailed() -> None:
    assert look(REPORTING, NOON - STALE_AFTER).outcome == "silent"
    last = NOON - STALE_AFTER - TICK
    stale = replace(REPORTING, since=last, noticed_at=NOON)
    assert look(REPORTING, last) == Decision(state=stale, outcome="stale")


def test_a_later_upload_ends_it_and_is_told() -> None:
    decision = look(SILENT, NOON - LIMIT + TICK)
    assert (decision.outcome, decision.state) == ("back", REPORTING)
    (notice,) = decision.notices
    assert notice.kind == "back"
    assert notice.silence == SilenceFacts(
        device_id="pump-1", since=NOON - LIMIT, until=NOON - LIMIT + TICK, limit=900.0, source="gateway-5"
    )


@pytest.mark.parametrize("last", [NOON - LIMIT, NOON - LIMIT - TICK])
def test_without_a_later_upload_nothing_changes(last: datetime) -> None:
    assert look(SILENT, last) == Decision(state=SILENT, outcome="unchanged")


def test_a_device_that_came_and_went_again_between_two_looks_stays_silent() -> None:
    earlier = replace(SILENT, since=NOON - 4 * LIMIT)
    assert look(earlier, NOON - 2 * LIMIT) == Decision(state=earlier, outcome="unchanged")


@pytest.mark.parametrize(("last", "limit"), [(NOON, None), (None, LIMIT)])
def test_where_nobody_asks_or_knows_the_device_it_ends_without_a_word(
    last: datetime | None, limit: timedelta | None
) -> None:
    assert look(SILENT, last, limit=limit) == Decision(state=REPORTING, outcome="dropped")
    assert look(REPORTING, last, limit=limit) == Decision(state=REPORTING, outcome="unchanged")


def test_a_device_behind_a_gateway_is_judged_at_the_last_sign_of_life_of_that_and_has_its_limit_after_each_return() -> (
    None
):
    def at(last: datetime, **life: datetime) -> str:
        return look(REPORTING, last, gateway=GatewayLife(**life)).outcome

    last = NOON - 3 * LIMIT
    assert at(last, last_seen=last + LIMIT) == "unchanged"
    assert at(last, last_seen=last + LIMIT + TICK) == "silent"
    back = last + 2 * LIMIT
    assert at(last, last_seen=back + LIMIT, returned_at=back) == "unchanged"
    assert at(last, last_seen=back + LIMIT + TICK, returned_at=back) == "silent"
    days = NOON - 3 * STALE_AFTER
    assert at(days, last_seen=NOON, returned_at=NOON - 2 * LIMIT) == "silent"
    assert at(days, last_seen=NOON) == "stale"


def test_it_names_the_five_worst_metrics_that_wait_out_their_for() -> None:
    def waiting(metric: str, value: float, minutes: int) -> MetricState:
        event = breach(value, at=NOON - timedelta(minutes=minutes), metric=metric)
        state = MetricState(device_id="pump-1", metric=metric)
        return on_breach(state, event, rule=SLOW, now=NOON).state

    states = [
        *(waiting(metric, 71, minutes) for metric, minutes in (("e", 3), ("d", 3), ("c", 4), ("b", 2), ("a", 1))),
        waiting("worst", 99, 1),
        MetricState(device_id="pump-1", metric="closed"),
        on_breach(MetricState(device_id="pump-1", metric="open"), breach(metric="open"), rule=None, now=NOON).state,
    ]
    facts = look(REPORTING, NOON - 2 * LIMIT, pending=states).notices[0].silence
    assert facts is not None
    assert facts.pending_count == 6
    assert [pending.breach.metric for pending in facts.pending] == ["worst", "c", "d", "e", "b"]
    assert facts.pending[1] == PendingBreach(
        since=NOON - timedelta(minutes=4), breach=breach(71, at=NOON - timedelta(minutes=4), metric="c")
    )
