"""What goes into the ledger comes out equal."""

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.alert.adapters import codec
from lambdas.alert.adapters.ledger import Ledger
from lambdas.alert.domain.models import (
    Alert,
    ClearRow,
    Digest,
    Flood,
    Member,
    MetricState,
    Record,
    Rejection,
    Silence,
    StaleBreaches,
)
from lambdas.alert.domain.notices import (
    Acknowledgement,
    AlertFacts,
    FloodFacts,
    Message,
    Notice,
    Observation,
    RejectedFacts,
    SilenceFacts,
)
from lambdas.shared.events import ThresholdBreached
from tests.unit.alert.alert_kit import ALERTS, NOON, World, breach, rejected

times = st.datetimes(timezones=st.just(UTC))
durations = st.integers(0, 10**8)
numbers = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False, width=32)
breaches = numbers.map(lambda value: breach(value, severity="warning"))
observations = st.builds(Observation, at=times, value=numbers)
notices = st.builds(
    Notice,
    kind=st.sampled_from(["opened", "resolved"]),
    alert_id=st.text(),
    severity=st.sampled_from([None, "warning", "critical"]),
    alert=st.none()
    | st.builds(
        AlertFacts, device_id=st.text(), metric=st.text(), breach=breaches, since=times, until=times,
        level=st.sampled_from([None, "warning"]), latest=st.none() | observations, reason=st.none() | st.text(),
    ),
    silence=st.none() | st.builds(SilenceFacts, device_id=st.text(), since=times, until=times, limit=durations),
    rejected=st.none() | st.builds(RejectedFacts, prefix=st.text(), rejected=st.just(rejected())),
    flood=st.none()
    | st.builds(FloodFacts, source=st.text(), hour=st.text(), most=st.integers(1, 10**7), first=breaches),
)  # fmt: skip
messages = st.builds(
    Message,
    message_id=st.text(),
    kind=st.just("opened"),
    severity=st.none(),
    status=st.sampled_from(["PENDING", "LEASED", "SENT", "DIGESTED"]),
    created_at=times,
    notice=st.none() | notices,
    lease=st.none() | st.text(),
    lease_until=st.none() | times,
    settled_at=st.none() | times,
    sns_message_id=st.none() | st.text(),
    digest_id=st.none() | st.text(),
)
acknowledgements = st.builds(
    Acknowledgement, by=st.text(), at=times, note=st.none() | st.text(), until=st.none() | times
)
alerts = st.builds(
    Alert, alert_id=st.text(), phase=st.just("open"), severity=st.just("warning"), noticed_at=times, since=times,
    last_at=times, worst=breaches, critical_at=st.none() | times, lowered_through=st.none() | times,
    remind_at=st.none() | times, flood=st.none() | st.text(), mailed_at=st.none() | times,
    unattended_at=st.none() | times, acknowledged=st.none() | acknowledgements,
    clear_row=st.none() | st.builds(ClearRow, after=times, through=times, first=st.none()),
)  # fmt: skip
recorded = st.builds(StaleBreaches, first_at=times, last_at=times, severity=st.just("critical"))
states = st.one_of(
    st.builds(
        MetricState, device_id=st.text(), metric=st.text(), alert=st.none() | alerts,
        settled_through=st.none() | times, recorded=st.none() | recorded,
    ),
    st.builds(Silence, device_id=st.text(), since=st.none() | times, noticed_at=st.none() | times),
    st.builds(Flood, source=st.text(), hour=st.text(), first=st.none() | st.just(breach().object)),
    st.builds(Rejection, prefix=st.text(), hour=st.text(), first=st.none() | st.just(breach().object)),
    st.builds(
        Digest, digest_id=st.text(), counted=st.none() | st.integers(0, 5),
        members=st.lists(st.builds(Member, key=st.text(), message_id=st.text()), max_size=3).map(tuple),
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(state=states)
def test_a_state_is_read_as_it_was_written(state: object) -> None:
    assert codec.from_map(type(state), codec.to_map(state)) == state


@settings(max_examples=300, deadline=None)
@given(message=messages)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    assert codec.from_map(Message, codec.to_map(message)) == message


@pytest.mark.parametrize("value", [92.4, -0.5, 85, 10**37 + 1, 1e-130, 9.9e125, 1e22, 0.1 + 0.2], ids=repr)
def test_numbers_come_back_from_dynamodb_as_they_were(world: World, value: float) -> None:
    ledger = Ledger(world.dynamodb, table=ALERTS)
    seen = replace(breach(92.4), value=value, unit=None, trace_id=None)
    state = MetricState(device_id="a", metric="b", alert=an_alert(worst=seen), settled_through=NOON)
    notice = Notice(kind="rejected", alert_id="1", rejected=RejectedFacts(prefix="p", rejected=rejected()))
    message = Message(message_id="1", kind="rejected", status="PENDING", created_at=NOON, notice=notice)
    written = ledger.put(Record(key="a#b", state=state, outbox=(message,)), now=NOON)
    assert ledger.get("a#b", blank=Silence(device_id="?")) == written
    assert written.version == 1


def an_alert(*, worst: ThresholdBreached) -> Alert:
    return Alert(
        alert_id="1", phase="open", severity="critical", noticed_at=NOON, since=NOON, last_at=NOON, worst=worst
    )


def test_members_that_a_class_does_not_know_are_ignored() -> None:
    read = codec.from_map(Silence, {"device_id": {"S": "a"}, "from_the_future": {"BOOL": True}})
    assert read == Silence(device_id="a")


@pytest.mark.parametrize("value", [True, [False], {"a": True}])
def test_a_type_that_no_record_holds_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot hold"):
        codec.to_attribute(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e126, 1e-131, 10**38 + 1], ids=repr)
def test_a_number_that_dynamodb_does_not_keep_fails_the_write_and_leaves_the_record(world: World, value: float) -> None:
    ledger = Ledger(world.dynamodb, table=ALERTS)
    stored = ledger.put(Record(key="a#b", state=MetricState(device_id="a", metric="b")), now=NOON)
    spoilt = MetricState(device_id="a", metric="b", alert=an_alert(worst=replace(breach(1), value=value)))
    with pytest.raises(ValueError, match="cannot hold the number"):
        ledger.put(replace(stored, state=spoilt), now=NOON)
    assert ledger.get("a#b", blank=Silence(device_id="?")) == stored


def test_a_record_over_400_kb_is_refused_in_a_sentence_before_dynamodb_does(world: World) -> None:
    ledger = Ledger(world.dynamodb, table=ALERTS)
    members = tuple(Member(key="k" * 900, message_id=str(number)) for number in range(500))
    with pytest.raises(ValueError, match="400 KB"):
        ledger.put(Record(key="digest#minute#1", state=Digest(digest_id="1", members=members)), now=NOON)


def test_a_record_that_would_not_be_read_back_as_it_is_is_not_written(world: World) -> None:
    ledger = Ledger(world.dynamodb, table=ALERTS)
    odd = replace(breach(1), severity="sever")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'sever'"):
        ledger.put(Record(key="a#b", state=MetricState(device_id="a", metric="b", alert=an_alert(worst=odd))), now=NOON)
