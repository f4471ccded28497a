"""Convolutions of several members' kernels on a GPU or a TPU.

Under `vmap` over kernels, XLA makes one grouped convolution of those of all members, which cuDNN computes at a fifth of
the speed that it has for one member alone. Here a convolution and both of its gradients are therefore computed for one
member after another; `vmap` over images alone makes a larger batch of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import Array, lax
from jax.custom_batching import custom_vmap

from convcam_jax.kernels.member_loop import one_member_after_another

Strides = tuple[int, int]
Padding = tuple[tuple[int, int], tuple[int, int]]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def member_convolution(images: Array, kernel: Array, strides: Strides, padding: Padding) -> Array:
    """The convolution of images `[B, H, W, C]` with a kernel `[h, w, C, D]`, in their type; differentiable in both."""
    return _by_members(partial(_convolve, strides=strides, padding=padding))(images, kernel)


def _convolve(images: Array, kernel: Array, strides: Strides, padding: Padding) -> Array:
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(images, kernel, strides, padding, dimension_numbers=numbers)


def _by_members(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """`compute(values [B, ...], kernel)`, mapped over kernels by a loop, and over values alone as a larger batch."""
    compute = custom_vmap(compute)

    @compute.def_vmap
    def _rule(axis_size: int, in_batched: list[bool], values: Array, kernel: Array) -> tuple[Array, bool]:
        values_batched, kernel_batched = in_batched
        if kernel_batched:
            one_after_another = one_member_after_another(compute)
            return jax.vmap(one_after_another, in_axes=(0 if values_batched else None, 0))(values, kernel), True
        result = compute(values.reshape(-1, *values.shape[2:]), kernel)
        return result.reshape(axis_size, -1, *result.shape[1:]), True

    return compute


def _forward(images: Array, kernel: Array, strides: Strides, padding: Padding) -> tuple[Array, tuple[Array, Array]]:
    return member_convolution(images, kernel, strides, padding), (images, kernel)


def _gradients(
    strides: Strides, padding: Padding, residuals: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    images, kernel = residuals
    convolve = partial(_convolve, strides=strides, padding=padding)

    def by_images(cotangent: Array, kernel: Array) -> Array:
        shape = jax.ShapeDtypeStruct((len(cotangent), *images.shape[1:]), images.dtype)
        return _transposed(lambda of: convolve(of, kernel), shape, cotangent)

    def by_kernel(images: Array, cotangent: Array) -> Array:
        return _transposed(lambda of: convolve(images, of), kernel, cotangent)

    return _by_members(by_images)(cotangent, kernel), one_member_after_another(by_kernel)(images, cotangent)


def _transposed(linear: Callable[[Any], Array], argument: Any, cotangent: Array) -> Array:
    (gradient,) = jax.linear_transpose(linear, argument)(cotangent)
    return gradient


member_convolution.defvjp(_forward, _gradients)
