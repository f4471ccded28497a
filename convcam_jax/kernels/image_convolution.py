"""Convolutions of batched images `[B, H, W, C]`, and how they are computed on each backend.

Padding is (in front, behind) of the rows and of the columns, strides are of the rows and of the columns; there must be
at least one node left. Sums are float32 in either precision; in bfloat16, on other backends than a CPU, XLA's own
convolution rounds them.

XLA's CPU backend computes a depthwise convolution, and under `vmap` over kernels any, without vectorisation, and a
gradient by a 1 x 1 kernel at a tenth of the speed of a matrix product. So a 1 x 1 convolution is a matrix product with
the nodes, one of few channels or nodes, or whose patches do not overlap, a matrix product with patches; one with a
3 x 3 kernel and many channels is computed by Winograd's algorithm on a CPU; any other is XLA's own, of one member
after another, and a depthwise one a sum of shifted products, which XLA fuses: cuDNN's own takes a sixth less time, but
a minute and more to compile with MobileNet. In bfloat16 the factors are rounded, and on a CPU multiplied in float32.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from convcam_jax.kernels import image_winograd
from convcam_jax.kernels.member_convolution import Padding, Strides, member_convolution
from convcam_jax.kernels.member_loop import one_member_after_another
from convcam_jax.kernels.precision import Precision, as_factor, rounded

NO_PADDING: Padding = ((0, 0), (0, 0))
# Of a kernel, cells x channels; patches with more take longer to make than they save.
_MOST_FACTORS_OF_A_PATCH = 27
# Of images at once, in the gradient by a depthwise kernel: all 10 MB of a batch took six times as long as one by one.
_CACHE_BYTES = 2**20


def convolution(
    images: Float[Array, "B H W C"],
    kernel: Float[Array, "h w C D"],
    strides: Strides = (1, 1),
    padding: Padding = NO_PADDING,
    precision: Precision = "float32",
) -> Float[Array, "B rows columns D"]:
    """The convolution of images, float32; differentiable in both."""
    if kernel.shape[:2] == (1, 1):
        inputs = _padded(images, padding)[:, :: strides[0], :: strides[1]]
        return _product_of_nodes(inputs, kernel[0, 0], precision)
    if kernel.shape[:2] == strides:
        return _by_tiles(_padded(images, padding), kernel, precision)
    # XLA's CPU backend takes images of fewer nodes than a kernel has cells for kernels, with a tenth of the speed.
    is_tiny = math.prod(images.shape[1:3]) < math.prod(kernel.shape[:2])
    if is_tiny or math.prod(kernel.shape[:3]) <= _MOST_FACTORS_OF_A_PATCH:
        return _by_patches(_padded(images, padding), kernel, strides, precision)
    if strides == (1, 1) and image_winograd.is_faster(images.shape, kernel.shape, padding):
        return image_winograd.convolution(images, kernel, padding, precision)
    return member_convolution(images, kernel, strides, padding, precision)


def depthwise_convolution(
    images: Float[Array, "B H W C"],
    kernel: Float[Array, "h w C"],
    strides: Strides = (1, 1),
    padding: Padding = NO_PADDING,
    precision: Precision = "float32",
) -> Float[Array, "B rows columns C"]:
    """The convolution of every channel with a kernel of its own, float32; differentiable in both."""
    images = _padded(images, padding)
    if jax.default_backend() == "cpu":
        return _by_shifts(images, kernel, strides, precision)
    return _sum_of_shifts(images, kernel, strides, precision)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _product_of_nodes(images: Array, kernel: Array, precision: Precision) -> Array:
    make_factor = as_factor(precision)
    return jnp.matmul(make_factor(images), make_factor(kernel), preferred_element_type=jnp.float32)


def _product_forward(images: Array, kernel: Array, precision: Precision) -> tuple[Array, tuple[Array, Array]]:
    return _product_of_nodes(images, kernel, precision), (images, kernel)


def _product_gradients(precision: Precision, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    images, kernel, cotangent = map(as_factor(precision), (*residuals, cotangent))
    by_images = jnp.matmul(cotangent, kernel.T, preferred_element_type=jnp.float32)
    # As a product of matrices: over several axes XLA's CPU backend makes a transposed copy of the images, in which it
    # computes anew all elementwise operations behind the last convolution or product.
    nodes, of_nodes = (values.reshape(-1, values.shape[-1]) for values in (images, cotangent))
    by_kernel = lax.dot_general(nodes, of_nodes, (((0,), (0,)), ((), ())), preferred_element_type=jnp.float32)
    return by_images, by_kernel


_product_of_nodes.defvjp(_product_forward, _product_gradients)


def _by_patches(images: Array, kernel: Array, strides: Strides, precision: Precision) -> Array:
    patches = jnp.concatenate([part for _, part in _shifted(images, kernel.shape[:2], strides)], axis=-1)
    return _product_of_nodes(patches, kernel.reshape(-1, kernel.shape[-1]), precision)


def _by_tiles(images: Array, kernel: Array, precision: Precision) -> Array:
    """With a kernel as large as its strides, no cell is in two patches: they are the images in another order."""
    height, width, n_channels, n_filters = kernel.shape
    rows, columns = images.shape[1] // height, images.shape[2] // width
    cut = images[:, : rows * height, : columns * width]
    apart = cut.reshape(len(images), rows, height, columns, width, n_channels).swapaxes(2, 3)
    tiles = apart.reshape(len(images), rows, columns, height * width * n_channels)
    return _product_of_nodes(tiles, kernel.reshape(-1, n_filters), precision)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _by_shifts(images: Array, kernel: Array, strides: Strides, precision: Precision) -> Array:
    return _sum_of_shifts(images, kernel, strides, precision)


def _sum_of_shifts(images: Array, kernel: Array, strides: Strides, precision: Precision) -> Array:
    images, kernel = map(rounded(precision), (images, kernel))
    parts = [part * kernel[at][None, None, None] for at, part in _shifted(images, kernel.shape[:2], strides)]
    return sum(parts[1:], start=parts[0])


def _shifts_forward(
    images: Array, kernel: Array, strides: Strides, precision: Precision
) -> tuple[Array, tuple[Array, Array]]:
    return _by_shifts(images, kernel, strides, precision), (images, kernel)


def _shifts_gradients(
    strides: Strides, precision: Precision, residuals: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    images, kernel, cotangent = map(rounded(precision), (*residuals, cotangent))
    by_kernel = partial(_depthwise_kernel_gradient, size=kernel.shape[:2], strides=strides)
    by_images = _depthwise_image_gradient(cotangent, kernel, images.shape[1:3], strides)
    return by_images, one_member_after_another(by_kernel)(images, cotangent)


_by_shifts.defvjp(_shifts_forward, _shifts_gradients)


def _depthwise_kernel_gradient(images: Array, cotangent: Array, *, size: tuple[int, ...], strides: Strides) -> Array:
    """Sums of cotangent x shifted images, some images after others: they stay in the cache for all shifts."""
    n_together = _images_in_cache(images)

    def add_images(total: Array, some: tuple[Array, Array]) -> tuple[Array, None]:
        values, gradient = (part.reshape(n_together, -1, *part.shape[1:]) for part in some)
        return total + jnp.stack([jnp.sum(p * gradient, (0, 1, 2)) for _, p in _shifted(values, size, strides)]), None

    # Images behind one another along their rows: with an axis of length 1 in front the loop takes three times as long.
    n_turns = len(images) // n_together
    parts = images.reshape(n_turns, -1, *images.shape[2:]), cotangent.reshape(n_turns, -1, *cotangent.shape[2:])
    total, _ = lax.scan(add_images, jnp.zeros((math.prod(size), images.shape[-1])), parts)
    return total.reshape(*size, -1)


def _images_in_cache(images: Array) -> int:
    # At most half of them: XLA takes a loop of one turn apart, and then computes what is before it for every shift.
    image_bytes = math.prod(images.shape[1:]) * images.dtype.itemsize
    fitting = min(_CACHE_BYTES // image_bytes, len(images) // 2)
    return max((n for n in range(1, fitting + 1) if len(images) % n == 0), default=1)


class _Phase(NamedTuple):
    """The cells of an axis at the same place within a stride: cell stride * q + phase, for q = 0, 1, ...

    Attributes:
      taps: the places in the kernel by which they contribute.
      nodes: for each, the node to which the cell of q = 0 contributes; 0 or less.
    """

    taps: range
    nodes: range


def _phases(size: int, stride: int) -> list[_Phase]:
    return [_Phase(range(i, size, stride), range(0, -len(range(i, size, stride)), -1)) for i in range(stride)]


def _depthwise_image_gradient(cotangent: Array, kernel: Array, sides: tuple[int, ...], strides: Strides) -> Array:
    """Sums of the shifted cotangent, for the cells of each phase; these are then interleaved.

    Not by `linear_transpose`: XLA would compute the cotangent again for every shift, which a common padding prevents.
    """
    n_images, *n_nodes, n_channels = cotangent.shape
    counts = [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
    in_front = [(size - 1) // stride for size, stride in zip(kernel.shape[:2], strides, strict=True)]
    behind = [max(count - n, 0) for count, n in zip(counts, n_nodes, strict=True)]
    padded = jnp.pad(cotangent, ((0, 0), *zip(in_front, behind, strict=True), (0, 0)))

    def cells(row: _Phase, column: _Phase) -> Array:
        parts = [
            padded[:, in_front[0] + y :, in_front[1] + x :][:, : counts[0], : counts[1]]
            * kernel[i, j][None, None, None]
            for i, y in zip(*row, strict=True)
            for j, x in zip(*column, strict=True)
        ]
        return sum(parts, start=jnp.zeros((n_images, *counts, n_channels)))

    row_phases, column_phases = (_phases(*axis) for axis in zip(kernel.shape[:2], strides, strict=True))
    rows = [jnp.stack([cells(row, column) for column in column_phases], axis=3) for row in row_phases]
    interleaved = jnp.stack(rows, axis=2).reshape(n_images, counts[0] * strides[0], counts[1] * strides[1], n_channels)
    return interleaved[:, : sides[0], : sides[1]]


def _shifted(images: Array, size: tuple[int, ...], strides: Strides) -> Iterator[tuple[tuple[int, int], Array]]:
    """For every place in a kernel of this size, row by row, what it is multiplied with: `[B, rows, columns, C]`."""
    n_images, *sides, n_channels = images.shape
    last = [(side - extent) // stride * stride for side, extent, stride in zip(sides, size, strides, strict=True)]
    for i in range(size[0]):
        for j in range(size[1]):
            stop = (n_images, i + last[0] + 1, j + last[1] + 1, n_channels)
            yield (i, j), lax.slice(images, (0, i, j, 0), stop, (1, *strides, 1))


def _padded(images: Array, padding: Padding) -> Array:
    return jnp.pad(images, ((0, 0), *padding, (0, 0)))
