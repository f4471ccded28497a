"""Ablation-CAM (Desai and Ramaswamy, WACV 2020)."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, target_score


def ablation_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """Ablation-CAM of Desai and Ramaswamy, WACV 2020: channel weights are what the score loses without the channel.

    The paper divides the loss by the score. That only scales the map where the score is positive, and would turn its
    sign where it is negative, so it is left out. The arguments are those of `score_gradient`.
    """
    channels = jnp.arange(activations.shape[-1])

    def score_without(channel: Array) -> Array:
        return target_score(classify(jnp.where(channels == channel, 0, activations)), target, score)

    weights = target_score(classify(activations), target, score) - lax.map(score_without, channels)
    return activations @ weights


METHOD = Method(
    level="nodes",
    explain=by_nodes(ablation_cam),
    description="Σₖ wₖ Aₖ, wₖ = what y loses without channel k",
    source="Desai and Ramaswamy, WACV 2020",
    sign="both",
)
