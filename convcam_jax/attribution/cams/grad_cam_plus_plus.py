"""Grad-CAM++ (Chattopadhay et al., WACV 2018)."""

import jax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, score_gradient


def grad_cam_plus_plus(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """Grad-CAM++ of Chattopadhay et al., WACV 2018: >= 0 where the activations are.

    Channel weights are sums of alpha ReLU(g), g being the gradient and alpha = g^2 / (2 g^2 + sum(A) g^3) (Eq. 19,
    where the exponential of the score is what is explained). For g > 0, all that ReLU leaves, alpha is
    1 / (2 + sum(A) g), which is not divided by zero where activations are >= 0, as behind a ReLU. Those of tokens have
    both signs, and so may the divisor have. The arguments are those of `score_gradient`.
    """
    rising = jax.nn.relu(score_gradient(classify, activations, target, score))
    weights = (rising / (2 + rising * activations.sum((0, 1), keepdims=True))).sum((0, 1))
    return activations @ weights


METHOD = Method(
    level="nodes",
    explain=by_nodes(grad_cam_plus_plus),
    description="Σₖ wₖ Aₖ, wₖ = Σ (rₖ / (2 + rₖ Σ Aₖ)), rₖ = ReLU(gₖ)",
    source="Chattopadhay et al., WACV 2018, Eq. 19",
    sign=">= 0",
)
