"""Where ingest notes which versions of which objects it took in, so that reconcile can find those it never saw. Pure.

Notes stand in the readings table, those of one key in a partition of their own, so that none is busier than another:
device ids start with a letter or a digit, so no device can own one of these.
"""

from __future__ import annotations

import hashlib

from lambdas.shared.contracts import ObjectRef

# After this a note is forgotten, and reconcile no longer asks for it.
KEPT_DAYS = 90

_HEX_DIGITS = 32


def note_key(source: ObjectRef) -> tuple[str, str]:
    """Return the note's `device_id` and `reading_id` attributes.

    The key is hashed, so that a note of the longest one still costs one write unit.
    """
    name = f"{source.bucket}/{source.key}"
    return f"#objects#{hashlib.sha256(name.encode()).hexdigest()[:_HEX_DIGITS]}", source.version_id
