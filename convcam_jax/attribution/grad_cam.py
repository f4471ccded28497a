"""Gradient-weighted class activation maps of one recording (Selvaraju et al. 2017; paper, section 2.2).

Axes: H, W rows and columns of the last convolution; K channel; C class.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from convcam_jax.settings.config import Score


def target_score(logits: Array, target: Array, score: Score) -> Array:
    """The logit, or the softmax probability, of class `target [...]` from `logits [..., C]`: `[...]`."""
    values = jax.nn.softmax(logits) if score == "softmax" else logits
    return jnp.take_along_axis(values, jnp.asarray(target)[..., None], axis=-1)[..., 0]


def score_gradient(classify: Callable[[Array], Array], activations: Array, target: Array, score: Score) -> Array:
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


def channel_weights(gradient: Array) -> Array:
    """Mean of the gradient `[H, W, K]` over rows and columns: `[K]` (Eq. 4)."""
    return gradient.mean((0, 1))


def grad_cam(classify: Callable[[Array], Array], activations: Array, target: Array, score: Score = "logit") -> Array:
    """The signed map `[H, W]`: the channels' weighted sum, in front of the ReLU of Eq. 5.

    The arguments are those of `score_gradient`.
    """
    return activations @ channel_weights(score_gradient(classify, activations, target, score))


def positive_part(signed_map: Array) -> Array:
    """The map G `[H, W]` of Eq. 5."""
    return jax.nn.relu(signed_map)
