"""Whether a gateway lives, each step by itself."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.alert.domain.gateway import Limits, on_look
from lambdas.alert.domain.lifecycle import STALE_AFTER
from lambdas.alert.domain.models import Decision, Silence
from lambdas.alert.domain.notices import SilenceFacts
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON
from tests.unit.alert.lifecycle_kit import TICK

LIMITS = Limits(silent=15 * MINUTE, quiet=10 * MINUTE)
LIVING = Silence(device_id="gateway-3")
BEHIND = tuple(f"press-{number}" for number in range(7))
QUIET_FROM, SILENT_FROM = NOON - 10 * MINUTE - TICK, NOON - 15 * MINUTE - TICK


def look(state: Silence, last_seen: datetime, **members: Any) -> Decision[Silence]:
    known = {"limits": LIMITS, "behind": BEHIND, "source": "uplink", "now": NOON}
    return on_look(state, last_seen=last_seen, **{**known, **members})


def silent_since(last_seen: datetime, **members: Any) -> Silence:
    return replace(LIVING, since=last_seen, quiet_since=last_seen, noticed_at=NOON, source="uplink", **members)


def test_it_is_quiet_and_then_silent_once_its_limits_are_over_and_not_at_them() -> None:
    assert look(LIVING, NOON - 10 * MINUTE) == Decision(state=LIVING, outcome="unchanged")
    quiet = look(LIVING, QUIET_FROM)
    assert quiet == Decision(
        state=replace(LIVING, quiet_since=QUIET_FROM, noticed_at=NOON, source="uplink"), outcome="unchanged"
    )
    assert look(LIVING, NOON - 15 * MINUTE).notices == ()
    assert look(LIVING, SILENT_FROM).outcome == "silent"


def test_it_is_silent_where_its_own_limit_is_shorter_than_that_of_being_quiet() -> None:
    limits = Limits(silent=5 * MINUTE, quiet=10 * MINUTE)
    assert look(LIVING, NOON - 5 * MINUTE - TICK, limits=limits).outcome == "silent"
    assert look(LIVING, NOON - 5 * MINUTE, limits=limits).outcome == "unchanged"


def test_a_silence_is_mailed_with_the_first_of_those_behind_it() -> None:
    quiet = look(LIVING, SILENT_FROM, now=NOON - 5 * MINUTE).state
    decision = look(quiet, SILENT_FROM)
    assert decision.state == replace(silent_since(SILENT_FROM), noticed_at=NOON - 5 * MINUTE)
    (notice,) = decision.notices
    assert (notice.kind, notice.silence) == (
        "silent",
        SilenceFacts(
            device_id="gateway-3",
            since=SILENT_FROM,
            until=NOON,
            limit=900.0,
            source="uplink",
            behind=BEHIND[:5],
            behind_count=7,
        ),
    )
    assert look(decision.state, SILENT_FROM, now=NOON + HOUR) == Decision(state=decision.state, outcome="unchanged")


@pytest.mark.parametrize("after", [TICK, HOUR])
def test_a_later_upload_ends_a_silence_with_an_e_mail_and_quiet_without_one(after: timedelta) -> None:
    back = QUIET_FROM + after
    quiet = look(LIVING, QUIET_FROM).state
    living = replace(LIVING, source="uplink", returned_at=back)
    assert look(quiet, back) == Decision(state=living, outcome="unchanged")
    assert look(quiet, QUIET_FROM) == Decision(state=quiet, outcome="unchanged")

    decision = look(silent_since(QUIET_FROM, withheld_at=NOON), back, source="other")
    assert (decision.state, decision.outcome) == (living, "back")
    (notice,) = decision.notices
    assert notice.kind == "back"
    assert notice.silence == SilenceFacts(
        device_id="gateway-3",
        since=QUIET_FROM,
        until=back,
        limit=900.0,
        source="uplink",
        behind=BEHIND[:5],
        behind_count=7,
    )
    assert notice.alert_id == look(LIVING, QUIET_FROM, now=NOON + HOUR).notices[0].alert_id


def test_a_silence_that_began_more_than_a_day_ago_is_kept_and_not_mailed() -> None:
    assert look(LIVING, NOON - STALE_AFTER).outcome == "silent"
    last = NOON - STALE_AFTER - TICK
    assert look(LIVING, last) == Decision(state=silent_since(last), outcome="stale")


def test_one_that_a_mute_withholds_is_due_as_soon_as_it_is_not_muted_however_long_that_was() -> None:
    muted = silent_since(SILENT_FROM, withheld_at=NOON)
    assert look(muted, SILENT_FROM, muted=True) == Decision(state=muted, outcome="unchanged")
    later = look(muted, SILENT_FROM, now=NOON + 2 * STALE_AFTER)
    assert (later.outcome, later.state) == ("silent", silent_since(SILENT_FROM))
    assert look(LIVING, SILENT_FROM, muted=True).outcome == "silent"


def test_one_behind_another_is_judged_at_the_last_sign_of_life_of_that_one() -> None:
    assert look(LIVING, SILENT_FROM, judged_at=SILENT_FROM + 15 * MINUTE).notices == ()
    assert look(LIVING, SILENT_FROM, judged_at=SILENT_FROM + 10 * MINUTE).state == LIVING
    decision = look(LIVING, SILENT_FROM, judged_at=NOON, now=NOON + MINUTE)
    assert decision.notices[0].silence is not None
    assert decision.notices[0].silence.until == NOON + MINUTE
