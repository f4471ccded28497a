"""Convolutions of images and their gradients, held to the sums that define them, in float64."""

import jax
import jax.numpy as jnp
import numpy as np

# Sums of up to some hundred products of standard normal values, in float32.
TOLERANCE = 1e-4


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def with_gradients(convolve, images, kernel, cotangent):
    values, pull = jax.vjp(convolve, images, kernel)
    return values, *pull(cotangent(values.shape))


def convolution_by_hand(images, kernel, strides, padding, cotangent):
    """The convolution and its gradients by images and kernel in NumPy, float64: patches x cells of the kernel.

    The kernel is `[h, w, C, D]`, or depthwise `[h, w, C]`.
    """
    inputs, outputs = ("bhwc,c->bhwc", "bhwc,bhwc->c") if kernel.ndim == 3 else ("bhwc,cd->bhwd", "bhwc,bhwd->cd")
    back = inputs if kernel.ndim == 3 else "bhwd,cd->bhwc"
    padded = np.pad(images, ((0, 0), *padding, (0, 0))).astype(np.float64)
    kernel, cotangent = kernel.astype(np.float64), np.asarray(cotangent, np.float64)
    (rows, columns), values = cotangent.shape[1:3], np.zeros(cotangent.shape)
    by_padded, by_kernel = np.zeros(padded.shape), np.zeros(kernel.shape)
    for i, j in np.ndindex(kernel.shape[:2]):
        patch = np.s_[:, i : i + rows * strides[0] : strides[0], j : j + columns * strides[1] : strides[1]]
        values += np.einsum(inputs, padded[patch], kernel[i, j])
        by_padded[patch] += np.einsum(back, cotangent, kernel[i, j])
        by_kernel[i, j] = np.einsum(outputs, padded[patch], cotangent)
    (top, _), (left, _) = padding
    return values, by_padded[:, top:, left:][:, : images.shape[1], : images.shape[2]], by_kernel


def assert_equal_to_sums(convolve, images, kernel, strides, padding, of_largest=None):
    """Values, of the expected shape, and both gradients, to within `TOLERANCE`, or a share of the largest of each."""
    found = jax.jit(lambda i, k: with_gradients(convolve, i, k, lambda s: normal(2, *s)))(images, kernel)
    images, kernel = np.asarray(images), np.asarray(kernel)
    sides = [
        (side + sum(around) - cells) // stride + 1
        for side, around, cells, stride in zip(images.shape[1:3], padding, kernel.shape, strides, strict=False)
    ]
    shape = (len(images), *sides, kernel.shape[-1])
    expected = convolution_by_hand(images, kernel, strides, padding, normal(2, *shape))
    for own, reference in zip(found, expected, strict=True):
        assert own.dtype == jnp.float32
        assert own.shape == reference.shape
        tolerance = TOLERANCE if of_largest is None else of_largest * np.abs(reference).max()
        np.testing.assert_allclose(own, reference, rtol=0, atol=tolerance)
