"""The score of a class, which attribution explains, and what methods of attribution have in common.

Axes: H, W rows and columns of the explained convolution; K channel; C class.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

Score = Literal["logit", "softmax", "contrast"]
# From activations [H, W, K], or spectrograms [..., F, T], to logits [..., C].
Classify = Callable[[Array], Array]


def class_scores(logits: Float[Array, "*batch C"], score: Score) -> Float[Array, "*batch C"]:
    """The scores of all classes: the logits, the softmax probabilities, or how far each logit is ahead of the others.

    "contrast", why this class rather than the others: the logit less the logarithm of the sum of the others'
    exponentials, that is, the log odds of the class. The others count by their softmax, so the strongest does most.
    """
    if score == "softmax":
        return jax.nn.softmax(logits)
    if score == "contrast":
        n_classes = logits.shape[-1]
        others = ~jnp.eye(n_classes, dtype=bool)
        several = jnp.broadcast_to(logits[..., None, :], (*logits.shape, n_classes))
        return logits - jax.nn.logsumexp(several, axis=-1, where=others)
    return logits


def target_score(logits: Float[Array, "*batch C"], target: Int[ArrayLike, "*batch"], score: Score) -> Array:
    """The score of class `target [...]` from `logits [..., C]`: `[...]`."""
    values = class_scores(logits, score)
    return jnp.take_along_axis(values, jnp.asarray(target)[..., None], axis=-1)[..., 0]


def score_gradient(
    classify: Classify, activations: Float[Array, "..."], target: Int[ArrayLike, "..."], score: Score
) -> Float[Array, "..."]:
    """Derivative of the target class's score by the activations (Eq. 3).

    Args:
      classify: from activations `[H, W, K]` to logits `[C]`; or from any other array, or from several, independent of
        each other, to `[..., C]`.
      activations: `[H, W, K]`.
      target: index of the class.
      score: which of its scores, see `class_scores`.

    Returns:
      `[H, W, K]`.
    """
    return jax.grad(lambda values: target_score(classify(values), target, score).sum())(activations)
