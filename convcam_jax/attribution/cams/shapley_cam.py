"""ShapleyCAM (Cai, arXiv:2501.06261, 2025)."""

import jax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.cams.grad_cam import channel_weights
from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, score_gradient


def shapley_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """ShapleyCAM of Cai, arXiv:2501.06261, 2025: Grad-CAM with half the Hessian's product with A subtracted.

    That is what the score's expansion to the second order gives as the channels' Shapley values. A score that is
    linear between kinks, such as the logit of a network of ReLU and maxima, has no Hessian, and the map is that of
    Grad-CAM. The arguments are those of `score_gradient`.
    """

    def gradient_at(values: Array) -> Array:
        return score_gradient(classify, values, target, score)

    # The Hessian is symmetric: its product is the transposed one, which reverse mode gives.
    gradient, transposed_product = jax.vjp(gradient_at, activations)
    (product,) = transposed_product(activations)
    return activations @ channel_weights(gradient - product / 2)


METHOD = Method(
    level="nodes",
    explain=by_nodes(shapley_cam),
    description="Σₖ wₖ Aₖ, wₖ = mean of (g - H A / 2)ₖ, H = ∂²y/∂A²",
    source="Cai, arXiv:2501.06261, 2025",
    sign="both",
    differentiates_twice=True,
)
