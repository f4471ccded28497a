"""Gradient-weighted class activation maps (Selvaraju et al. 2017; paper, section 2.2).

Axes: H, W rows and columns of the explained convolution; K channel.
"""

from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, score_gradient


def channel_weights(gradient: Float[Array, "H W K"]) -> Float[Array, " K"]:
    """Mean of the gradient over rows and columns (Eq. 4)."""
    return gradient.mean((0, 1))


def grad_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """The signed map: the channels' weighted sum, in front of the ReLU of Eq. 5.

    The arguments are those of `score_gradient`.
    """
    return activations @ channel_weights(score_gradient(classify, activations, target, score))


METHOD = Method(
    level="nodes",
    explain=by_nodes(grad_cam),
    description="Σₖ wₖ Aₖ, wₖ = mean of gₖ",
    source="Selvaraju et al., ICCV 2017, Eq. 1 and 2; paper, Eq. 3 to 5",
    sign="both",
)
