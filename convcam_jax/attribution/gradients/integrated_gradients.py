"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017)."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.baseline import baseline_of
from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import Classify, Score, score_gradient

INTEGRATION_STEPS = 50


def integrated_gradients(
    classify: Classify,
    spectrogram: Float[Array, "*batch F T"],
    target: Int[ArrayLike, "*batch"],
    score: Score,
    baseline: Float[Array, "*batch F T"] | float,
) -> Float[Array, "*batch F T"]:
    """Integrated gradients of Sundararajan, Taly and Yan, ICML 2017 (Eq. 1): `[..., F, T]`.

    The path goes from the baseline, where 0.0 is silence, straight to the spectrogram; the integral is taken by the
    midpoint rule in `INTEGRATION_STEPS`. The other arguments are those of `gradient_x_input`.
    """
    way = spectrogram - baseline

    def add(total: Array, share: Array) -> tuple[Array, None]:
        return total + score_gradient(classify, baseline + share * way, target, score), None

    shares = jnp.arange(0.5, INTEGRATION_STEPS) / INTEGRATION_STEPS
    total, _ = lax.scan(add, jnp.zeros_like(spectrogram), shares)
    return way * total / INTEGRATION_STEPS


def from_baseline(explained: Explained) -> Float[Array, "B F T"]:
    """Integrated gradients from the baseline that is chosen."""
    return integrated_gradients(
        explained.classify, explained.spectrograms, explained.targets, explained.score, baseline_of(explained)
    )


METHOD = Method(
    level="input",
    explain=from_baseline,
    description=f"(x - b) ∘ mean of ∂y/∂x in {INTEGRATION_STEPS} steps from the baseline b to x",
    source="Sundararajan, Taly and Yan, ICML 2017, Eq. 1",
    sign="both",
    sums_over="baseline",
)
