"""Recordings as methods of attribution get them, with a score that is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np

from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.placement import identity_placement

N, GRID = 3, (12, 26)
N_FRAMES = jnp.array([26, 17, 9])
PRESENT = np.arange(GRID[1]) < np.asarray(N_FRAMES)[:, None, None]
_GENERATOR = np.random.default_rng(0)
SLOPES, CURVATURES = jnp.asarray(_GENERATOR.normal(size=(2, *GRID)), jnp.float32)
SPECTROGRAMS = jnp.asarray(_GENERATOR.exponential(size=(N, *GRID)) * PRESENT, jnp.float32)
REFERENCES = jnp.asarray(_GENERATOR.exponential(size=(4, *GRID)), jnp.float32)


def scored_by(score_of, references=REFERENCES, seed=0) -> Explained:
    """The recordings, where the score of the first class, which is explained, is `score_of` of cells `[B, F, T]`."""

    def classify(spectrograms):
        return jnp.stack([score_of(spectrograms).sum((1, 2)), jnp.zeros(len(spectrograms))], -1)

    return Explained(
        SPECTROGRAMS,
        activations=jnp.zeros((N, 1, 1, 1)),
        targets=jnp.zeros(N, int),
        score="logit",
        placement=identity_placement(GRID),
        classify=classify,
        head=lambda activations, n_frames: activations[0, 0],
        n_frames=N_FRAMES,
        references=references,
        key=jax.random.key(seed),
    )


def linear(spectrograms):
    return SLOPES[None] * spectrograms


def quadratic(spectrograms):
    return CURVATURES[None] * spectrograms**2 + SLOPES[None] * spectrograms
