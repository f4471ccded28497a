"""Scales of a network's input."""

from typing import Literal

import numpy as np
from jaxtyping import Float

Scale = Literal["magnitude", "square_root", "power", "decibel"]
# Whether the values in that scale get the mean 0 and the deviation 1 over a cohort's training recordings: not at all,
# each bin by itself, or all bins together. `data.standardisation` fits it, `networks.standardised` applies it.
Standardisation = Literal["none", "per_bin", "global"]

# The decibel scale counts from this far below the recording's loudest cell, so that 0 is silence, as the padding is.
DECIBEL_RANGE_DB = 80.0
# What pictures show, from the loudest cell downwards.
SHOWN_RANGE_DB = 60.0


def scaled(magnitude: Float[np.ndarray, "F n"], scale: Scale) -> Float[np.ndarray, "F n"]:
    """One recording's magnitude in another scale, >= 0, with 0 for silence.

    "magnitude": unchanged. "square_root": its square root. "power": its square. "decibel": 20 log10 relative to the
    loudest cell of the recording, counted from 80 dB below it: the loudest cell is 80, and what lies 80 dB or more
    below it is 0.
    """
    if scale == "square_root":
        return np.sqrt(magnitude)
    if scale == "power":
        return magnitude**2
    if scale == "decibel":
        return decibels(magnitude, DECIBEL_RANGE_DB)
    return magnitude


def decibels(magnitude: Float[np.ndarray, "*shape"], range_db: float) -> Float[np.ndarray, "*shape"]:
    """Magnitudes in dB above a floor of `range_db` below the greatest: 0 at or below it; silence is 0."""
    peak = magnitude.max()
    if peak <= 0:
        return np.zeros_like(magnitude)
    floor = peak * 10 ** (-range_db / 20)
    return 20 * np.log10(np.maximum(magnitude, floor) / floor)
