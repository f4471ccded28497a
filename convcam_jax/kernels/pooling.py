"""Max-pooling by windows of 1 or 2 along the frequency and the time.

Of equally large values in a window the first one wins, along the time after the larger of each column was found; the
gradient is the winner's alone. With NaN in a window its largest value is NaN. JAX's own rules are several times slower
on a CPU: a windowed maximum's scatters, a pairwise one's divides.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

Pool = tuple[int, int]


def max_pool(values: Array, pool: Pool) -> Array:
    """Max-pooling `[..., H / h, W / w, C]` of `[..., H, W, C]`; a remainder that does not fill a window is left out.

    Args:
      values: `[..., H, W, C]`.
      pool: (h, w), 1 or 2 each.
    """
    return _max_pool(without_remainder(values, pool), pool)


def without_remainder(values: Array, pool: Pool) -> Array:
    """As much of `[..., H, W, C]` as fills windows."""
    if not set(pool) <= {1, 2}:
        raise ValueError(f"a window is 1 or 2 wide, not {pool}")
    for axis, size in zip((-3, -2), pool, strict=True):
        values = lax.slice_in_dim(values, 0, values.shape[axis] // size * size, axis=axis)
    return values


def pool_with_winners(values: Array, pool: Pool) -> tuple[Array, Array]:
    """Of windows, the largest value and which it is: row times w plus column, uint8. `values` has no remainder."""
    height, width = pool
    *batch, rows, columns, channels = values.shape
    windows = values.reshape(*batch, rows // height, height, columns // width, width, channels)
    of_columns = [
        _first_largest([(windows[..., i, :, j, :], width * i + j) for i in range(height)]) for j in range(width)
    ]
    return _first_largest(of_columns)


def spread(cotangent: Array, winners: Array, pool: Pool) -> Array:
    """The gradient by what was pooled: `cotangent [..., H / h, W / w, C]` at its windows' winners, else zero."""
    height, width = pool
    *batch, rows, columns, channels = cotangent.shape
    number = jnp.arange(height * width, dtype=winners.dtype).reshape(height, 1, width, 1)
    winners = jnp.expand_dims(winners, (-4, -2))
    wins = winners == jnp.expand_dims(number, range(winners.ndim - number.ndim))
    windows = jnp.where(wins, jnp.expand_dims(cotangent, (-4, -2)), 0.0)
    return windows.reshape(*batch, rows * height, columns * width, channels)


def _first_largest(candidates: Sequence[tuple[Array, Array | int]]) -> tuple[Array, Array]:
    largest, winner = candidates[0]
    for value, number in candidates[1:]:
        winner = jnp.where(largest >= value, winner, number)
        largest = jnp.maximum(largest, value)
    return largest, jnp.broadcast_to(jnp.asarray(winner, jnp.uint8), largest.shape)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_pool(values: Array, pool: Pool) -> Array:
    return pool_with_winners(values, pool)[0]


def _gradient(pool: Pool, winners: Array, cotangent: Array) -> tuple[Array]:
    return (spread(cotangent, winners, pool),)


_max_pool.defvjp(pool_with_winners, _gradient)
