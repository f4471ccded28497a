"""Kernel SHAP (Lundberg and Lee, NeurIPS 2017)."""

import jax
import jax.numpy as jnp
import numpy as np
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

N_COALITIONS = 256


def draw_coalitions(key: Array) -> Float[Array, "Z M"]:
    """Coalitions drawn with the probabilities of the Shapley kernel, each followed by its complement (later half)."""
    key_of_sizes, key_of_members = jax.random.split(key)
    sizes = np.arange(1, N_SEGMENTS)
    # The kernel's weight of a size, times how many coalitions have it.
    log_probability = -np.log(sizes * (N_SEGMENTS - sizes))
    size = 1 + jax.random.categorical(key_of_sizes, log_probability, shape=(N_COALITIONS // 2,))
    order = jax.random.uniform(key_of_members, (N_COALITIONS // 2, N_SEGMENTS)).argsort(1).argsort(1)
    drawn = (order < size[:, None]).astype(jnp.float32)
    return jnp.concatenate([drawn, 1 - drawn])


def shapley_values(
    coalitions: Float[Array, "Z M"], gained: Float[Array, "Z B"], total: Float[Array, " B"]
) -> Float[Array, "M B"]:
    """Least squares for what coalitions gain over silence, where the values sum to the gain of all segments.

    The last value is what is left of the sum, by which it is eliminated.
    """
    last = coalitions[:, -1:]
    inputs = coalitions[:, :-1] - last
    outputs = gained - last * total[None]
    products = jnp.matmul(inputs.T, inputs, precision=lax.Precision.HIGHEST)
    others = solve(products, jnp.matmul(inputs.T, outputs, precision=lax.Precision.HIGHEST))
    return jnp.concatenate([others, total[None] - others.sum(0, keepdims=True)])


def kernel_shap(explained: Explained) -> Float[Array, "B F T"]:
    """Kernel SHAP of Lundberg and Lee, NeurIPS 2017 (theorem 2): the segments' Shapley values, by regression.

    Coalitions are drawn in pairs with their complements (Covert and Lee, AISTATS 2021). Each cell gets its segment's
    value.
    """
    segments = segments_of(explained.spectrograms, explained.n_frames)
    coalitions = draw_coalitions(explained.key)
    none_and_all = jnp.stack([jnp.zeros(N_SEGMENTS), jnp.ones(N_SEGMENTS)])
    scores = coalition_scores(explained, segments, jnp.concatenate([none_and_all, coalitions]))
    values = shapley_values(coalitions, scores[2:] - scores[:1], scores[1] - scores[0])
    return segment_maps(explained, segments, values)


METHOD = Method(
    level="input",
    explain=kernel_shap,
    description=f"Shapley values of {SEGMENTS[0]} by {SEGMENTS[1]} segments, by weighted regression",
    source="Lundberg and Lee, NeurIPS 2017, theorem 2",
    sign="both",
)
