"""Converts values where one unit is a linear function of the other; one table, and nothing is guessed.

RFC 8798 section 4: a quantity in a secondary unit, times its scale, plus its offset, is the quantity in the SenML unit.
A spelling that a registry gives to another unit stays that unit: C is the coulomb, F the farad (RFC 8428 section 12.1).
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from lambdas.shared.numbers import is_storable

# unit: (SenML unit, scale, offset)
_LINEAR = {
    # RFC 8428 section 12.1: what it registers beside its preferred unit.
    "Cel": ("K", "1", "273.15"),
    "g": ("kg", "1/1000", "0"),
    "l": ("m3", "1/1000", "0"),
    "l/s": ("m3/s", "1/1000", "0"),
    "1/min": ("1/s", "1/60", "0"),
    # RFC 8798 section 4, table 2.
    "ms": ("s", "1/1000", "0"),
    "min": ("s", "60", "0"),
    "h": ("s", "3600", "0"),
    "MHz": ("Hz", "1000000", "0"),
    "kW": ("W", "1000", "0"),
    "kVA": ("VA", "1000", "0"),
    "kvar": ("var", "1000", "0"),
    "Ah": ("C", "3600", "0"),
    "Wh": ("J", "3600", "0"),
    "kWh": ("J", "3600000", "0"),
    "varh": ("vars", "3600", "0"),
    "kvarh": ("vars", "3600000", "0"),
    "kVAh": ("VAs", "3600000", "0"),
    "Wh/km": ("J/m", "3.6", "0"),
    "KiB": ("B", "1024", "0"),
    "GB": ("B", "1e9", "0"),
    "Mbit/s": ("bit/s", "1000000", "0"),
    "B/s": ("bit/s", "8", "0"),
    "MB/s": ("bit/s", "8000000", "0"),
    "mV": ("V", "1/1000", "0"),
    "mA": ("A", "1/1000", "0"),
    "dBm": ("dBW", "1", "-30"),
    "ug/m3": ("kg/m3", "1e-9", "0"),
    "mm/h": ("m/s", "1/3600000", "0"),
    "m/h": ("m/s", "1/3600", "0"),
    "ppm": ("/", "1e-6", "0"),
    "/100": ("/", "1/100", "0"),
    "/1000": ("/", "1/1000", "0"),
    "hPa": ("Pa", "100", "0"),
    "mm": ("m", "1/1000", "0"),
    "cm": ("m", "1/100", "0"),
    "km": ("m", "1000", "0"),
    "km/h": ("m/s", "5/18", "0"),
    # IANA's registry "SenML Secondary Units", added since.
    "ppb": ("/", "1e-9", "0"),
    "ppt": ("/", "1e-12", "0"),
    "VAh": ("VAs", "3600", "0"),
    "mg/l": ("kg/m3", "1/1000", "0"),
    "ug/l": ("kg/m3", "1e-6", "0"),
    "g/l": ("kg/m3", "1", "0"),
    # NIST SP 811, appendix B.8: (F - 32) / 1.8 + 273.15.
    "degF": ("K", "5/9", "45967/180"),
    # A percentage of humidity or charge. RFC 8428's own "%" is a ratio by that name, so it is no unit of "/" here.
    "%RH": ("%", "1", "0"),
    "%EL": ("%", "1", "0"),
}
# How devices write units that have a registered name.
_SPELLINGS = {"°C": "Cel", "℃": "Cel", "degC": "Cel", "°F": "degF", "℉": "degF", "µg/m3": "ug/m3", "μg/m3": "ug/m3"}


def convert(value: float | int, unit: str, to: str) -> float | int | None:
    """Return what a value in `unit` is in the unit `to`, to the nearest double.

    None where the two are not known to measure the same, and where the result is no number that DynamoDB keeps.
    """
    if unit == to:
        return value
    step = _step(unit, to)
    if step is None:
        return None
    factor, shift, divisor = step
    converted = float((Decimal(str(value)) * factor + shift) / divisor)
    return converted if math.isfinite(converted) and is_storable(converted) else None


@lru_cache(maxsize=1_000)
def _step(unit: str, to: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return the integers a, b and c of `(value * a + b) / c`: one division, so that 86 degF is 30 Cel to the digit."""
    (base, scale, offset), (other, to_scale, to_offset) = _linear(unit), _linear(to)
    if base != other:
        return None
    factor, shift = scale / to_scale, (offset - to_offset) / to_scale
    divisor = math.lcm(factor.denominator, shift.denominator)
    return Decimal(int(factor * divisor)), Decimal(int(shift * divisor)), Decimal(divisor)


def _linear(unit: str) -> tuple[str, Fraction, Fraction]:
    name = _SPELLINGS.get(unit, unit)
    base, scale, offset = _LINEAR.get(name, (name, "1", "0"))
    return base, Fraction(scale), Fraction(offset)
