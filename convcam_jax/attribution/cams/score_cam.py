"""Score-CAM (Wang et al., CVPR workshops 2020).

Axes: H, W rows and columns of the explained convolution; K channel; F frequency bin; T time frame.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.placement import Placement, place
from convcam_jax.attribution.score import Classify, Score, target_score


def score_cam(
    classify: Classify,
    spectrogram: Float[Array, "*batch F T"],
    activations: Float[Array, "*batch H W K"],
    target: Int[ArrayLike, "*batch"],
    placement: Placement,
    score: Score = "logit",
) -> Float[Array, "*batch H W"]:
    """Score-CAM of Wang et al., CVPR workshops 2020 (Algorithm 1): `[..., H, W]` >= 0 where the activations are.

    Each channel, placed on the input and scaled to 0..1 between its minimum and maximum, is a mask; the softmax over
    channels of the masked inputs' scores are the channel weights. A channel that is the same everywhere masks all.

    Args:
      classify: from spectrograms `[..., F, T]` to logits `[..., C]`; of one, or of several at once (as packed on a
        strip), independent of each other.
      spectrogram: `[..., F, T]`.
      activations: `[..., H, W, K]`.
      target: `[...]` index of the class.
      placement: where on the input the nodes are.
      score: the class's logit, or its softmax probability.
    """

    def masked_score(channel: Array) -> Array:
        placed = place(channel, placement)
        lowest = placed.min((-2, -1), keepdims=True)
        extent = placed.max((-2, -1), keepdims=True) - lowest
        mask = (placed - lowest) / jnp.where(extent > 0, extent, 1)
        return target_score(classify(spectrogram * mask), target, score)

    weights = jax.nn.softmax(lax.map(masked_score, jnp.moveaxis(activations, -1, 0)), axis=0)
    return jnp.einsum("...hwk,k...->...hw", activations, weights)


def explain(explained: Explained) -> Float[Array, "B H W"]:
    """Maps of a batch."""
    return score_cam(
        explained.classify,
        explained.spectrograms,
        explained.activations,
        explained.targets,
        explained.placement,
        explained.score,
    )


METHOD = Method(
    level="nodes",
    explain=explain,
    description="Σₖ wₖ Aₖ, w = softmax over k of y(x ∘ Mₖ), Mₖ being Aₖ on the input, scaled to 0..1",
    source="Wang et al., CVPR workshops 2020, Algorithm 1",
    sign=">= 0",
)
