"""Finer-CAM (Zhang et al., CVPR 2025)."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.cams.grad_cam import channel_weights
from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score, class_scores

N_COMPARED = 3


def lead(scores: Float[Array, " C"], target: Int[ArrayLike, ""]) -> Float[Array, ""]:
    """How far the target is ahead of the `N_COMPARED` classes, or all others, whose scores are nearest to its own.

    The mean of the differences, weighted by the softmax of the scores.
    """
    distances = jnp.abs(scores - scores[target]).at[target].set(jnp.inf)
    _, nearest = lax.top_k(-lax.stop_gradient(distances), min(N_COMPARED, len(scores) - 1))
    weights = jax.nn.softmax(scores[nearest])
    return scores[target] - (weights * scores[nearest]).sum()


def finer_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """Finer-CAM of Zhang et al., CVPR 2025, arXiv:2501.11309: Grad-CAM of the lead over the most similar classes.

    Weights of the classes are those of the package grad-cam. The arguments are those of `score_gradient`.
    """
    gradient = jax.grad(lambda values: lead(class_scores(classify(values), score), target))(activations)
    return activations @ channel_weights(gradient)


METHOD = Method(
    level="nodes",
    explain=by_nodes(finer_cam),
    description=f"Grad-CAM of y less the mean y of the {N_COMPARED} classes nearest to it, weighted by softmax",
    source="Zhang et al., CVPR 2025, arXiv:2501.11309",
    sign="both",
)
