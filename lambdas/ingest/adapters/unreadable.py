"""Which answers of GetObject say that an object will never be readable.

Such an object is rejected like any other bad input: tried again, it would fail again, for ever. What may pass
(throttling, an internal error) and what is our own fault (a missing permission) is none of these.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from lambdas.ingest.decoding.reading import RecordError

_DELETED = "it was deleted before it could be read"
_ARCHIVED = "its storage class is an archive; upload it again as STANDARD"
_ENCRYPTED = "it is encrypted with a key that ingest does not have; upload it again without a key of your own"


def unreadable(error: ClientError) -> RecordError | None:
    """Return why the object cannot be read by what S3 answered, or None where it may yet be.

    Amazon S3 API Reference, "GetObject" and "Error responses". Ingest asks for every object in the same way, so
    InvalidRequest is about the object: one that was stored with SSE-C asks for its key. A version that is gone is
    answered so only where the role may list the bucket; without, S3 says AccessDenied.
    """
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    reason = None
    if code in ("NoSuchKey", "NoSuchVersion"):
        reason = _DELETED
    elif code == "InvalidObjectState":
        reason = _ARCHIVED
    elif code == "InvalidRequest" or (code == "AccessDenied" and "kms:" in message) or _key_is_unusable(code):
        reason = _ENCRYPTED
    return RecordError("unreadable_object", f"the object cannot be read: {reason}") if reason is not None else None


def _key_is_unusable(code: str) -> bool:
    """Return whether the error says that KMS refuses the key, and not that it throttles."""
    return code.startswith("KMS.") and "Throttl" not in code and "Internal" not in code
