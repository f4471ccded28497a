"""The score of a class, which attribution explains, and what methods of attribution have in common.

Axes: H, W rows and columns of the explained convolution; K channel; C class.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

Score = Literal["logit", "softmax"]
# From activations [H, W, K], or spectrograms [..., F, T], to logits [..., C].
Classify = Callable[[Array], Array]


def class_scores(logits: Float[Array, "*batch C"], score: Score) -> Float[Array, "*batch C"]:
    """The scores of all classes: the logits, or the softmax probabilities."""
    return jax.nn.softmax(logits) if score == "softmax" else logits


def target_score(logits: Float[Array, "*batch C"], target: Int[ArrayLike, "*batch"], score: Score) -> Array:
    """The logit, or the softmax probability, of class `target [...]` from `logits [..., C]`: `[...]`."""
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
      score: the class's logit, or its softmax probability.

    Returns:
      `[H, W, K]`.
    """
    return jax.grad(lambda values: target_score(classify(values), target, score).sum())(activations)


def positive_part(signed_map: Float[Array, "..."]) -> Float[Array, "..."]:
    """The map G `[H, W]` of Eq. 5."""
    return jax.nn.relu(signed_map)
