"""The convolution of one strip, and how it is computed on each backend.

A strip is `[H, T, C]`: frequency rows, time columns, channels; no batch axis (`packing` lays the recordings
of a batch behind one another on the time axis). The convolution is valid along the frequency and looks ahead along the
time: output column t is made of the input columns t, t+1, ..., and columns beyond the end of the strip are zero.

On a CPU, XLA computes a convolution under `vmap` over kernels as a grouped convolution without vectorisation, the
gradient by the kernel at a tenth of the speed of a matrix product, and bfloat16 convolutions in float32. Therefore, on
a CPU, members are convolved one after another: in float32 by the algorithm of `winograd` where there are
channels enough; in bfloat16, whose sums of factors would round too much, by matrix products over blocks that stay in
the cache. Where the processor does not multiply bfloat16, the factors are rounded to it and convolved as in float32:
the same but for the rounding of float32. Winograd's algorithm pools and differentiates by itself, where its tiles are
in the cache. On other backends it is `lax.conv_general_dilated` and its own derivatives.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.kernels import winograd
from convcam_jax.kernels.member_loop import one_member_after_another
from convcam_jax.kernels.pooling import Pool, max_pool
from convcam_jax.settings.config import Precision
from convcam_jax.system.processor import multiplies_bfloat16

# With fewer channels, Winograd's sums of rows take longer than the products that they save.
_FEWEST_CHANNELS_FOR_WINOGRAD = 32


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
        if _gains_by_winograd(strip.shape, kernel.shape, precision):
            return _winograd_convolution(strip, kernel, precision, pool)
        return max_pool(_cpu_convolution(strip, kernel, precision), pool)
    factors = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    strip, kernel = strip.astype(factors), kernel.astype(factors)
    return max_pool(_lax_convolution(strip, kernel, _forward_padding(kernel)).astype(jnp.float32), pool)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _winograd_convolution(strip: Array, kernel: Array, precision: Precision, pool: Pool) -> Array:
    return _winograd_forward(strip, kernel, precision, pool)[0]


def _winograd_forward(
    strip: Array, kernel: Array, precision: Precision, pool: Pool
) -> tuple[Array, tuple[Array, Array, Array]]:
    convolve = partial(winograd.convolution, pool=pool, as_factor=_as_factor(precision))
    values, winners = one_member_after_another(convolve)(strip, kernel)
    return values, (strip, kernel, winners)


def _winograd_gradients(
    precision: Precision, pool: Pool, residuals: tuple[Array, Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    strip, kernel, winners = residuals
    gradients = partial(winograd.gradients, pool=pool, as_factor=_as_factor(precision))
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
    # A single input channel is convolved in float32: its products are too thin to gain anything.
    in_bfloat16 = precision == "bfloat16" and kernel.shape[2] > 1
    if in_bfloat16 and multiplies_bfloat16():
        return one_member_after_another(partial(_convolution_by_products, padding=padding))(strip, kernel)
    as_factor = _rounded_to_bfloat16 if in_bfloat16 else _unchanged
    return one_member_after_another(partial(_lax_convolution, padding=padding))(as_factor(strip), as_factor(kernel))


def _gains_by_winograd(strip_shape: tuple[int, ...], kernel_shape: tuple[int, ...], precision: Precision) -> bool:
    """Whether Winograd's algorithm can convolve a strip, and faster."""
    can = kernel_shape[:2] == winograd.KERNEL and strip_shape[0] >= winograd.INPUTS
    in_float32 = precision == "float32" or not multiplies_bfloat16()
    return can and in_float32 and min(kernel_shape[2:]) >= _FEWEST_CHANNELS_FOR_WINOGRAD


def _as_factor(precision: Precision) -> Callable[[Array], Array]:
    return _rounded_to_bfloat16 if precision == "bfloat16" else _unchanged


def _rounded_to_bfloat16(values: Array) -> Array:
    # Not two conversions of type: XLA leaves those out.
    return lax.reduce_precision(values, exponent_bits=8, mantissa_bits=7)


def _convolution_by_products(strip: Array, kernel: Array, padding: list[tuple[int, int]]) -> Array:
    """The padded convolution in bfloat16 with float32 sums: for every output row, one product for all columns.

    The rows under the kernel are multiplied by the kernel's columns side by side; what belongs to one output column is
    then summed. That copies less than a product with patches, of which every input is copied once per column.
    """
    height, width, channels_in, channels_out = kernel.shape
    bits = jnp.pad(_bfloat16_bits(strip), [*padding, (0, 0)])
    matrix = kernel.astype(jnp.bfloat16).transpose(0, 2, 1, 3).reshape(height * channels_in, width * channels_out)
    rows, columns = bits.shape[0] - height + 1, bits.shape[1] - width + 1

    def output_row(row: Array) -> Array:
        below = lax.dynamic_slice_in_dim(bits, row, height)
        products = _product(_from_bits(jnp.concatenate(list(below), axis=-1)), matrix)
        return sum(
            (products[j : j + columns, j * channels_out : (j + 1) * channels_out] for j in range(1, width)),
            start=products[:columns, :channels_out],
        )

    return lax.map(output_row, jnp.arange(rows))


def _bfloat16_bits(values: Array) -> Array:
    """The values rounded to bfloat16, as integers: XLA copies integers, but converts what it moves in bfloat16."""
    return lax.bitcast_convert_type(values.astype(jnp.bfloat16), jnp.uint16)


def _from_bits(bits: Array) -> Array:
    return lax.bitcast_convert_type(bits, jnp.bfloat16)


def _product(left: Array, right: Array) -> Array:
    return jnp.matmul(left, right, preferred_element_type=jnp.float32)


def _kernel_gradient(strip: Array, cotangent: Array, shape: tuple[int, ...], precision: Precision) -> Array:
    if precision == "bfloat16" and not multiplies_bfloat16():
        strip, cotangent, precision = _rounded_to_bfloat16(strip), _rounded_to_bfloat16(cotangent), "float32"
    return one_member_after_another(partial(_kernel_gradient_by_products, shape=shape, precision=precision))(
        strip, cotangent
    )


def _kernel_gradient_by_products(
    strip: Array, cotangent: Array, *, shape: tuple[int, ...], precision: Precision
) -> Array:
    """Sum over the rows of (patches of the row) x (cotangent of the row)."""
    height, width, channels_in, channels_out = shape
    encode, decode = (_bfloat16_bits, _from_bits) if precision == "bfloat16" else (_unchanged, _unchanged)
    # Channels in front of columns: the product then needs no transposition, which is slow in bfloat16.
    strip = jnp.pad(encode(strip), [(0, 0), (0, width - 1), (0, 0)]).swapaxes(1, 2)
    cotangent = encode(cotangent)
    rows, columns = cotangent.shape[:2]

    def add_row(total: Array, row: Array) -> tuple[Array, None]:
        below = lax.dynamic_slice_in_dim(strip, row, height)
        shifted = [below[i, :, j : j + columns] for i in range(height) for j in range(width)]
        return total + _product(decode(jnp.concatenate(shifted)), decode(cotangent[row])), None

    total, _ = lax.scan(add_row, jnp.zeros((height * width * channels_in, channels_out), jnp.float32), jnp.arange(rows))
    return total.reshape(shape)


def _unchanged(values: Array) -> Array:
    return values
