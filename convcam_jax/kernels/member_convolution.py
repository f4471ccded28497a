"""The convolution of images by XLA, for one member after another.

Under `vmap` over kernels, XLA makes one grouped convolution of those of all members: on a CPU without vectorisation;
on a GPU, cuDNN computes it at a fifth of the speed that it has for one member alone. `vmap` over images alone makes a
larger batch of them.

In a loop, as that over members is, XLA's CPU backend computes the gradient by the kernel at a hundredth and that by the
images at a tenth of the speed that they have outside. So there they are products with shifted images, or a convolution.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.kernels.member_loop import images_in_one_batch, one_member_after_another
from convcam_jax.kernels.precision import Precision, as_factor

Strides = tuple[int, int]
Padding = tuple[tuple[int, int], tuple[int, int]]
# Of an image: a batch of smaller ones is one product, which took half as long as one by one with 6 x 12 x 512 cells,
# and twice as long with 48 x 101 x 32.
_LARGEST_TOGETHER_BYTES = 2**19
# With so few, a product for each cell of a 7 x 7 kernel took twenty times as long as one of whole patches, and those of
# all images at once up to twice the memory and two thirds more time than those of one after another.
_FEW_CHANNELS = 4


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def member_convolution(images: Array, kernel: Array, strides: Strides, padding: Padding, precision: Precision) -> Array:
    """The convolution of images `[B, H, W, C]` with a kernel `[h, w, C, D]`, float32; differentiable in both."""
    return _forward(images, kernel, strides, padding, precision)[0]


def _forward(
    images: Array, kernel: Array, strides: Strides, padding: Padding, precision: Precision
) -> tuple[Array, tuple[Array, Array]]:
    factors = as_factor(precision)(images), as_factor(precision)(kernel)
    convolve = partial(convolve_plainly, strides=strides, padding=padding)
    return images_in_one_batch(convolve)(*factors).astype(jnp.float32), factors


def convolve_plainly(images: Array, kernel: Array, strides: Strides, padding: Padding) -> Array:
    """XLA's own convolution, in the precision of its factors."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(images, kernel, strides, padding, dimension_numbers=numbers)


def _gradients(
    strides: Strides, padding: Padding, precision: Precision, factors: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    images, kernel = factors
    cotangent = as_factor(precision)(cotangent)
    convolve = partial(convolve_plainly, strides=strides, padding=padding)
    shifts = _Shifts((kernel.shape[0], kernel.shape[1]), strides, padding, (images.shape[1], images.shape[2]))

    def by_images(cotangent: Array, kernel: Array) -> Array:
        if jax.default_backend() == "cpu":
            return _by_images(cotangent, kernel, shifts)
        shape = jax.ShapeDtypeStruct((len(cotangent), *images.shape[1:]), images.dtype)
        return _transposed(lambda of: convolve(of, kernel), shape, cotangent)

    def by_kernel(images: Array, cotangent: Array) -> Array:
        if jax.default_backend() == "cpu":
            return _by_kernel(images, cotangent, shifts)
        return _transposed(lambda of: convolve(images, of), kernel, cotangent)

    gradients = (
        images_in_one_batch(by_images)(cotangent, kernel),
        one_member_after_another(by_kernel)(images, cotangent),
    )
    return gradients[0].astype(jnp.float32), gradients[1].astype(jnp.float32)


member_convolution.defvjp(_forward, _gradients)


class _Shifts(NamedTuple):
    """What of a padded image each cell of a kernel meets: `kernel` and `size` are rows and columns."""

    kernel: tuple[int, int]
    strides: Strides
    padding: Padding
    size: tuple[int, int]

    def of(self, nodes: Array) -> list[tuple[slice, ...]]:
        """The places in padded images that become `nodes` `[B, rows, columns, D]`, for each cell of the kernel."""
        rows, columns = (
            [slice(first, first + (n - 1) * stride + 1, stride) for first in range(cells)]
            for cells, n, stride in zip(self.kernel, nodes.shape[1:3], self.strides, strict=True)
        )
        return [(slice(None), row, column) for row in rows for column in columns]


def _by_images(cotangent: Array, kernel: Array, shifts: _Shifts) -> Array:
    if shifts.strides == (1, 1):
        turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)
        (front, behind), (left, right) = shifts.padding
        last_row, last_column = (cells - 1 for cells in shifts.kernel)
        around = (last_row - front, last_row - behind), (last_column - left, last_column - right)
        return convolve_plainly(cotangent, turned, (1, 1), around)
    (front, behind), (left, right) = shifts.padding
    rows, columns = shifts.size
    padded = jnp.zeros((len(cotangent), front + rows + behind, left + columns + right, kernel.shape[2]), kernel.dtype)
    cells = kernel.reshape(-1, *kernel.shape[2:])
    for cell, place in zip(cells, shifts.of(cotangent), strict=True):
        padded = padded.at[place].add(jnp.einsum("bhwd,cd->bhwc", cotangent, cell))
    return padded[:, front : front + rows, left : left + columns]


def _by_kernel(images: Array, cotangent: Array, shifts: _Shifts) -> Array:
    """The sum over images, of one after another where they or their patches are large, to stay in the cache."""
    padded = jnp.pad(images, ((0, 0), *shifts.padding, (0, 0)))
    places = shifts.of(cotangent)
    has_few_channels = images.shape[-1] <= _FEW_CHANNELS

    def gradient(padded: Array, cotangent: Array) -> Array:
        shifted = [padded[place] for place in places]
        if has_few_channels:
            by_cells = jnp.einsum("kbhwc,bhwd->kcd", jnp.stack(shifted), cotangent)
        else:
            by_cells = jnp.stack([jnp.einsum("bhwc,bhwd->cd", own, cotangent) for own in shifted])
        return by_cells.reshape(*shifts.kernel, images.shape[-1], cotangent.shape[-1])

    if not has_few_channels and images[0].nbytes <= _LARGEST_TOGETHER_BYTES:
        return gradient(padded, cotangent)

    def add(total: Array, of_image: tuple[Array, Array]) -> tuple[Array, None]:
        return total + gradient(*(array[None] for array in of_image)), None

    first = jnp.zeros((*shifts.kernel, images.shape[-1], cotangent.shape[-1]), jnp.float32)
    return lax.scan(add, first, (padded, cotangent))[0]


def _transposed(linear: Callable[[Any], Array], argument: Any, cotangent: Array) -> Array:
    (gradient,) = jax.linear_transpose(linear, argument)(cotangent)
    return gradient
