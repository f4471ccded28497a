"""How much the recordings of each class count in the loss."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def balanced_weights(n_recordings: Int[Array, " C"]) -> Float[Array, " C"]:
    """Weights of classes by which each has the same share of the loss; their mean over the recordings is 1.

    `n_recordings` are those of each class in a training set; a class without any has the weight 0.
    """
    is_there = n_recordings > 0
    share = jnp.sum(n_recordings) / jnp.maximum(jnp.sum(is_there), 1)
    return jnp.where(is_there, share / jnp.maximum(n_recordings, 1), 0.0)
