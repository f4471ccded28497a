"""Convolutions of images with 3 x 3 kernels by Winograd's algorithm, on a CPU: images side by side on one strip.

Padding is as in `image_convolution`; the zeros behind one image are those in front of the next. A strip has as many
images as leave its tiles in the cache. See `winograd`.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.kernels import winograd
from convcam_jax.kernels.member_convolution import Padding, convolve_plainly
from convcam_jax.kernels.member_loop import images_in_one_batch, one_member_after_another
from convcam_jax.kernels.precision import Precision, as_factor

_WIDEST_PADDING = 2
# Factors are rounded before they are laid on strips.
_AS_THEY_ARE = as_factor("float32")
# Of a strip; with a third of them or four times as many it took a third longer, with 64 to 512 channels.
_MOST_COLUMNS = 420
# Of the values and the gradient by images: with fewer, XLA's own convolution takes two thirds of the time.
_FEWEST_CHANNELS = 64
# For each channel, of the same: the 9 cells of a kernel become 64, which have to be made and read. Of one or two images
# with 512 channels it took two to four times as long.
_FEWEST_NODES = 4


def is_faster(images_shape: tuple[int, ...], kernel_shape: tuple[int, ...], padding: Padding) -> bool:
    """Whether images and the gradient by them can be computed so, and faster than plainly."""
    if max(map(max, padding)) > _WIDEST_PADDING:
        return False
    rows = images_shape[1]
    return winograd.is_faster(min(rows + sum(padding[0]), rows + 2), kernel_shape)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolution(images: Array, kernel: Array, padding: Padding, precision: Precision) -> Array:
    """The convolution of images `[B, H, W, C]` with a kernel `[3, 3, C, D]`, float32; differentiable in both."""
    return _forward(images, kernel, padding, precision)[0]


def _forward(images: Array, kernel: Array, padding: Padding, precision: Precision) -> tuple[Array, tuple[Array, Array]]:
    factors = as_factor(precision)(images), as_factor(precision)(kernel)
    return images_in_one_batch(partial(_convolve, padding=padding))(*factors), factors


def _gradients(
    padding: Padding, precision: Precision, factors: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    images, kernel = factors
    cotangent = as_factor(precision)(cotangent)
    (front, behind), (left, right) = padding
    around = (2 - front, 2 - behind), (2 - left, 2 - right)
    turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)
    by_images = images_in_one_batch(partial(_convolve, padding=around))(cotangent, turned)
    return by_images, one_member_after_another(partial(_by_kernel, padding=padding))(images, cotangent)


convolution.defvjp(_forward, _gradients)


def _convolve(images: Array, kernel: Array, *, padding: Padding) -> Array:
    channels = kernel.shape[2:]
    if min(channels) < _FEWEST_CHANNELS or math.prod(images.shape[:3]) < _FEWEST_NODES * max(channels):
        return convolve_plainly(images, kernel, (1, 1), padding)
    on_strips = _on_strips(images, _n_strips(images, padding))
    values = lax.map(lambda own: _convolve_strip(own, kernel, padding), on_strips)
    return values.reshape(-1, *values.shape[2:])[: len(images)]


def _n_strips(images: Array, padding: Padding) -> int:
    fitting = max(1, _MOST_COLUMNS // (images.shape[2] + max(padding[1])))
    return -(-len(images) // fitting)


def _on_strips(images: Array, n_strips: int) -> Array:
    """Images `[n_strips, images of each, H, W, C]`, the last ones empty if they cannot be divided so."""
    of_each = -(-len(images) // n_strips)
    whole = jnp.pad(images, ((0, n_strips * of_each - len(images)), (0, 0), (0, 0), (0, 0)))
    return whole.reshape(n_strips, of_each, *images.shape[1:])


def _convolve_strip(images: Array, kernel: Array, padding: Padding) -> Array:
    left, right = padding[1]
    values, _ = winograd.convolution(_on_a_strip(images, padding), kernel, (1, 1), _AS_THEY_ARE)
    n_images, n_columns = len(images), images.shape[2]
    between = max(left, right)
    # The strip has what lies in front of the first image once more.
    values = values[:, : n_images * (n_columns + between)]
    apart = values.reshape(len(values), n_images, n_columns + between, -1)
    return jnp.moveaxis(apart[:, :, : n_columns + left + right - 2], 0, 1)


def _by_kernel(images: Array, cotangent: Array, *, padding: Padding) -> Array:
    n_strips = _n_strips(images, padding)

    def add(total: Array, image_and_cotangent: tuple[Array, Array]) -> tuple[Array, None]:
        return total + _strip_by_kernel(*image_and_cotangent, padding), None

    nothing = jnp.zeros((*winograd.KERNEL, images.shape[3], cotangent.shape[3]))
    return lax.scan(add, nothing, (_on_strips(images, n_strips), _on_strips(cotangent, n_strips)))[0]


def _strip_by_kernel(images: Array, cotangent: Array, padding: Padding) -> Array:
    left, right = padding[1]
    behind = images.shape[2] + max(left, right) - cotangent.shape[2]
    apart = jnp.pad(cotangent, ((0, 0), (0, 0), (0, behind), (0, 0)))
    on_a_strip = jnp.moveaxis(apart, 0, 1).reshape(cotangent.shape[1], -1, cotangent.shape[3])
    on_a_strip = jnp.pad(on_a_strip, ((0, 0), (0, left), (0, 0)))
    return winograd.kernel_gradient(_on_a_strip(images, padding), on_a_strip, _AS_THEY_ARE)


def _on_a_strip(images: Array, padding: Padding) -> Array:
    """`[H + padding, T, C]`: the padding in front, then each image with as many zeros behind it as any side needs."""
    rows, (left, right) = padding
    apart = jnp.pad(images, ((0, 0), rows, (0, max(left, right)), (0, 0)))
    strip = jnp.moveaxis(apart, 0, 1).reshape(apart.shape[1], -1, images.shape[3])
    return jnp.pad(strip, ((0, 0), (left, 0), (0, 0)))
