"""Winograd's algorithm against the sums that define a convolution."""

from functools import partial

import jax
import numpy as np
import pytest

from convcam_jax import winograd

padded_convolution = partial(winograd.padded_convolution, as_factor=lambda values: values)
kernel_gradient = partial(winograd.kernel_gradient, as_factor=lambda values: values)

NO_PADDING = [(0, 0), (0, 0)]
# Output rows and columns: one tile; less than a tile of columns; blocks of which the last one overlaps or is not full.
CASES = [(6, 6), (12, 1), (7, 5), (15, 13), (11, 9), (38, 8)]


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def plain_convolution(strip: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    rows, columns = strip.shape[0] - 2, strip.shape[1] - 2
    shifted = [
        strip[i : i + rows, j : j + columns].astype(float) @ kernel[i, j].astype(float)
        for i in range(3)
        for j in range(3)
    ]
    return sum(shifted[1:], start=shifted[0])


def plain_kernel_gradient(strip: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    rows, columns, _ = cotangent.shape
    return np.array(
        [
            [
                np.tensordot(strip[i : i + rows, j : j + columns].astype(float), cotangent, ((0, 1), (0, 1)))
                for j in range(3)
            ]
            for i in range(3)
        ]
    )


def largest_error(value: jax.Array, expected: np.ndarray) -> float:
    assert value.shape == expected.shape
    return float(np.abs(np.asarray(value) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(("rows", "columns"), CASES)
def test_convolution_is_the_defining_sum(rows, columns):
    strip, kernel = normal(0, rows + 2, columns + 2, 5), normal(1, 3, 3, 5, 7)
    convolve = jax.jit(lambda strip, kernel: padded_convolution(strip, kernel, NO_PADDING))
    assert largest_error(convolve(strip, kernel), plain_convolution(strip, kernel)) < 1e-5


@pytest.mark.parametrize(
    "padding", [[(0, 0), (0, 2)], [(2, 2), (2, 0)], [(1, 4), (3, 1)], [(9, 0), (0, 0)], [(0, 30), (0, 2)]]
)
@pytest.mark.parametrize(("rows", "columns"), [(8, 4), (9, 7), (21, 12)])
def test_padding_is_zeros_around_the_strip(padding, rows, columns):
    strip, kernel = normal(0, rows, columns, 5), normal(1, 3, 3, 5, 7)
    convolve = jax.jit(lambda strip, kernel: padded_convolution(strip, kernel, padding))
    expected = plain_convolution(np.pad(strip, [*padding, (0, 0)]), kernel)
    assert largest_error(convolve(strip, kernel), expected) < 1e-5


@pytest.mark.parametrize(("rows", "columns"), CASES)
def test_kernel_gradient_is_the_defining_sum(rows, columns):
    strip, cotangent = normal(0, rows + 2, columns, 5), normal(1, rows, columns, 7)
    expected = plain_kernel_gradient(np.pad(strip, [(0, 0), (0, 2), (0, 0)]), cotangent)
    assert largest_error(jax.jit(kernel_gradient)(strip, cotangent), expected) < 1e-5


def test_with_as_many_channels_as_the_network_has_little_is_lost():
    strip, kernel = normal(0, 20, 44, 128), normal(1, 3, 3, 128, 256)
    convolve = jax.jit(lambda strip, kernel: padded_convolution(strip, kernel, NO_PADDING))
    assert largest_error(convolve(strip, kernel), plain_convolution(strip, kernel)) < 2.5e-5


def test_hand_computed_tile():
    strip = np.arange(1.0, 9.0, dtype=np.float32)[:, None] * np.array([0.0, 0, 1, 0, 0, 0, 0, 0], np.float32)
    kernel = np.outer([1.0, 10.0, 100.0], [1.0, 2.0, 3.0]).astype(np.float32)
    result = padded_convolution(strip[:, :, None], kernel[:, :, None, None], NO_PADDING)
    rows = np.array([321, 432, 543, 654, 765, 876])
    np.testing.assert_allclose(result[:, :, 0], np.outer(rows, [3, 2, 1, 0, 0, 0]), rtol=1e-5, atol=4e-3)


def test_a_tile_of_36_outputs_takes_64_products_instead_of_324():
    strip, kernel, cotangent = normal(0, 8, 8, 5), normal(1, 3, 3, 5, 7), normal(2, 6, 6, 7)

    def products(function, *operands) -> int:
        """Products of an input by a weight, for one pair of channels, in the one block that there is."""
        loop = next(e for e in jax.make_jaxpr(function)(*operands).eqns if e.primitive.name in ("while", "scan"))
        body = loop.params["body_jaxpr" if loop.primitive.name == "while" else "jaxpr"]
        # Products of matrices without a batch are sums with constant coefficients.
        dots = [e for e in body.eqns if e.primitive.name == "dot_general" and e.params["dimension_numbers"][1][0]]
        return sum(np.prod(e.invars[0].aval.shape) // 5 for e in dots)

    assert products(lambda s, k: padded_convolution(s, k, NO_PADDING), strip, kernel) == 64
    assert products(kernel_gradient, strip[:, :6], cotangent) == 64


def test_factors_are_what_is_made_of_them():
    strip, kernel, cotangent = normal(0, 9, 7, 5), normal(1, 3, 3, 5, 7), normal(2, 7, 7, 7)
    doubled = winograd.padded_convolution(strip, kernel, NO_PADDING, lambda values: 2 * values)
    np.testing.assert_allclose(doubled, 4 * padded_convolution(strip, kernel, NO_PADDING), rtol=1e-5, atol=1e-4)
    doubled = winograd.kernel_gradient(strip, cotangent, lambda values: 2 * values)
    np.testing.assert_allclose(doubled, 4 * kernel_gradient(strip, cotangent), rtol=1e-5, atol=1e-4)
