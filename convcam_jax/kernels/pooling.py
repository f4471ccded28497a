"""Max-pooling by windows of 1 or 2 along the frequency and the time, and pooling by windows that overlap.

`max_pool`: of equally large values in a window the first one wins, along the time after the larger of each column was
found; the gradient is the winner's alone. With NaN in a window its largest value is NaN. JAX's own rules are several
times slower on a CPU: a windowed maximum's scatters, a pairwise one's divides.
"""

from collections.abc import Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import Array, lax

Pool = tuple[int, int]
NO_POOL: Pool = (1, 1)


def max_pool(values: Array, pool: Pool) -> Array:
    """Max-pooling `[..., H / h, W / w, C]` of `[..., H, W, C]`; a remainder that does not fill a window is left out.

    Args:
      values: `[..., H, W, C]`.
      pool: (h, w), 1 or 2 each.
    """
    return _max_pool(without_remainder(values, pool), pool)


def max_pool_3x3(images: Array, padding: int = 0) -> Array:
    """Max-pooling `[B, rows, columns, C]` of `[B, H, W, C]` by windows of 3 x 3, every 2.

    `padding` cells on each side, 0 or 1, are less than all values. Equally large values share a gradient.
    """
    for axis in (1, 2):
        widths = [(padding, padding) if i == axis else (0, 0) for i in range(images.ndim)]
        first, *others = _shifted(jnp.pad(images, widths, constant_values=-jnp.inf), axis, stride=2)
        images = reduce(jnp.maximum, others, first)
    return images


def mean_pool_3x3(images: Array) -> Array:
    """Means `[B, H, W, C]` of the cells in windows of 3 x 3 around every cell; there are none beyond the edges."""
    for axis in (1, 2):
        widths = [(1, 1) if i == axis else (0, 0) for i in range(images.ndim)]
        present = jnp.pad(jnp.ones(images.shape[axis]), 1)
        shape = [-1 if i == axis else 1 for i in range(images.ndim)]
        counts = reduce(jnp.add, _shifted(present, 0, stride=1)).reshape(shape)
        images = reduce(jnp.add, _shifted(jnp.pad(images, widths), axis, stride=1)) / counts
    return images


def mean_pool_2x2(images: Array) -> Array:
    """Means `[B, H / 2, W / 2, C]` of `[B, H, W, C]` by windows of 2 x 2; a remainder is left out."""
    whole = without_remainder(images, (2, 2))
    n_images, rows, columns, n_channels = whole.shape
    return whole.reshape(n_images, rows // 2, 2, columns // 2, 2, n_channels).mean((2, 4))


def _shifted(values: Array, axis: int, stride: int) -> list[Array]:
    """What stands in the first, second and third place of each window of 3 along an axis."""
    last = (values.shape[axis] - 3) // stride * stride
    return [lax.slice_in_dim(values, i, i + last + 1, stride, axis) for i in range(3)]


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
