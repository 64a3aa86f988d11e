"""How many e-mails may leave: a counter a minute in the alerts table, taken before anything is published.

SNS suspends an e-mail subscription that gets more than 10 messages in a second, and the limit cannot be raised (SNS
Developer Guide, "Email notifications"): so there is a second limit within the minute, small enough that two
neighbouring seconds stay under 10 together.
"""

from __future__ import annotations

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
        self._spent: str | None = None

    def take(self, now: datetime) -> bool:
        """Take one e-mail out of this minute's and this second's budget; False if either is spent."""
        minute, second = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), f"s{now.second:02}"
        if self._spent in (minute, minute + second):
            return False
        try:
            counted = self._dynamodb.update_item(
                TableName=self._table,
                Key={"alert_key": {"S": f"budget#emails#{minute}"}},
                UpdateExpression="ADD spent :one, #second :one SET expires_at = :expires_at",
                ConditionExpression="(attribute_not_exists(spent) OR spent < :per_minute) AND "
                "(attribute_not_exists(#second) OR #second < :per_second)",
                ExpressionAttributeNames={"#second": second},
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":per_minute": {"N": str(self._per_minute)},
                    ":per_second": {"N": str(self._per_second)},
                    ":expires_at": {"N": str(int((now + _KEPT).timestamp()))},
                },
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            self._spent = minute + second
            return False
        if int(counted["spent"]["N"]) >= self._per_minute:
            self._spent = minute
        return True
