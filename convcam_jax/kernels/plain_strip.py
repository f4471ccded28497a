"""The convolution of a strip by all its products, with max-pooling; for kernels that `winograd` is not made for.

Strips are `[H, T, C]` as in `strip_convolution`, kernels `[h, w, C_in, C_out]`, all in float32. Values are pooled, and
spread again for the gradients, where those of one member are still in the cache.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.kernels.pooling import NO_POOL, Pool, pool_with_winners, spread, without_remainder

# One channel is convolved to fewer at a quarter of the speed by XLA's CPU backend, and the result is the same.
_FEWEST_CHANNELS = 24


def convolution(
    strip: Array, kernel: Array, pool: Pool, as_factor: Callable[[Array], Array]
) -> tuple[Array, Array | None]:
    """The convolution of a strip with `w - 1` columns of zeros behind it, and max-pooling.

    Args:
      strip: `[H, T, C_in]`.
      kernel: `[h, w, C_in, C_out]`.
      pool: (frequency, time), 1 or 2 each.
      as_factor: what is made of the strip and the kernel, element by element, before they are multiplied.

    Returns:
      `[(H - h + 1) / pool[0], T / pool[1], C_out]`, and which of each window was the largest (`pooling`), if any are
      pooled.
    """
    values = _convolve(as_factor(strip), as_factor(kernel), [(0, 0), (0, kernel.shape[1] - 1)])
    return (values, None) if pool == NO_POOL else pool_with_winners(without_remainder(values, pool), pool)


def gradients(
    strip: Array,
    kernel: Array,
    cotangent: Array,
    winners: Array | None,
    pool: Pool,
    as_factor: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """The gradients of `convolution` by the strip and by the kernel.

    Args:
      strip: as of `convolution`.
      kernel: as of `convolution`.
      cotangent: of the result.
      winners: as `convolution` returns them.
      pool: as of `convolution`.
      as_factor: what is made of strip, kernel and cotangent before they are multiplied.

    Returns:
      `[H, T, C_in]` and `[h, w, C_in, C_out]`.
    """
    height, width = kernel.shape[:2]
    of_products = as_factor(cotangent)
    if winners is not None:
        rows, columns = len(strip) - height + 1, strip.shape[1]
        left_over = rows % pool[0], columns % pool[1]
        of_products = jnp.pad(spread(of_products, winners, pool), [*((0, n) for n in left_over), (0, 0)])
    mirrored = jnp.flip(as_factor(kernel), (0, 1)).swapaxes(2, 3)
    by_strip = _convolve(of_products, mirrored, [(height - 1, height - 1), (width - 1, 0)])
    return by_strip, _kernel_gradient(as_factor(strip), of_products, kernel.shape)


def _convolve(strip: Array, kernel: Array, padding: Sequence[tuple[int, int]]) -> Array:
    channels_in, channels_out = kernel.shape[2:]
    if channels_in == 1 and channels_out < _FEWEST_CHANNELS:
        kernel = jnp.pad(kernel, [(0, 0)] * 3 + [(0, _FEWEST_CHANNELS - channels_out)])
    values = lax.conv_general_dilated(
        strip[None], kernel, window_strides=(1, 1), padding=padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return values[0, ..., :channels_out]


def _kernel_gradient(strip: Array, cotangent: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the rows of (patches of the row) x (cotangent of the row)."""
    height, width, channels_in, channels_out = shape
    # Channels in front of columns: the product then needs no transposition.
    strip = jnp.pad(strip, [(0, 0), (0, width - 1), (0, 0)]).swapaxes(1, 2)
    rows, columns = cotangent.shape[:2]

    def add_row(total: Array, row: Array) -> tuple[Array, None]:
        below = lax.dynamic_slice_in_dim(strip, row, height)
        shifted = [below[i, :, j : j + columns] for i in range(height) for j in range(width)]
        return total + jnp.concatenate(shifted) @ cotangent[row], None

    total, _ = lax.scan(add_row, jnp.zeros((height * width * channels_in, channels_out), jnp.float32), jnp.arange(rows))
    return total.reshape(shape)
