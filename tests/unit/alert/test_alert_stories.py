"""Stories that went wrong once: what people were mailed, and what they should have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lambdas.alert.domain import silence
from lambdas.alert.domain.lifecycle import CALM_AFTER, on_breach, on_tick
from lambdas.alert.domain.models import Decision, MetricState, Silence
from lambdas.alert.domain.notices import Observation
from lambdas.alert.mail.message import Mail, render
from lambdas.shared.events import ThresholdBreached
from lambdas.shared.thresholds.thresholds import Bounds, Rule
from lambdas.shared.times import timestamp
from tests.unit.alert.alert_kit import HOUR, MINUTE, NOON, SWEEP, THRESHOLDS, World, breach, event

FRIDGE = Rule(
    unit="Cel",
    warning=Bounds(above=8, below=2),
    critical=Bounds(above=12, below=0),
    source="devices.fridge-*.temperature",
)
BOILER = Rule(warning=Bounds(above=70), critical=Bounds(above=85), clear=Bounds(below=65), source="metrics.temperature")
NEW = MetricState(device_id="fridge-2", metric="temperature")


def crossing(
    value: float, *, at: datetime, uploaded: datetime | None = None, rule: Rule = FRIDGE, device: str = "fridge-2"
) -> ThresholdBreached:
    """One reading that is past the rule's limit, as ingest reports it."""
    crossed = rule.crossing(value)
    assert crossed is not None
    return replace(
        breach(value, at=at, device=device, severity=crossed.severity, count=1),
        bound=crossed.bound,
        limit=crossed.limit,
        uploaded_at=timestamp(uploaded or at),
    )


class Life:
    """One metric's state, and the e-mails that its events and ticks cause."""

    def __init__(self, rule: Rule | None = FRIDGE) -> None:
        self.rule = rule
        self.state = NEW
        self.mails: list[Mail] = []

    def breached(self, value: float, *, at: datetime, uploaded: datetime | None = None) -> str:
        seen = crossing(value, at=at, uploaded=uploaded, rule=self.rule or FRIDGE)
        return self._take(on_breach(self.state, seen, rule=self.rule, now=uploaded or at))

    def tick(self, *, now: datetime, latest: Observation | None = None, first_clear: Observation | None = None) -> str:
        return self._take(on_tick(self.state, latest=latest, first_clear=first_clear, rule=self.rule, now=now))

    def _take(self, decision: Decision[MetricState]) -> str:
        self.state = decision.state
        self.mails += [render(notice, region="us-east-1", stage="prod") for notice in decision.notices]
        return decision.outcome

    @property
    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.mails]

    @property
    def last(self) -> str:
        return " ".join(self.mails[-1].body.split())


# The other side of the range.


def test_a_reading_past_the_opposite_limit_is_mailed() -> None:
    life = Life()
    assert life.breached(13, at=NOON) == "opened"
    assert life.breached(-6, at=NOON + MINUTE) == "crossed"
    assert life.subjects == [
        "[CRITICAL] fridge-2 temperature 13 Cel above 12",
        "[CRITICAL] fridge-2 temperature -6 Cel below 0, was above",
    ]
    assert "-6 Cel, below 0 Cel, the critical limit" in life.last
    assert "Also: above its critical limit" in life.last
    assert life.mails[-1].attributes["kind"] == "crossed"


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ((9, 13), ["opened", "escalated"]),
        ((9, -6), ["opened", "escalated"]),
        ((9, 1, -6), ["opened", "crossed", "escalated"]),
        ((13, 1, -6), ["opened", "crossed", "crossed"]),
        ((13, 9, 1, 1), ["opened", "crossed"]),
    ],
)
def test_each_rise_on_each_side_is_mailed_once(values: tuple[float, ...], kinds: list[str]) -> None:
    life = Life()
    for minute, value in enumerate(values):
        life.breached(value, at=NOON + minute * MINUTE)
    assert [mail.attributes["kind"] for mail in life.mails] == kinds


def test_sides_crossed_while_the_breach_was_pending_are_both_in_the_opening_mail() -> None:
    life = Life(replace(FRIDGE, hold=5 * MINUTE))
    assert life.breached(13, at=NOON) == "pending"
    assert life.breached(-3, at=NOON + MINUTE) == "pending"
    assert life.breached(13, at=NOON + 5 * MINUTE) == "opened"
    assert "Limit: below 0 Cel (critical)" in life.last
    assert "Also: above its critical limit" in life.last


def test_an_alert_that_an_older_version_stored_is_not_mailed_again_for_the_side_it_opened_on() -> None:
    life = Life()
    life.breached(13, at=NOON)
    assert life.state.alert is not None
    life.state = replace(life.state, alert=replace(life.state.alert, above=None, below=None))
    assert life.breached(14, at=NOON + MINUTE) == "joined"
    assert life.breached(-6, at=NOON + 2 * MINUTE) == "crossed"


# Clocks that are ahead.


