"""Winograd's algorithm against the sums that define a convolution."""

import jax
import numpy as np
import pytest

from convcam_jax.winograd import kernel_gradient, valid_convolution

# Output rows, kernel columns: one block, two, blocks of which the last overlaps by 3, 2 and 1 rows.
CASES = [(4, 3), (8, 3), (5, 3), (10, 1), (11, 2)]


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def plain_convolution(strip: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    rows, columns = strip.shape[0] - 2, strip.shape[1] - kernel.shape[1] + 1
    shifted = [
        strip[i : i + rows, j : j + columns].astype(float) @ kernel[i, j]
        for i in range(3)
        for j in range(kernel.shape[1])
    ]
    return sum(shifted[1:], start=shifted[0])


def plain_kernel_gradient(strip: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    rows, columns, _ = cotangent.shape
    return np.array(
        [
            [
                np.tensordot(strip[i : i + rows, j : j + columns].astype(float), cotangent, ((0, 1), (0, 1)))
                for j in range(strip.shape[1] - columns + 1)
            ]
            for i in range(3)
        ]
    )


def largest_error(value: jax.Array, expected: np.ndarray) -> float:
    assert value.shape == expected.shape
    return float(np.abs(np.asarray(value) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(("rows", "width"), CASES)
def test_convolution_is_the_defining_sum(rows, width):
    strip, kernel = normal(0, rows + 2, 9, 5), normal(1, 3, width, 5, 7)
    assert largest_error(valid_convolution(strip, kernel), plain_convolution(strip, kernel)) < 5e-6


@pytest.mark.parametrize(("rows", "width"), CASES)
def test_kernel_gradient_is_the_defining_sum(rows, width):
    strip, cotangent = normal(0, rows + 2, 9, 5), normal(1, rows, 10 - width, 7)
    assert largest_error(kernel_gradient(strip, cotangent), plain_kernel_gradient(strip, cotangent)) < 5e-6


def test_hand_computed_column():
    strip, kernel = np.arange(1.0, 7.0, dtype=np.float32)[:, None, None], np.array([1.0, 10.0, 100.0], np.float32)
    result = valid_convolution(strip, kernel[:, None, None, None])
    np.testing.assert_allclose(result[:, 0, 0], [321, 432, 543, 654], rtol=1e-5)


def test_four_rows_take_six_products_instead_of_twelve():
    strip, kernel, cotangent = normal(0, 6, 9, 5), normal(1, 3, 3, 5, 7), normal(2, 4, 7, 7)
    assert str(jax.make_jaxpr(valid_convolution)(strip, kernel)).count("dot_general") == 6
    assert str(jax.make_jaxpr(kernel_gradient)(strip, cotangent)).count("dot_general") == 6
