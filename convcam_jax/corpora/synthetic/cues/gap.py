"""A spectral gap: an octave around 0.5, 1.5 or 4.5 kHz is weaker by `strength` dB throughout."""

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.cues.cue import Cue, Sounding

GAP_HZ = (500.0, 1500.0, 4500.0)
GAP_OCTAVES = 1.0
# In which the gap begins and ends, inside of it.
EDGE_OCTAVES = 1 / 12


def sound(rng: np.random.Generator, given: Sounding, label: int, strength: float) -> Float64[np.ndarray, "n"]:
    """The samples with a band weakened by a filter without phase; frequencies outside the octave stay as they are."""
    frequency_hz = np.maximum(np.fft.rfftfreq(len(given.samples), 1 / given.rate), 1.0)
    distance = np.abs(np.log2(frequency_hz / GAP_HZ[label]))
    inside = np.clip((GAP_OCTAVES / 2 - distance) / EDGE_OCTAVES, 0, 1)
    return np.fft.irfft(np.fft.rfft(given.samples) * 10 ** (-strength * inside / 20), len(given.samples))


CUE = Cue("the spectral gap", ("low", "middle", "high"), "dB", (6.0, 12.0, 24.0, 48.0), sound=sound)
