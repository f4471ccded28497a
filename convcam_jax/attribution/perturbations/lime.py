"""LIME (Ribeiro, Singh and Guestrin, KDD 2016)."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.perturbations.segments import (
    N_SEGMENTS,
    SEGMENTS,
    coalition_scores,
    segment_maps,
    segments_of,
)
from convcam_jax.kernels.one_at_a_time import solve

# Width of the kernel and penalty are those of the authors' package for images.
N_COALITIONS = 256
KERNEL_WIDTH = 0.25
PENALTY = 1.0


def ridge(
    inputs: Float[Array, "Z M"], outputs: Float[Array, "Z B"], weights: Float[Array, " Z"], penalty: float
) -> Float[Array, "M B"]:
    """Coefficients of weighted ridge regressions with an intercept, which is not penalised."""
    share = (weights / weights.sum())[:, None]
    centred = inputs - (share * inputs).sum(0, keepdims=True)
    gained = outputs - (share * outputs).sum(0, keepdims=True)
    weighted = centred * weights[:, None]
    products = jnp.matmul(weighted.T, centred, precision=lax.Precision.HIGHEST)
    targets = jnp.matmul(weighted.T, gained, precision=lax.Precision.HIGHEST)
    return solve(products + penalty * jnp.eye(inputs.shape[1]), targets)


def similarity(coalitions: Float[Array, "Z M"]) -> Float[Array, " Z"]:
    """LIME's kernel of the cosine distance to the coalition of all segments."""
    distance = 1 - jnp.sqrt(coalitions.mean(1))
    return jnp.exp(-((distance / KERNEL_WIDTH) ** 2) / 2)


def lime(explained: Explained) -> Float[Array, "B F T"]:
    """LIME of Ribeiro, Singh and Guestrin, KDD 2016 (Eq. 1): a linear model of which segments sound.

    Each cell gets its segment's coefficient.
    """
    segments = segments_of(explained.spectrograms, explained.n_frames)
    coalitions = jax.random.bernoulli(explained.key, 0.5, (N_COALITIONS, N_SEGMENTS)).astype(jnp.float32)
    scores = coalition_scores(explained, segments, coalitions)
    return segment_maps(explained, segments, ridge(coalitions, scores, similarity(coalitions), PENALTY))


METHOD = Method(
    level="input",
    explain=lime,
    description=f"coefficients of a ridge regression of y on which of {SEGMENTS[0]} by {SEGMENTS[1]} segments sound",
    source="Ribeiro, Singh and Guestrin, KDD 2016, Eq. 1",
    sign="both",
)