@pytest.mark.parametrize("ahead", [MINUTE, 290 * timedelta(seconds=1), 16 * HOUR, 24 * HOUR])
def test_a_rule_removed_while_an_alert_was_stamped_ahead_settles_nothing_that_is_still_to_come(
    ahead: timedelta,
) -> None:
    life = Life()
    life.breached(13, at=NOON + ahead, uploaded=NOON)
    life.rule = None
    assert life.tick(now=NOON + MINUTE) == "resolved"
    assert life.state.settled_through is not None
    assert life.state.settled_through <= NOON + MINUTE
    life.rule = FRIDGE
    assert life.breached(13, at=NOON + 2 * MINUTE) == "opened"


def test_a_breach_without_its_upload_is_counted_as_now_at_the_latest() -> None:
    old_event = replace(crossing(13, at=NOON + 16 * HOUR), uploaded_at=None)
    state = on_breach(NEW, old_event, rule=FRIDGE, now=NOON).state
    assert state.alert is not None
    assert (state.alert.since, state.alert.last_at) == (NOON, NOON)


def test_a_backfill_stamped_ahead_of_its_own_time_is_still_stale() -> None:
    """Replayed events of last month, whose device's clock was ahead then: no e-mail of them is due today."""
    month_ago = NOON - timedelta(days=30)
    old_event = crossing(13, at=NOON, uploaded=month_ago)
    assert on_breach(NEW, old_event, rule=FRIDGE, now=NOON).outcome == "stale"


def test_a_forged_reading_from_the_future_closes_nothing_for_good() -> None:
    """20 degrees, uploaded by another device in this one's name and stamped 4 min 50 s ahead, count as of then."""
    life = Life(BOILER)
    life.breached(99, at=NOON)
    forged_at = NOON + timedelta(seconds=30)
    forged = Observation(at=forged_at, value=20, stamped_at=forged_at + timedelta(seconds=290))
    assert life.tick(now=NOON + MINUTE, latest=forged, first_clear=forged) == "resolved"
    assert life.state.settled_through == forged_at
    assert life.breached(102, at=NOON + MINUTE) == "opened"


# The end, and how long it took.


def test_an_all_clear_names_the_first_clear_reading_and_not_the_newest() -> None:
    life = Life(BOILER)
    life.breached(92, at=NOON)
    first = Observation(at=NOON + timedelta(seconds=280), value=64)
    newest = Observation(at=NOON + timedelta(seconds=580), value=21)
    assert life.tick(now=NOON + 10 * MINUTE, latest=newest, first_clear=first) == "resolved"
    assert life.subjects[-1] == "[RESOLVED] fridge-2 temperature 64 Cel after 4 minutes 40 seconds"
    assert "Clear: 64 Cel, read 2026-11-22 12:04:40 UTC" in life.last
    assert "Now: 21 Cel, read 2026-11-22 12:09:40 UTC" in life.last
    assert life.state.settled_through == newest.at


@pytest.mark.parametrize("seconds", [-1, 0, 581])
def test_a_first_clear_reading_that_is_not_of_this_alert_does_not_count(seconds: int) -> None:
    life = Life(BOILER)
    life.breached(92, at=NOON)
    newest = Observation(at=NOON + timedelta(seconds=580), value=21)
    other = Observation(at=NOON + timedelta(seconds=seconds), value=50)
    life.tick(now=NOON + 10 * MINUTE, latest=newest, first_clear=other)
    assert life.subjects[-1] == "[RESOLVED] fridge-2 temperature 21 Cel after 9 minutes 40 seconds"


# Reminders.


def test_a_reminder_for_a_device_that_says_nothing_says_so() -> None:
    life = Life(BOILER)
    life.breached(75, at=NOON)
    life.tick(now=NOON + 4 * HOUR, latest=Observation(at=NOON + 5 * MINUTE, value=69))
    assert life.subjects[-1] == (
        "[WARNING] fridge-2 temperature still open after 4 hours, no reading for 3 hours 55 minutes"
    )
    assert "there has been no reading since 2026-11-22 12:05:00 UTC" in life.last
    assert "Last: 69 Cel, read 2026-11-22 12:05:00 UTC" in life.last
    assert "Now:" not in life.last


def test_a_reminder_for_a_device_that_says_nothing_since_its_breach_says_so_too() -> None:
    life = Life(BOILER)
    life.breached(75, at=NOON)
    life.tick(now=NOON + 4 * HOUR)
    assert "there has been no reading since 2026-11-22 12:00:00 UTC" in life.last


def test_a_reminder_for_a_device_that_reports_speaks_of_now() -> None:
    life = Life(BOILER)
    life.breached(75, at=NOON)
    latest = Observation(at=NOON + 4 * HOUR - CALM_AFTER, value=69)
    life.tick(now=NOON + 4 * HOUR, latest=latest)
    assert life.subjects[-1] == "[WARNING] fridge-2 temperature still open after 4 hours"
    assert "no reading" not in life.last
    assert "Now: 69 Cel" in life.last


