"""How many e-mails may leave: a counter a minute in the alerts table, taken before anything is published.

SNS suspends an e-mail subscription that gets more than 10 messages in a second, and the limit cannot be raised (SNS
Developer Guide, "Email notifications"): so there is a second limit within the minute, small enough that two
neighbouring seconds stay under 10 together.

`emails_per_minute` in cdk.json says how many. A source that has used a quarter of a minute's budget may send only while
less than half of it is used, so that half of every minute's e-mails are left to sources that have sent less.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

EMAILS_PER_SECOND = 4
_KEPT = timedelta(hours=1)


class EmailBudget:
    """Counts e-mails over all invocations; one conditional update each, none once this process knows it is spent."""

    def __init__(self, dynamodb: Any, *, table: str, per_minute: int, per_second: int = EMAILS_PER_SECOND) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._per_minute = per_minute
        self._per_second = per_second
        self._minute = ""
        # What is spent of that minute: the minute itself, seconds of it, sources in it.
        self._spent: set[str] = set()

    def take(self, now: datetime, *, source: str = "") -> bool:
        """Take one e-mail out of this minute's and this second's budget; False if either, or the share, is spent."""
        minute, second = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), f"s{now.second:02}"
        # A digest of the name: names may be long, and none must be that of another counter.
        share = f"from {hashlib.sha256(source.encode()).hexdigest()[:16]}"
        if minute != self._minute:
            self._minute, self._spent = minute, set()
        if self._spent & {minute, second, share}:
            return False
        try:
            counted = self._dynamodb.update_item(
                TableName=self._table,
                Key={"alert_key": {"S": f"budget#emails#{minute}"}},
                UpdateExpression="ADD spent :one, #second :one, #share :one SET expires_at = :expires_at",
                ConditionExpression="(attribute_not_exists(spent) OR spent < :per_minute) AND "
                "(attribute_not_exists(#second) OR #second < :per_second) AND "
                "(attribute_not_exists(#share) OR #share < :share OR spent < :half)",
                ExpressionAttributeNames={"#second": second, "#share": share},
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":per_minute": {"N": str(self._per_minute)},
                    ":per_second": {"N": str(self._per_second)},
                    ":share": {"N": str(max(1, self._per_minute // 4))},
                    ":half": {"N": str((self._per_minute + 1) // 2)},
                    ":expires_at": {"N": str(int((now + _KEPT).timestamp()))},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            self._note(error.response.get("Item", {}), minute=minute, second=second, share=share)
            return False
        self._note(counted, minute=minute)
        return True

    def _note(self, counted: dict[str, Any], *, minute: str, second: str = "", share: str = "") -> None:
        """Remember which counter is spent, by how they stand; of a refusal by no other it is the source's share."""
        if _count(counted, "spent") >= self._per_minute:
            self._spent.add(minute)
        elif second and _count(counted, second) >= self._per_second:
            self._spent.add(second)
        elif counted and share:
            self._spent.add(share)


def _count(counted: dict[str, Any], name: str) -> int:
    return int(counted.get(name, {"N": "0"})["N"])
