"""All that is computed from the samples of ONE recording: magnitudes, fundamental frequency and energy.

Axes: F frequency bin (bin 0 is the lowest); n frame of the representation; m frame of Praat's pitch analysis; N sample.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from convcam_jax.representations.prosody import ProsodyConfig, frame_energy, praat_f0
from convcam_jax.representations.representation import Representation


class FeatureConfig(NamedTuple):
    """All that features depend on besides the recording; `channels` is what is done with several of them."""

    representation: Representation
    prosody: ProsodyConfig
    channels: Literal["refuse", "mix"]


class Features(NamedTuple):
    """What is computed from one recording."""

    magnitude: Float32[np.ndarray, "F n"]  # linear, >= 0
    praat_f0_hz: Float64[np.ndarray, "m"]  # 0 = unvoiced
    praat_time_s: Float64[np.ndarray, "m"]  # centres of Praat's frames
    energy: Float64[np.ndarray, "n"]  # sums of squares, not normalised

    @property
    def n_frames(self) -> int:
        """Frames of the representation."""
        return self.magnitude.shape[1]


def compute_features(samples: Float64[np.ndarray, "N"], config: FeatureConfig) -> Features:
    """All features of `samples` in -1..1 at the representation's `sample_rate_hz`, at least `shortest_s` long."""
    magnitude = config.representation.magnitude(samples)
    f0_hz, time_s = praat_f0(samples, config.representation.sample_rate_hz, config.prosody)
    return Features(
        magnitude=magnitude.astype(np.float32),
        praat_f0_hz=f0_hz,
        praat_time_s=time_s,
        energy=frame_energy(samples, magnitude.shape[1]),
    )
