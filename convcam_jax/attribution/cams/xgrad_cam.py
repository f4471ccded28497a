"""XGrad-CAM (Fu et al., BMVC 2020)."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, score_gradient


def xgrad_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """XGrad-CAM of Fu et al., BMVC 2020: channel weights are means of the gradient weighted by the activations.

    A channel whose activations sum to 0 has the sum of gradient times activation as its weight, which is 0 where it has
    none at all. Weighted means presuppose activations >= 0, as behind a ReLU; those of tokens have both signs, and a
    channel whose sum is near 0 for that has a large weight. The arguments are those of `score_gradient`.
    """
    gradient = score_gradient(classify, activations, target, score)
    total = activations.sum((0, 1))
    weights = (gradient * activations).sum((0, 1)) / jnp.where(total != 0, total, 1)
    return activations @ weights


METHOD = Method(
    level="nodes",
    explain=by_nodes(xgrad_cam),
    description="Σₖ wₖ Aₖ, wₖ = Σ gₖ Aₖ / Σ Aₖ",
    source="Fu et al., BMVC 2020, arXiv:2008.02312",
    sign="both",
    sums_over="silence",
)
