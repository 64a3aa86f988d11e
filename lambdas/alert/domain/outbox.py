"""The messages inside a ledger item: leasing, settling, and when the item needs attention.

new -> LEASED -> SENT                a lease that runs out (a crash) is taken again by a redelivery or the sweep
new -> PENDING -> DIGESTED           over the e-mail budget: one digest a minute stands for all of them
PENDING -> LEASED -> SENT            a single one that waits goes out as itself
new -> MUTED -> LEASED or PENDING    an end that a mute withholds: it goes on like a new one once the mute has ended
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.alert.domain.models import Record, State
from lambdas.alert.domain.notices import Message, Notice

# Longer than the function may run (50 s), so that only a dead invocation loses a lease.
LEASE = timedelta(seconds=60)
# Settled messages kept in the item: a few for people who look, and those digested within the hour, whose digest may yet
# have to be finished after a crash and reads them here.
_KEPT = 6
_DIGEST_KEPT = timedelta(hours=1)


def to_send(record: Record, *, now: datetime, pending: bool = False, unmuted: bool = False) -> tuple[Message, ...]:
    """Return the messages whose lease has run out and, if asked for, those that wait for a digest or a mute's end."""
    return tuple(
        message
        for message in record.outbox
        if (message.status == "LEASED" and message.lease_until is not None and message.lease_until <= now)
        or (pending and message.status == "PENDING")
        or (unmuted and message.status == "MUTED")
    )


def waiting(record: Record) -> tuple[Message, ...]:
    """Return the messages that wait for a digest."""
    return tuple(message for message in record.outbox if message.status == "PENDING")


def advance(
    record: Record,
    state: State,
    *,
    notices: Sequence[Notice],
    withheld: Sequence[Notice] = (),
    again: Sequence[Message],
    budget: int,
    now: datetime,
    lease: str,
) -> Record:
    """Return the record with its new state, the first `budget` of (`again` + `notices`) leased, the others PENDING.

    What is `withheld` is added as MUTED.
    """
    fresh = [_message(record, notice, now=now) for notice in notices]
    leased = {message.message_id for message in [*again, *fresh][:budget]}
    touched = {message.message_id for message in [*again, *fresh]}
    outbox = tuple(
        (_leased(message, now=now, lease=lease) if message.message_id in leased else _pending(message))
        if message.message_id in touched
        else message
        for message in (*record.outbox, *fresh)
    )
    muted = (replace(_message(record, notice, now=now), status="MUTED") for notice in withheld)
    return replace(record, state=state, outbox=(*outbox, *muted))


def held(record: Record, *, lease: str) -> tuple[Message, ...]:
    """Return the messages that `lease` may publish."""
    return tuple(message for message in record.outbox if message.status == "LEASED" and message.lease == lease)


def sent(record: Record, message_id: str, *, now: datetime, sns_message_id: str) -> Record:
    """Return the record with the message SENT, whoever holds its lease by now: SNS has it, and nobody need send it."""
    return _settle(
        record,
        tuple(
            replace(
                message,
                status="SENT",
                notice=None,
                lease=None,
                lease_until=None,
                settled_at=now,
                sns_message_id=sns_message_id,
            )
            if message.message_id == message_id and message.status in ("LEASED", "PENDING")
            else message
            for message in record.outbox
        ),
        now=now,
    )


def digested(record: Record, message_id: str, *, digest_id: str, now: datetime) -> Record:
    """Return the record with the message counted in that digest; unchanged if it does not wait any more."""
    return _settle(
        record,
        tuple(
            replace(message, status="DIGESTED", digest_id=digest_id, settled_at=now)
            if message.message_id == message_id and message.status == "PENDING"
            else message
            for message in record.outbox
        ),
        now=now,
    )


def due_at(record: Record) -> datetime | None:
    """Return when the first unsent message needs attention, or None: all are settled."""
    times = [
        message.lease_until if message.status == "LEASED" and message.lease_until is not None else message.created_at
        for message in record.outbox
        if message.status in ("LEASED", "PENDING")
    ]
    return min(times, default=None)


def muted_since(record: Record) -> datetime | None:
    """Return since when messages wait for the end of a mute, or None: none does."""
    return min((message.created_at for message in record.outbox if message.status == "MUTED"), default=None)


def _message(record: Record, notice: Notice, *, now: datetime) -> Message:
    # The version that this write makes: one transition, one id, whoever wins the write.
    return Message(
        message_id=f"{notice.alert_id}-{record.version + 1}-{notice.kind}",
        kind=notice.kind,
        severity=notice.severity,
        status="PENDING",
        created_at=now,
        notice=notice,
    )


def _leased(message: Message, *, now: datetime, lease: str) -> Message:
    return replace(message, status="LEASED", lease=lease, lease_until=now + LEASE)


def _pending(message: Message) -> Message:
    return replace(message, status="PENDING", lease=None, lease_until=None)


def _settle(record: Record, outbox: tuple[Message, ...], *, now: datetime) -> Record:
    settled = [message for message in outbox if message.settled_at is not None]
    settled.sort(key=lambda message: message.settled_at or now)
    forgotten = {
        message.message_id
        for message in settled[:-_KEPT]
        if message.status == "SENT" or now - (message.settled_at or now) > _DIGEST_KEPT
    }
    return replace(record, outbox=tuple(message for message in outbox if message.message_id not in forgotten))
