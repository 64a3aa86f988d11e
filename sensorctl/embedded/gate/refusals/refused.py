"""The error a rule raises for an invalid request."""

from __future__ import annotations


class InvalidRequestError(Exception):
    """The service would answer `code` with this message, with HTTP status 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def refuse_if(condition: object, message: str, *, code: str = "ValidationException") -> None:
    """Raise InvalidRequestError if the condition holds."""
    if condition:
        raise InvalidRequestError(code, message)
