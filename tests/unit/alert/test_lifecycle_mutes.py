"""An alert while it is muted and after: its state is what it would be else, its e-mails wait."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from lambdas.alert.domain import all_clear, withheld
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import Decision, MetricState
from lambdas.alert.domain.notices import Notice, Observation
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON
from tests.unit.alert.lifecycle_kit import RULE, STATE, after, alert_of, past

MUTED_FROM, MUTED_UNTIL = NOON + 10 * MINUTE, NOON + 60 * MINUTE


@dataclass
class Life:
    """One metric, muted from ten past noon to one o'clock, as the delivery plays it."""

    state: MetricState = STATE
    mailed: list[Notice] = field(default_factory=list)
    waiting: list[Notice] = field(default_factory=list)

    def breach(self, value: float, *, minute: float) -> str:
        now = NOON + minute * MINUTE
        return self._take(
            on_breach(self.state, past(value, at=now), rule=RULE, now=now, muted=self._muted(now)), now=now
        )

    def tick(self, minute: float, value: float | None = None) -> str:
        now = NOON + minute * MINUTE
        latest = Observation(at=now, value=value) if value is not None else None
        decision = on_tick(self.state, latest=latest, first_clear=latest, rule=RULE, now=now, muted=self._muted(now))
        return self._take(decision, now=now)

    def ticks(self, minutes: Iterable[int], value: float | None = None) -> None:
        for minute in minutes:
            self.tick(minute, value)

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.mailed]

    def _muted(self, now: datetime) -> bool:
        return MUTED_FROM <= now < MUTED_UNTIL

    def _take(self, decision: Decision[MetricState], *, now: datetime) -> str:
        if self._muted(now):
            decision = withheld.muted(self.state, decision, now=now)
            assert not decision.notices
            self.waiting += decision.withheld
        else:
            decision = withheld.announced(self.state, decision)
            self.mailed += [*self.waiting, *decision.notices]
            self.waiting.clear()
        self.state = decision.state
        return decision.outcome


def test_what_opens_under_a_mute_is_mailed_once_when_it_ends_as_it_is_then() -> None:
    life = Life()
    assert life.breach(75, minute=20) == "opened"
    assert life.breach(92, minute=30) == "escalated"
    assert life.state.status == "open"
    life.ticks(range(31, 60), 90)
    assert life.mailed == []
    life.ticks(range(60, 70), 88)
    assert life.kinds == ["opened"]
    facts = life.mailed[0].alert
    assert facts is not None
    assert (facts.level, facts.breach.value, facts.since) == ("critical", 92, NOON + 20 * MINUTE)
    assert (facts.withheld_at, facts.until) == (NOON + 20 * MINUTE, MUTED_UNTIL)
    assert facts.latest == Observation(at=MUTED_UNTIL, value=88)
    assert life.state.alert is not None
    assert life.state.alert.known is None


def test_a_breach_that_comes_before_the_first_look_after_the_mute_tells_all_of_it() -> None:
    life = Life()
    life.breach(92, minute=55)
    life.breach(75, minute=60)
    facts = life.mailed[0].alert
    assert life.kinds == ["opened"]
    assert facts is not None
    assert facts.breach.value == 92
    life.tick(61, 80)
    assert life.kinds == ["opened"]


def test_what_opens_and_ends_under_a_mute_is_never_mailed() -> None:
    life = Life()
    life.breach(92, minute=20)
    assert life.tick(25, 50) == "resolved"
    life.ticks(range(60, 63), 50)
    assert life.mailed == []
    assert [ended.severity for ended in life.state.ended] == ["critical"]


def test_what_opens_under_a_mute_and_ends_before_the_first_look_after_it_is_never_mailed() -> None:
    life = Life()
    life.breach(92, minute=20)
    life.tick(60, 50)
    assert (life.mailed, life.state.status) == ([], "closed")


