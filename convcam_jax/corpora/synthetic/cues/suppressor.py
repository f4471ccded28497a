"""A burst beside a louder one in a fourth band, which says nothing of the class: it is there with and without the cue.

Such a suppressor changes the input, so networks may weigh it, but is no evidence (Clark et al., "XAI-TRIS: non-linear
image benchmarks to quantify false positive post-hoc attribution of feature importance", Machine Learning 113, 2024).
"""

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.cues import burst
from convcam_jax.corpora.synthetic.cues.burst import noise_burst
from convcam_jax.corpora.synthetic.cues.cue import Sounding

# Between the bands of the class, 6 dB above the loudest of their bursts.
LOUD_HZ = 3300.0
LOUD_DB = 15.0


def beside(rng: np.random.Generator, given: Sounding) -> Float64[np.ndarray, "n"]:
    """The samples with the loud burst."""
    place = given.draws.other_place
    return given.samples + noise_burst(rng, given.controls, LOUD_HZ, place, LOUD_DB, given.rate)


CUE = burst.CUE._replace(words="the noise burst beside a louder one", beside=beside)
