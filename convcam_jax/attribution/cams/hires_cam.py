"""HiResCAM (Draelos and Carin, arXiv:2011.08891, 2020)."""

from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, score_gradient


def hires_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """HiResCAM of Draelos and Carin, arXiv:2011.08891, 2020: activations times gradient, summed over the channels.

    The arguments are those of `score_gradient`.
    """
    return (activations * score_gradient(classify, activations, target, score)).sum(-1)


METHOD = Method(
    level="nodes",
    explain=by_nodes(hires_cam),
    description="Σₖ gₖ Aₖ, node by node",
    source="Draelos and Carin, arXiv:2011.08891, 2020",
    sign="both",
    sums_over="silence",
)