def test_the_end_of_what_people_know_of_is_mailed_when_the_mute_ends() -> None:
    life = Life()
    life.breach(92, minute=0)
    assert life.tick(25, 50) == "resolved"
    assert (life.state.status, life.kinds) == ("closed", ["opened"])
    # A second alert under the same mute is mailed as well: two ids, two conversations.
    life.breach(75, minute=30)
    life.tick(60, 75)
    assert life.kinds == ["opened", "resolved", "opened"]
    assert life.mailed[0].alert_id == life.mailed[1].alert_id != life.mailed[2].alert_id


@pytest.mark.parametrize(
    ("before", "under", "after"),
    [
        pytest.param(75, [76, 78], [], id="nothing new to say"),
        pytest.param(75, [92], ["escalated"], id="it has escalated"),
        pytest.param(92, [93], [], id="already critical"),
        pytest.param(71, [2], ["crossed"], id="the other side was crossed, and is the worst"),
        pytest.param(84, [4], ["reminder"], id="the other side was crossed, and is not the worst"),
        pytest.param(3, [92, -1], ["escalated"], id="both sides"),
    ],
)
def test_what_people_know_of_is_mailed_again_only_if_it_has_risen(
    before: float, under: list[float], after: list[str]
) -> None:
    life = Life()
    life.breach(before, minute=0)
    for minute, value in enumerate(under, 50):
        life.breach(value, minute=minute)
    assert life.kinds == ["opened"]
    life.ticks((60, 61, 62))
    assert life.kinds == ["opened", *after]


def test_what_has_stepped_down_under_a_mute_is_said_when_it_ends_and_a_rise_that_is_over_is_not() -> None:
    lower = Life()
    lower.breach(92, minute=0)
    assert lower.tick(15, 75) == "deescalated"
    lower.ticks((60, 61), 75)
    assert lower.kinds == ["opened", "deescalated"]
    up_and_down = Life()
    up_and_down.breach(75, minute=0)
    up_and_down.breach(92, minute=20)
    assert up_and_down.tick(31, 75) == "deescalated"
    up_and_down.ticks((60, 61), 75)
    assert up_and_down.kinds == ["opened"]


def test_a_reminder_that_falls_due_under_a_mute_is_mailed_when_it_ends() -> None:
    life = Life(state=on_breach(STATE, past(75), rule=RULE, now=NOON - timedelta(minutes=90)).state)
    life.ticks(range(25, 60), 75)
    assert life.mailed == []
    life.ticks((60, 61), 75)
    assert life.kinds == ["reminder"]


def test_what_was_looked_at_for_an_all_clear_is_kept_while_a_reminder_waits_for_the_end_of_a_mute() -> None:
    """Else each look begins anew, and a row longer than one look ends no alert before the mute does."""
    rule = replace(RULE, clear_for=5 * MINUTE)
    state, now = after(75, rule=rule), NOON + 3 * HOUR
    seen = Observation(at=NOON + 2 * HOUR, value=60, stamped_at=NOON + 2 * HOUR)
    latest = replace(seen, at=now)
    look = all_clear.look(alert_of(state), [seen], through=seen.at, rule=rule, whole=False)
    for outcome in ("clearing", "unchanged"):
        decision = on_tick(state, latest=latest, clear_look=look, rule=rule, now=now, muted=True)
        assert decision.outcome == "reminder"
        decision = withheld.muted(state, decision, now=now)
        assert (decision.outcome, decision.notices) == (outcome, ())
        state = decision.state
        assert alert_of(state) == replace(alert_of(after(75, rule=rule)), clear_row=look.row)


def test_an_alert_that_a_flood_e_mail_stands_for_is_mailed_after_a_mute_only_if_it_has_risen_under_it() -> None:
    flooded = withheld.flooded(on_breach(STATE, past(75), rule=RULE, now=NOON), hour="2026-11-22T12Z").state
    quiet = Life(state=flooded)
    quiet.ticks((20, 60, 61), 75)
    assert quiet.mailed == []
    risen = Life(state=flooded)
    risen.breach(92, minute=20)
    risen.ticks((60, 61), 90)
    assert risen.kinds == ["opened"]
    assert risen.state.alert is not None
    assert risen.state.alert.flood is None
