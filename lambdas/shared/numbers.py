"""Which numbers DynamoDB can keep.

It keeps up to 38 significant digits, 0 or 1E-130 to 9.99...E+125 in size (DynamoDB Developer Guide, "Supported data
types and naming rules", Number).
"""

from __future__ import annotations

SMALLEST = 1e-130
LARGEST = 9.9e125
_DIGITS = 38


def is_storable(value: int | float) -> bool:
    """Return whether DynamoDB keeps `value` exactly; NaN and the infinities it does not."""
    if value == 0:
        return True
    if isinstance(value, int) and abs(value) >= 10**_DIGITS and len(str(abs(value)).rstrip("0")) > _DIGITS:
        return False
    return SMALLEST <= abs(value) <= LARGEST
