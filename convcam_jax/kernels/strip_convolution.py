"""The convolution of one strip, and how it is computed on each backend.

A strip is `[H, T, C]`: frequency rows, time columns, channels; no batch axis (`packing` lays the recordings
of a batch behind one another on the time axis). The convolution is valid along the frequency and looks ahead along the
time: output column t is made of the input columns t, t+1, ..., and columns beyond the end of the strip are zero.

On a CPU, XLA computes a convolution under `vmap` over kernels as a grouped convolution without vectorisation, and the
gradient by the kernel at a tenth of the speed of a matrix product. Therefore, on a CPU, members are convolved one after
another, by the algorithm of `winograd` where there are channels enough; it pools and differentiates by itself, where
its tiles are in the cache. In bfloat16 the factors are rounded to it and multiplied in float32: on processors that
multiply bfloat16 themselves, too, that is faster, since plain sums of bfloat16 products need five times as many of them
as Winograd's algorithm, whose own sums bfloat16 would round too much. On other backends a strip is convolved like an
image (`image_convolution`).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.kernels import image_convolution, winograd
from convcam_jax.kernels.member_loop import one_member_after_another
from convcam_jax.kernels.pooling import Pool, max_pool
from convcam_jax.kernels.precision import Precision, as_factor


def strip_convolution(strip: Array, kernel: Array, precision: Precision = "float32", pool: Pool = (1, 1)) -> Array:
    """Convolve a strip with a kernel, and max-pool; differentiable in both.

    `vmap` over either is one convolution per member on a CPU.

    Args:
      strip: `[H, T, C_in]` float32.
      kernel: `[h, w, C_in, C_out]` float32.
      precision: of the factors; on a CPU sums are float32 in both.
      pool: (frequency, time), 1 or 2 each.

    Returns:
      `[(H - h + 1) / pool[0], T / pool[1], C_out]` float32; before the pooling, column t is made of the strip's columns
      t to t + w - 1.
    """
    if jax.default_backend() == "cpu":
        if winograd.is_faster(len(strip), kernel.shape):
            return _winograd_convolution(strip, kernel, precision, pool)
        return max_pool(_cpu_convolution(strip, kernel, precision), pool)
    padding = (0, 0), (0, kernel.shape[1] - 1)
    return max_pool(image_convolution.convolution(strip[None], kernel, padding=padding, precision=precision)[0], pool)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _winograd_convolution(strip: Array, kernel: Array, precision: Precision, pool: Pool) -> Array:
    return _winograd_forward(strip, kernel, precision, pool)[0]


def _winograd_forward(
    strip: Array, kernel: Array, precision: Precision, pool: Pool
) -> tuple[Array, tuple[Array, Array, Array]]:
    convolve = partial(winograd.convolution, pool=pool, as_factor=as_factor(precision))
    values, winners = one_member_after_another(convolve)(strip, kernel)
    return values, (strip, kernel, winners)


def _winograd_gradients(
    precision: Precision, pool: Pool, residuals: tuple[Array, Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    strip, kernel, winners = residuals
    gradients = partial(winograd.gradients, pool=pool, as_factor=as_factor(precision))
    return one_member_after_another(gradients)(strip, kernel, cotangent, winners)


_winograd_convolution.defvjp(_winograd_forward, _winograd_gradients)


def _forward_padding(kernel: Array) -> list[tuple[int, int]]:
    return [(0, 0), (0, kernel.shape[1] - 1)]


def _lax_convolution(strip: Array, kernel: Array, padding: list[tuple[int, int]]) -> Array:
    return lax.conv_general_dilated(
        strip[None], kernel, window_strides=(1, 1), padding=padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )[0]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _cpu_convolution(strip: Array, kernel: Array, precision: Precision) -> Array:
    return _forward(strip, kernel, precision)


def _convolution_and_residuals(strip: Array, kernel: Array, precision: Precision) -> tuple[Array, tuple[Array, Array]]:
    return _forward(strip, kernel, precision), (strip, kernel)


def _convolution_gradients(
    precision: Precision, residuals: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    strip, kernel = residuals
    return _strip_gradient(cotangent, kernel, precision), _kernel_gradient(strip, cotangent, kernel.shape, precision)


_cpu_convolution.defvjp(_convolution_and_residuals, _convolution_gradients)


def _forward(strip: Array, kernel: Array, precision: Precision) -> Array:
    return _padded_convolution(strip, kernel, _forward_padding(kernel), precision)


def _strip_gradient(cotangent: Array, kernel: Array, precision: Precision) -> Array:
    height, width = kernel.shape[:2]
    padding = [(height - 1, height - 1), (width - 1, 0)]
    return _padded_convolution(cotangent, jnp.flip(kernel, (0, 1)).swapaxes(2, 3), padding, precision)


def _padded_convolution(strip: Array, kernel: Array, padding: list[tuple[int, int]], precision: Precision) -> Array:
    make_factor = as_factor(precision)
    return one_member_after_another(partial(_lax_convolution, padding=padding))(make_factor(strip), make_factor(kernel))


def _kernel_gradient(strip: Array, cotangent: Array, shape: tuple[int, ...], precision: Precision) -> Array:
    make_factor = as_factor(precision)
    gradient = one_member_after_another(partial(_kernel_gradient_by_products, shape=shape))
    return gradient(make_factor(strip), make_factor(cotangent))


def _kernel_gradient_by_products(strip: Array, cotangent: Array, *, shape: tuple[int, ...]) -> Array:
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
