"""Factorisations of matrices, one matrix at a time.

On a CPU, JAX divides a batch of matrices among XLA's threads, and waits for them in one of these threads. Where as many
wait as there are threads, as can happen with a device on each core, nobody is left to do the work and the program
stands still for good. So these are computed for a single matrix, and `vmap` makes a loop of them.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float


@sequential_vmap
def eigenvectors(matrix: Float[Array, "N N"]) -> Float[Array, "N N"]:
    """The eigenvectors of a symmetric matrix as columns, by ascending eigenvalue."""
    return jnp.linalg.eigh(matrix)[1]


@sequential_vmap
def solve(matrix: Float[Array, "N N"], targets: Float[Array, "N M"]) -> Float[Array, "N M"]:
    """The x with matrix x = targets."""
    return jnp.linalg.solve(matrix, targets)


def orthogonal(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """A random orthogonal matrix as of `flax.linen.initializers.orthogonal`."""
    return sequential_vmap(lambda own: nn.initializers.orthogonal()(own, shape, dtype))(key)
