"""Expected gradients (Erion et al., Nature Machine Intelligence 3, 2021)."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from convcam_jax.attribution.baseline import evenly_spread
from convcam_jax.attribution.gradients.smooth_grad import draw_noise
from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import score_gradient

N_SAMPLES = 50


def gradients_from_references(explained: Explained, noisy: bool) -> Float[Array, "B F T"]:
    """Mean of (x - x') ∘ ∂y/∂x at a point between x' and x, over `N_SAMPLES` of the references x'; x may be made noisy.

    Shares of the way from x' to x are those of the midpoint rule in a random order. References are cut where the
    recording ends.
    """
    spectrograms, present = explained.spectrograms, explained.present
    key_of_shares, key_of_noise = jax.random.split(explained.key)

    def add(total: Array, sample: tuple[Array, Array, Array]) -> tuple[Array, None]:
        key, share, reference = sample
        start = jnp.where(present, reference[None], 0)
        end = spectrograms + draw_noise(key, spectrograms, present) if noisy else spectrograms
        way = end - start
        return total + way * score_gradient(
            explained.classify, start + share * way, explained.targets, explained.score
        ), None

    shares = jax.random.permutation(key_of_shares, jnp.arange(0.5, N_SAMPLES)) / N_SAMPLES
    spread = evenly_spread(len(explained.references), N_SAMPLES)
    chosen = explained.references[spread[np.arange(N_SAMPLES) % len(spread)]]
    samples = (jax.random.split(key_of_noise, N_SAMPLES), shares, chosen)
    total, _ = lax.scan(add, jnp.zeros_like(spectrograms), samples)
    return total / N_SAMPLES


def expected_gradients(explained: Explained) -> Float[Array, "B F T"]:
    """Expected gradients of Erion et al., Nature Machine Intelligence 3, 2021: baselines are recordings."""
    return gradients_from_references(explained, noisy=False)


METHOD = Method(
    level="input",
    explain=expected_gradients,
    description=f"mean over {N_SAMPLES} recordings x' of (x - x') ∘ ∂y/∂x between x' and x",
    source="Erion et al., Nature Machine Intelligence 3, 2021",
    sign="both",
    compares=True,
)
