"""Two bursts whose bands tell the class together alone: band of the first plus band of the second, modulo 3.

This is the exclusive or of two cues for three classes: neither burst says anything of the class. The first one lies in
the first half of the speech, the other one in the second.
"""

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.cues import burst
from convcam_jax.corpora.synthetic.cues.burst import BURST_HZ, noise_burst
from convcam_jax.corpora.synthetic.cues.cue import Sounding


def sound(rng: np.random.Generator, given: Sounding, label: int, strength: float) -> Float64[np.ndarray, "n"]:
    """The samples with both bursts."""
    draws, samples = given.draws, given.samples
    bands = draws.first_of_two, (label - draws.first_of_two) % len(BURST_HZ)
    for half, (band, place) in enumerate(zip(bands, (draws.event_place, draws.other_place), strict=True)):
        samples = samples + noise_burst(rng, given.controls, BURST_HZ[band], (half + place) / 2, strength, given.rate)
    return samples


CUE = burst.CUE._replace(
    words="the two bursts that tell the class together", classes=("sum 0", "sum 1", "sum 2"), sound=sound
)
