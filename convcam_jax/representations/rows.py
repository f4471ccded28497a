"""Places of frequencies among a representation's bins."""

import numpy as np
from jaxtyping import Float64


def rows_of_hz(frequency_hz: Float64[np.ndarray, "K"], bin_hz: Float64[np.ndarray, "F"]) -> Float64[np.ndarray, "K"]:
    """Rows (0..F-1, fractions between the bins' centres) of frequencies >= 0 Hz, linear in their logarithm.

    What lies below the lowest bin or above the highest gets that bin's row. 0 Hz, which has no logarithm, stands an
    octave below the lowest frequency that has one.
    """
    both = np.concatenate([frequency_hz, bin_hz])
    zero_hz = both[both > 0].min() / 2
    octaves = np.log2(np.maximum(frequency_hz, zero_hz))
    return np.interp(octaves, np.log2(np.maximum(bin_hz, zero_hz)), np.arange(len(bin_hz)))
