"""LayerCAM (Jiang et al., IEEE Transactions on Image Processing 30, 2021)."""

import jax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, score_gradient


def layer_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """LayerCAM of Jiang et al., IEEE TIP 30, 2021: activations times positive gradient, summed; >= 0.

    The arguments are those of `score_gradient`.
    """
    return (activations * jax.nn.relu(score_gradient(classify, activations, target, score))).sum(-1)


METHOD = Method(
    level="nodes",
    explain=by_nodes(layer_cam),
    description="Σₖ ReLU(gₖ) Aₖ, node by node",
    source="Jiang et al., IEEE Transactions on Image Processing 30, 2021",
    sign=">= 0",
)
