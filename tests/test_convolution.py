"""The convolution of one strip, against a plain convolution."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array, lax

from convcam_jax.kernels.pooling import max_pool
from convcam_jax.kernels.precision import Precision
from convcam_jax.kernels.strip_convolution import strip_convolution

TOLERANCE: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 1e-2}
PRECISIONS: list[Precision] = ["float32", "bfloat16"]
# (H, T, C_in, C_out): one column, fewer columns than the kernel, one channel, several blocks of rows; channels enough
# for Winograd's algorithm, with too few rows for the convolution itself, and with a block of rows that overlaps.
SHAPES = [(3, 1, 1, 4), (4, 2, 3, 5), (6, 7, 1, 3), (7, 40, 16, 24), (5, 9, 32, 33), (8, 9, 33, 32)]


def plain_convolution(strip: Array, kernel: Array) -> Array:
    padded = jnp.pad(strip, [(0, 0), (0, kernel.shape[1] - 1), (0, 0)])
    return lax.conv_general_dilated(
        padded[None], kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), precision="highest"
    )[0]


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def relative_error(value: Array, expected: Array) -> float:
    assert value.shape == expected.shape
    return float(jnp.linalg.norm(jnp.ravel(value - expected)) / jnp.linalg.norm(jnp.ravel(expected)))


def value_and_gradients(convolution: Callable[[Array, Array], Array]) -> Callable[..., tuple[Array, Array, Array]]:
    """The output, and both gradients of its product with a given cotangent."""

    @jax.jit
    def compute(strip: Array, kernel: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        value, pull_back = jax.vjp(convolution, strip, kernel)
        return value, *pull_back(cotangent)

    return compute


def check(convolution: Callable, expected: Callable, strip: Array, kernel: Array, tolerance: float) -> None:
    cotangent = normal(3, *jax.eval_shape(expected, strip, kernel).shape)
    results = value_and_gradients(convolution)(strip, kernel, cotangent)
    references = value_and_gradients(expected)(strip, kernel, cotangent)
    for result, reference in zip(results, references, strict=True):
        assert result.dtype == jnp.float32
        assert relative_error(result, reference) < tolerance


def test_hand_computed_column_looks_ahead_and_ends_in_zeros():
    strip = jnp.array([1.0, 2.0, 3.0])[None, :, None]
    kernel = jnp.array([1.0, 10.0, 100.0])[None, :, None, None]
    result = jax.jit(strip_convolution)(strip, kernel)
    np.testing.assert_array_equal(result[0, :, 0], [321.0, 32.0, 3.0])


@pytest.mark.parametrize(
    ("shape", "precision"),
    [
        *((shape, "float32") for shape in SHAPES),
        *(pytest.param(shape, "bfloat16", marks=pytest.mark.slow) for shape in SHAPES[:-1]),
        (SHAPES[-1], "bfloat16"),
    ],
)
def test_value_and_gradients_equal_those_of_a_plain_convolution(shape, precision):
    height, columns, channels_in, channels_out = shape
    strip, kernel = normal(1, height, columns, channels_in), normal(2, 3, 3, channels_in, channels_out)
    check(partial(strip_convolution, precision=precision), plain_convolution, strip, kernel, TOLERANCE[precision])


@pytest.mark.parametrize("pool", [pytest.param((1, 2), marks=pytest.mark.slow), (2, 2)])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_pooled_value_and_gradients_equal_those_of_a_plain_convolution_and_pooling(shape, pool):
    height, columns, channels_in, channels_out = shape
    strip, kernel = normal(1, height, columns, channels_in), normal(2, 3, 3, channels_in, channels_out)
    convolution = partial(strip_convolution, pool=pool)
    check(convolution, lambda s, k: max_pool(plain_convolution(s, k), pool), strip, kernel, TOLERANCE["float32"])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_equals_a_plain_convolution_per_member(axes, precision):
    strip = normal(1, *([3] if axes[0] == 0 else []), 5, 9, 4)
    kernel = normal(2, *([3] if axes[1] == 0 else []), 3, 3, 4, 6)
    mapped = jax.vmap(partial(strip_convolution, precision=precision), in_axes=axes)
    check(mapped, jax.vmap(plain_convolution, in_axes=axes), strip, kernel, TOLERANCE[precision])


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_with_pooling_equals_a_plain_convolution_and_pooling_per_member(axes):
    strip = normal(1, *([3] if axes[0] == 0 else []), 9, 10, 32)
    kernel = normal(2, *([3] if axes[1] == 0 else []), 3, 3, 32, 33)
    mapped = jax.vmap(partial(strip_convolution, pool=(2, 2)), in_axes=axes)
    plain = jax.vmap(lambda s, k: max_pool(plain_convolution(s, k), (2, 2)), in_axes=axes)
    check(mapped, plain, strip, kernel, TOLERANCE["float32"])


@pytest.mark.parametrize("shape", [(5, 9, 4, 6), (9, 10, 32, 33)])
def test_nested_vmap_over_members_and_strips(shape):
    height, columns, channels_in, channels_out = shape
    strips = normal(1, 3, height, columns, channels_in)
    kernels = normal(2, 2, 3, 3, channels_in, channels_out)

    def nested(convolution: Callable) -> Callable:
        return jax.vmap(jax.vmap(convolution, in_axes=(0, None)), in_axes=(None, 0))

    check(nested(strip_convolution), nested(plain_convolution), strips, kernels, TOLERANCE["float32"])


def test_gradient_taken_inside_vmap_equals_the_gradient_of_the_mapped():
    strips, kernels = normal(1, 2, 5, 9, 4), normal(2, 2, 3, 3, 4, 6)

    def loss(strip: Array, kernel: Array) -> Array:
        return (strip_convolution(strip, kernel) ** 2).sum()

    inside = jax.jit(jax.vmap(jax.grad(loss, argnums=(0, 1))))(strips, kernels)
    outside = jax.jit(jax.grad(lambda s, k: jax.vmap(loss)(s, k).sum(), argnums=(0, 1)))(strips, kernels)
    for result, reference in zip(inside, outside, strict=True):
        assert relative_error(result, reference) < 1e-6


@pytest.mark.parametrize("precision", PRECISIONS)
def test_jitted_equals_eager(precision):
    strip, kernel = normal(1, 5, 9, 4), normal(2, 3, 3, 4, 6)
    convolution = partial(strip_convolution, precision=precision)
    assert relative_error(jax.jit(convolution)(strip, kernel), convolution(strip, kernel)) < 1e-6


@pytest.mark.parametrize("pool", [(1, 1), (1, 2)])
@pytest.mark.parametrize(("channels_in", "channels_out"), [(16, 24), (32, 40)])
def test_bfloat16_rounds_the_factors_and_not_the_sums(channels_in, channels_out, pool):
    strip, kernel = normal(1, 8, 40, channels_in), normal(2, 3, 3, channels_in, channels_out)
    cotangent = normal(3, 6, 40 // pool[1], channels_out)
    compute = value_and_gradients(partial(strip_convolution, precision="bfloat16", pool=pool))
    plain = value_and_gradients(lambda s, k: max_pool(plain_convolution(s, k), pool))
    results = compute(strip, kernel, cotangent)
    rounded = [array.astype(jnp.bfloat16).astype(jnp.float32) for array in (strip, kernel, cotangent)]
    in_float32 = plain(strip, kernel, cotangent)
    of_rounded = plain(*rounded)
    for result, full, reference in zip(results, in_float32, of_rounded, strict=True):
        assert relative_error(result, reference) < 1e-5
        assert relative_error(result, full) > 1e-4
    for first, second in zip(results, compute(strip, kernel, cotangent), strict=True):
        np.testing.assert_array_equal(first, second)
