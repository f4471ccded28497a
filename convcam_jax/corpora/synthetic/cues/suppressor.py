"""A burst beside a louder one in a fourth band, which says nothing of the class: it is there with and without the cue.

Such a suppressor changes the input, so networks may weigh it, but is no evidence (Clark et al., "XAI-TRIS: non-linear
image benchmarks to quantify false positive post-hoc attribution of feature importance", Machine Learning 113, 2024).
"""

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.cues import burst
from convcam_jax.corpora.synthetic.cues.burst import noise_burst
from convcam_jax.corpora.synthetic.cues.cue import Draws
from convcam_jax.corpora.synthetic.voice import Controls

# Between the bands of the class, 6 dB above the loudest of their bursts.
LOUD_HZ = 3300.0
LOUD_DB = 15.0


def beside(
    rng: np.random.Generator,
    samples: Float64[np.ndarray, "n"],
    controls: Controls,
    draws: Draws,
    rate: int,
) -> Float64[np.ndarray, "n"]:
    """The samples with the loud burst."""
    return samples + noise_burst(rng, controls, LOUD_HZ, draws.other_place, LOUD_DB, rate)


CUE = burst.CUE._replace(words="the noise burst beside a louder one", beside=beside)
