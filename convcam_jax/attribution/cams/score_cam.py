"""Score-CAM (Wang et al., CVPR workshops 2020)."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.placement import place


def score_cam(explained: Explained) -> Float[Array, "B H W"]:
    """Score-CAM of Wang et al., CVPR workshops 2020 (Algorithm 1): >= 0 where the activations are.

    Each channel, placed on the input and scaled to 0..1 between its minimum and maximum, is a mask; the softmax over
    channels of the masked inputs' scores are the channel weights. A channel that is the same everywhere masks all.
    """

    def masked_score(channel: Float[Array, "B H W"]) -> Float[Array, " B"]:
        placed = place(channel, explained.placement)
        lowest = placed.min((-2, -1), keepdims=True)
        extent = placed.max((-2, -1), keepdims=True) - lowest
        mask = (placed - lowest) / jnp.where(extent > 0, extent, 1)
        return explained.score_of(explained.spectrograms * mask)

    weights = jax.nn.softmax(lax.map(masked_score, jnp.moveaxis(explained.activations, -1, 0)), axis=0)
    return jnp.einsum("bhwk,kb->bhw", explained.activations, weights)


METHOD = Method(
    level="nodes",
    explain=score_cam,
    description="Σₖ wₖ Aₖ, w = softmax over k of y(x ∘ Mₖ), Mₖ being Aₖ on the input, scaled to 0..1",
    source="Wang et al., CVPR workshops 2020, Algorithm 1",
    sign=">= 0",
)
