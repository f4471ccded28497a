"""What is kept of trained members: their large arrays in 16 bits, of which the disk takes half.

Members are explained and tested with rounded parameters from the end of their training on, so that what is said of a
model is true of the one that is kept; what they scored while they were trained is not measured again.
"""

import jax
import jax.numpy as jnp
import numpy as np

from convcam_jax.networks.network import Variables

# Numbers in an array of one member from which it is rounded; smaller ones, which all take little, stay as they are.
LARGE = 2**20
# The largest number of float16; below 6e-5 its steps are of 6e-8.
_MOST = float(np.finfo(np.float16).max)


def rounded(variables: Variables) -> Variables:
    """The variables `[S, ...]` with float16 (2^-11 of a number) in large arrays of float32, if their numbers fit."""
    return jax.tree.map(_rounded, variables)


def in_float32(variables: Variables) -> Variables:
    """The variables `[S, ...]` as networks take them: what `rounded` has rounded is float32 again."""
    return jax.tree.map(_in_float32, variables)


def _rounded(leaf: jax.Array) -> jax.Array:
    is_large = leaf.size >= LARGE * len(leaf) and leaf.dtype == jnp.float32
    return leaf.astype(jnp.float16) if is_large and bool(_fits(leaf)) else leaf


@jax.jit
def _fits(leaf: jax.Array) -> jax.Array:
    return jnp.abs(leaf).max() <= _MOST


def _in_float32(leaf: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
    if leaf.dtype != jnp.float16:
        return leaf
    # Of several accelerators the first one would have to hold what is divided over all; all devices of a CPU have one
    # memory, and XLA takes an eighth of NumPy's time.
    is_on_host = isinstance(leaf, np.ndarray) and jax.default_backend() != "cpu"
    return leaf.astype(np.float32) if is_on_host else _widened(leaf)


@jax.jit
def _widened(leaf: jax.Array) -> jax.Array:
    return leaf.astype(jnp.float32)
