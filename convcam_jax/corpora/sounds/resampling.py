"""Signals at another sample rate."""

import numpy as np
import soxr
from jaxtyping import Float64


def resample(
    signal: Float64[np.ndarray, "*batch N"], from_rate: float, to_rate: float, n_samples: int
) -> Float64[np.ndarray, "*batch {n_samples}"]:
    """The signal `[..., N]` at another rate as `[..., n_samples]`, cut or with silence at the end.

    soxr's quality "HQ", which librosa calls `soxr_hq`.
    """
    if from_rate != to_rate:
        # At equal rates it would round to single precision.
        signal = np.apply_along_axis(soxr.resample, -1, signal, from_rate, to_rate, quality="HQ")
    signal = signal[..., :n_samples]
    return np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, n_samples - signal.shape[-1])])
