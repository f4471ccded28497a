"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017)."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_inputs
from convcam_jax.attribution.score import Classify, Score, score_gradient

INTEGRATION_STEPS = 50


def integrated_gradients(
    classify: Classify,
    spectrogram: Float[Array, "*batch F T"],
    target: Int[ArrayLike, "*batch"],
    score: Score = "logit",
) -> Float[Array, "*batch F T"]:
    """Integrated gradients of Sundararajan, Taly and Yan, ICML 2017 (Eq. 1): `[..., F, T]`.

    The path goes from silence, zero in every cell, straight to the spectrogram; the integral is taken by the midpoint
    rule in `INTEGRATION_STEPS`. The arguments are those of `gradient_x_input`.
    """

    def add(total: Array, share: Array) -> tuple[Array, None]:
        return total + score_gradient(classify, share * spectrogram, target, score), None

    shares = (jnp.arange(INTEGRATION_STEPS) + 0.5) / INTEGRATION_STEPS
    total, _ = lax.scan(add, jnp.zeros_like(spectrogram), shares)
    return spectrogram * total / INTEGRATION_STEPS


METHOD = Method(
    level="input",
    explain=by_inputs(integrated_gradients),
    description=f"x ∘ mean of ∂y/∂x in {INTEGRATION_STEPS} steps from 0 to x",
    source="Sundararajan, Taly and Yan, ICML 2017, Eq. 1",
    sign="both",
)
