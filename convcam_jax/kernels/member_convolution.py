"""The convolution of images by XLA, for one member after another.

Under `vmap` over kernels, XLA makes one grouped convolution of those of all members: on a CPU without vectorisation;
on a GPU, cuDNN computes it at a fifth of the speed that it has for one member alone. `vmap` over images alone makes a
larger batch of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap

from convcam_jax.kernels.member_loop import one_member_after_another
from convcam_jax.kernels.precision import Precision, as_factor

Strides = tuple[int, int]
Padding = tuple[tuple[int, int], tuple[int, int]]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def member_convolution(images: Array, kernel: Array, strides: Strides, padding: Padding, precision: Precision) -> Array:
    """The convolution of images `[B, H, W, C]` with a kernel `[h, w, C, D]`, float32; differentiable in both."""
    return _forward(images, kernel, strides, padding, precision)[0]


def _forward(
    images: Array, kernel: Array, strides: Strides, padding: Padding, precision: Precision
) -> tuple[Array, tuple[Array, Array]]:
    factors = as_factor(precision)(images), as_factor(precision)(kernel)
    convolve = partial(_convolve, strides=strides, padding=padding)
    return _in_one_batch(convolve)(*factors).astype(jnp.float32), factors


def _convolve(images: Array, kernel: Array, strides: Strides, padding: Padding) -> Array:
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(images, kernel, strides, padding, dimension_numbers=numbers)


def _gradients(
    strides: Strides, padding: Padding, precision: Precision, factors: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    images, kernel = factors
    cotangent = as_factor(precision)(cotangent)
    convolve = partial(_convolve, strides=strides, padding=padding)

    def by_images(cotangent: Array, kernel: Array) -> Array:
        shape = jax.ShapeDtypeStruct((len(cotangent), *images.shape[1:]), images.dtype)
        return _transposed(lambda of: convolve(of, kernel), shape, cotangent)

    def by_kernel(images: Array, cotangent: Array) -> Array:
        return _transposed(lambda of: convolve(images, of), kernel, cotangent)

    gradients = _in_one_batch(by_images)(cotangent, kernel), one_member_after_another(by_kernel)(images, cotangent)
    return gradients[0].astype(jnp.float32), gradients[1].astype(jnp.float32)


member_convolution.defvjp(_forward, _gradients)


def _transposed(linear: Callable[[Any], Array], argument: Any, cotangent: Array) -> Array:
    (gradient,) = jax.linear_transpose(linear, argument)(cotangent)
    return gradient


def _in_one_batch(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """`compute`, of images and a kernel; mapped over images it is one batch of them, over kernels a loop."""
    one_batch, in_turn = custom_vmap(compute), one_member_after_another(compute)

    @one_batch.def_vmap
    def _rule(axis_size: int, in_batched: list[bool], images: Array, kernel: Array) -> tuple[Array, bool]:
        images_batched, kernel_batched = in_batched
        if kernel_batched:
            return jax.vmap(in_turn, in_axes=(0 if images_batched else None, 0))(images, kernel), True
        results = one_batch(images.reshape(-1, *images.shape[2:]), kernel)
        return results.reshape(axis_size, -1, *results.shape[1:]), True

    return one_batch
