"""The convolution of one strip, and how it is computed on each backend.

A strip is `[H, T, C]`: frequency rows, time columns, channels; no batch axis (`packing` lays the recordings
of a batch behind one another on the time axis). The convolution is valid along the frequency and looks ahead along the
time: output column t is made of the input columns t, t+1, ..., and columns beyond the end of the strip are zero.

On a CPU, XLA computes a convolution under `vmap` over kernels as a grouped convolution without vectorisation, and the
gradient by the kernel at a tenth of the speed of a matrix product. Therefore, on a CPU, members are convolved one after
another, by the algorithm of `winograd` where there are channels enough, else of `plain_strip`. Both pool and
differentiate by themselves, while what they work on is in the cache. In bfloat16 the factors are rounded to it and
multiplied in float32: on processors that multiply bfloat16 themselves, too, that is faster, since plain sums of
bfloat16 products need five times as many of them as Winograd's algorithm, whose own sums bfloat16 would round too much.
On other backends a strip is convolved like an image (`image_convolution`).
"""

from functools import partial
from types import ModuleType

import jax
from jax import Array

from convcam_jax.kernels import image_convolution, plain_strip, winograd
from convcam_jax.kernels.member_loop import one_member_after_another
from convcam_jax.kernels.pooling import NO_POOL, Pool, max_pool
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
    if jax.default_backend() != "cpu":
        padding = (0, 0), (0, kernel.shape[1] - 1)
        image = image_convolution.convolution(strip[None], kernel, padding=padding, precision=precision)
        return max_pool(image[0], pool)
    if winograd.is_left_out():
        return max_pool(_cpu_convolution(strip, kernel, precision, NO_POOL), pool)
    return _cpu_convolution(strip, kernel, precision, pool)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _cpu_convolution(strip: Array, kernel: Array, precision: Precision, pool: Pool) -> Array:
    return _forward(strip, kernel, precision, pool)[0]


def _forward(
    strip: Array, kernel: Array, precision: Precision, pool: Pool
) -> tuple[Array, tuple[Array, Array, Array | None]]:
    convolve = partial(_algorithm(strip, kernel).convolution, pool=pool, as_factor=as_factor(precision))
    values, winners = one_member_after_another(convolve)(strip, kernel)
    return values, (strip, kernel, winners)


def _gradients(
    precision: Precision, pool: Pool, residuals: tuple[Array, Array, Array | None], cotangent: Array
) -> tuple[Array, Array]:
    strip, kernel, winners = residuals
    gradients = partial(_algorithm(strip, kernel).gradients, pool=pool, as_factor=as_factor(precision))
    return one_member_after_another(gradients)(strip, kernel, cotangent, winners)


_cpu_convolution.defvjp(_forward, _gradients)


def _algorithm(strip: Array, kernel: Array) -> ModuleType:
    """The module that convolves such a strip, and has the gradients."""
    return winograd if winograd.is_faster(len(strip), kernel.shape) else plain_strip
