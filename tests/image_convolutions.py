"""Convolutions of images and their gradients, held to XLA's own in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Sums of up to some hundred products of standard normal values, in float32.
TOLERANCE = 1e-4


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def with_gradients(convolve, images, kernel, cotangent):
    values, pull = jax.vjp(convolve, images, kernel)
    return values, *pull(cotangent(values.shape))


def assert_equal_to_lax(convolve, images, kernel, kernel_of_lax, strides, padding, of_largest=None):
    """Values and both gradients, those of lax in float64 and by its own derivatives.

    To within `TOLERANCE`, or the share `of_largest` of the largest of each.
    """

    def of_lax(images, kernel):
        return lax.conv_general_dilated(
            images,
            kernel_of_lax(kernel),
            strides,
            padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=images.shape[-1] // kernel_of_lax(kernel).shape[2],
        )

    found = jax.jit(lambda i, k: with_gradients(convolve, i, k, lambda s: normal(2, *s)))(images, kernel)
    with jax.enable_x64(True):
        exact = jnp.asarray(images, jnp.float64), jnp.asarray(kernel, jnp.float64)
        expected = with_gradients(of_lax, *exact, lambda s: jnp.asarray(normal(2, *s), jnp.float64))
        assert expected[0].dtype == jnp.float64
    for own, reference in zip(found, expected, strict=True):
        assert own.dtype == jnp.float32
        tolerance = TOLERANCE if of_largest is None else of_largest * np.abs(reference).max()
        np.testing.assert_allclose(own, reference, rtol=0, atol=tolerance)
