"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017)."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from convcam_jax.attribution.baseline import baseline_of
from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import score_gradient

INTEGRATION_STEPS = 50


def integrated_gradients(explained: Explained) -> Float[Array, "B F T"]:
    """Integrated gradients of Sundararajan, Taly and Yan, ICML 2017 (Eq. 1).

    The path goes from the baseline straight to the spectrogram; the integral is taken by the midpoint rule in
    `INTEGRATION_STEPS`.
    """
    baseline = baseline_of(explained)
    way = explained.spectrograms - baseline

    def add(total: Array, share: Array) -> tuple[Array, None]:
        between = baseline + share * way
        return total + score_gradient(explained.classify, between, explained.targets, explained.score), None

    shares = jnp.arange(0.5, INTEGRATION_STEPS) / INTEGRATION_STEPS
    total, _ = lax.scan(add, jnp.zeros_like(way), shares)
    return way * total / INTEGRATION_STEPS


METHOD = Method(
    level="input",
    explain=integrated_gradients,
    description=f"(x - b) ∘ mean of ∂y/∂x in {INTEGRATION_STEPS} steps from the baseline b to x",
    source="Sundararajan, Taly and Yan, ICML 2017, Eq. 1",
    sign="both",
    sums_over="baseline",
)
