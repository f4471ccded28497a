"""Numbers as text: as many digits as a table has, or as a sentence needs."""

import math
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Literal

Digits = Literal["rounded", "truncated"]

# How a number that is not known is shown.
EMPTY = "–"  # noqa: RUF001
_ROUNDINGS = {"rounded": ROUND_HALF_UP, "truncated": ROUND_DOWN}

# Decimals that survive floating-point arithmetic: 0.347 - 0.086 is 0.26099999999999995.
_NOISE_DECIMALS = 9


def printed(value: float, decimals: int, digits: Digits) -> str:
    """`value` with so many decimals, rounded (half up) or truncated as the authors did; NaN is an en dash, 0 unsigned.

    >>> printed(0.347 - 0.086, 3, "truncated"), printed(0.1409, 3, "truncated"), printed(0.1409, 3, "rounded")
    ('0.261', '0.140', '0.141')
    >>> printed(-0.0002, 3, "rounded"), printed(-0.0009, 3, "truncated"), printed(-0.0009, 3, "rounded")
    ('0.000', '0.000', '-0.001')
    """
    return _quantised(round(float(value), _NOISE_DECIMALS), decimals, _ROUNDINGS[digits])


def rounded_down(value: float, decimals: int) -> str:
    """A number with so many decimals, never more than it is: of a limit that nothing may exceed, or that it misses.

    Noise is not rounded away: it may decide.

    >>> rounded_down(9.0061, 2), rounded_down(0.9965, 2), rounded_down(0.29, 2), rounded_down(0.29999999999999993, 2)
    ('9.00', '0.99', '0.29', '0.29')
    """
    return _quantised(float(value), decimals, ROUND_FLOOR)


def with_first_digit(value: float, decimals: int) -> str:
    """`value` rounded to so many decimals, or to its first digit if that stands behind them: only 0 is shown as 0.

    >>> with_first_digit(0.1409, 3), with_first_digit(-0.00042, 3), with_first_digit(0.0, 3), with_first_digit(0.3, 0)
    ('0.141', '-0.0004', '0.000', '0.3')
    """
    size = abs(round(float(value), _NOISE_DECIMALS))
    if 0 < size < 1:
        decimals = max(decimals, -math.floor(math.log10(size)))
    return printed(value, decimals, "rounded")


def per_cent(share: float) -> str:
    """A share as per cent without decimals, below 1 % with those that its first digit needs.

    >>> per_cent(0.127), per_cent(0.0049), per_cent(0.0), per_cent(-0.0003)
    ('13 %', '0.5 %', '0 %', '-0.03 %')
    """
    return f"{with_first_digit(100 * share, 0)} %"


def setting_in_per_cent(share: float) -> str:
    """A share that the user has chosen as per cent, with all decimals it has.

    >>> setting_in_per_cent(0.125), setting_in_per_cent(0.07)
    ('12.5 %', '7 %')
    """
    return f"{100 * share:g} %"


def _quantised(value: float, decimals: int, rounding: str) -> str:
    if not math.isfinite(value):
        return EMPTY
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding):zf}"
