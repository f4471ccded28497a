"""SmoothGrad (Smilkov et al., arXiv:1706.03825, 2017)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import score_gradient

# Smilkov et al. recommend noise of 10 to 20 % of the range, and see little gain beyond 50 samples.
NOISE_SHARE = 0.15
N_SAMPLES = 25


class GradientMoments(NamedTuple):
    """Mean and variance over noisy inputs."""

    mean: Float[Array, "B F T"]
    variance: Float[Array, "B F T"]


def draw_noise(key: Array, spectrograms: Float[Array, "B F T"], present: Bool[Array, "B 1 T"]) -> Float[Array, "B F T"]:
    """Gaussian noise where recordings have frames: its standard deviation is `NOISE_SHARE` of the recording's range.

    What is behind a recording does not count for its range. All recordings get the same draw, so that a map does not
    depend on what else is in the batch.
    """
    highest = spectrograms.max((1, 2), keepdims=True, where=present, initial=-jnp.inf)
    lowest = spectrograms.min((1, 2), keepdims=True, where=present, initial=jnp.inf)
    noise = jax.random.normal(key, spectrograms.shape[1:], spectrograms.dtype)
    return jnp.where(present, NOISE_SHARE * (highest - lowest) * noise[None], 0)


def noisy_gradients(explained: Explained) -> GradientMoments:
    """Mean and variance of the gradients at `N_SAMPLES` noisy inputs, by Welford's sums."""
    spectrograms, present = explained.spectrograms, explained.present

    def add(moments: GradientMoments, sample: tuple[Array, Array]) -> tuple[GradientMoments, None]:
        key, number = sample
        noisy = spectrograms + draw_noise(key, spectrograms, present)
        gradient = score_gradient(explained.classify, noisy, explained.targets, explained.score)
        difference = gradient - moments.mean
        mean = moments.mean + difference / number
        return GradientMoments(mean, moments.variance + difference * (gradient - mean) / N_SAMPLES), None

    none = jnp.zeros_like(spectrograms)
    samples = (jax.random.split(explained.key, N_SAMPLES), jnp.arange(1, N_SAMPLES + 1, dtype=none.dtype))
    moments, _ = lax.scan(add, GradientMoments(none, none), samples)
    return GradientMoments(*(jnp.where(present, moment, 0) for moment in moments))


def smooth_grad(explained: Explained) -> Float[Array, "B F T"]:
    """SmoothGrad of Smilkov et al., arXiv:1706.03825, 2017: the mean gradient of noisy inputs."""
    return noisy_gradients(explained).mean


METHOD = Method(
    level="input",
    explain=smooth_grad,
    description=f"mean of ∂y/∂x at {N_SAMPLES} noisy inputs",
    source="Smilkov et al., arXiv:1706.03825, 2017",
    sign="both",
)