@pytest.mark.parametrize("latest", [None, 82])
def test_a_raised_limit_is_the_one_that_a_reminder_names(latest: float | None) -> None:
    life = Life(BOILER)
    life.breached(75, at=NOON)
    life.rule = replace(BOILER, warning=Bounds(above=80))
    reading = Observation(at=NOON + 4 * HOUR, value=latest) if latest is not None else None
    assert life.tick(now=NOON + 4 * HOUR, latest=reading) == "reminder"
    assert "Limit: above 80 Cel (warning)" in life.last
    assert "Worst: 75 Cel" in life.last


def test_a_reminder_names_the_limit_of_the_side_that_the_value_is_on_now() -> None:
    life = Life()
    life.breached(13, at=NOON)
    life.breached(-6, at=NOON + MINUTE)
    life.tick(now=NOON + 5 * HOUR, latest=Observation(at=NOON + 5 * HOUR, value=-1))
    assert "Limit: below 0 Cel (critical)" in life.last


def test_a_rule_that_has_lost_the_limit_names_the_one_that_was_crossed() -> None:
    life = Life(replace(BOILER, clear=Bounds(below=65)))
    life.breached(75, at=NOON)
    life.rule = replace(BOILER, warning=Bounds(below=2), critical=None)
    life.tick(now=NOON + 4 * HOUR)
    assert "Limit: above 70 Cel (warning)" in life.last


# Silence.


def test_a_device_that_dies_while_a_breach_is_pending_is_named_with_it(world: World) -> None:
    function = world.function()
    world.register("boiler-7")
    world.store("boiler-7", 75, at=NOON, metric="slow")
    function(event(breach(75, metric="slow", severity="warning")))
    world.clock.forward(minutes=16)
    function(SWEEP)
    (mail,) = world.new_mails()
    assert mail["kind"] == "silent"
    body = " ".join(mail["body"].split())
    assert mail["subject"] == "[SILENT] boiler-7 no reading for 16 minutes, was out of bounds"
    assert "slow was out of bounds when it fell silent, with an alert still pending." in body
    assert "Pending: slow 75 Cel, above 70 Cel (warning), since 2026-11-22 12:00:00 UTC" in body


def test_what_had_opened_or_ended_before_the_silence_is_not_named(world: World) -> None:
    world.set_thresholds({**THRESHOLDS, "silent_after": {"*": "3m"}})
    function = world.function()
    for device in ("open-1", "clear-1"):
        world.register(device)
    function(event(breach(75, metric="slow", severity="warning", device="open-1", first=NOON - 6 * MINUTE)))
    world.store("open-1", 75, at=NOON, metric="slow")
    function(event(breach(75, metric="slow", severity="warning", device="clear-1", at=NOON - MINUTE)))
    world.store("clear-1", 20, at=NOON, metric="slow")
    world.new_mails()
    world.clock.forward(minutes=4)
    function(SWEEP)
    mails = world.new_mails()
    assert [mail["kind"] for mail in mails] == ["silent", "silent"]
    assert not any("out of bounds" in mail["body"] for mail in mails)


def test_a_silent_mail_names_at_most_five_pending_metrics_the_most_severe_first() -> None:
    states = []
    for number in range(7):
        seen = replace(crossing(13 if number == 6 else 9, at=NOON), metric=f"m{number}")
        state = replace(NEW, metric=seen.metric)
        states.append(on_breach(state, seen, rule=replace(FRIDGE, hold=HOUR), now=NOON).state)
    gone = silence.on_look(
        Silence(device_id="fridge-2"), last_seen=NOON, limit=15 * MINUTE, now=NOON + 16 * MINUTE, pending=states
    )
    body = render(gone.notices[0], region="us-east-1", stage="prod").body
    assert [line.split()[1] for line in body.split("\n") if line.startswith("Pending:")] == [
        "m6",
        "m0",
        "m1",
        "m2",
        "m3",
    ]
    assert "m6, m0, m1, m2, m3 and 2 more were out of bounds when it fell silent" in " ".join(body.split())


# Where the mail came from.


@pytest.mark.parametrize(
    ("stage", "subject"),
    [
        ("prod", "[CRITICAL] fridge-2 temperature 13 Cel above 12"),
        ("dev", "[dev] [CRITICAL] fridge-2 temperature 13 Cel above 12"),
    ],
)
def test_a_subject_names_the_stage_where_it_is_not_prod(stage: str, subject: str) -> None:
    notice = on_breach(NEW, crossing(13, at=NOON), rule=FRIDGE, now=NOON).notices[0]
    assert render(notice, region="eu-west-1", stage=stage).subject == subject


def test_a_command_names_the_stage_and_the_region_that_the_mail_came_from() -> None:
    notice = on_breach(NEW, crossing(13, at=NOON), rule=FRIDGE, now=NOON).notices[0]
    body = render(notice, region="eu-west-1", stage="prod").body
    assert (
        "  sensorctl readings fridge-2 --metric temperature --since 2026-11-22T12:00:00Z"
        " --stage prod --region eu-west-1\n"
    ) in body
