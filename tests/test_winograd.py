"""Winograd's algorithm against the sums that define a convolution."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.kernels import winograd

convolution = partial(winograd.convolution, as_factor=lambda values: values)
gradients = partial(winograd.gradients, as_factor=lambda values: values)

NO_POOL = (1, 1)
POOLS = [(1, 1), (1, 2), (2, 1), (2, 2)]
# Output rows and columns: one tile; less than a tile of columns; blocks of which the last one overlaps or is not full.
CASES = [(6, 6), (12, 2), (7, 5), (15, 13), (11, 9), (38, 8)]
# All of them by the slow tests; by the others a case of each kind, and each pool: without any, the network's channels.
QUICK = [((6, 6), (2, 2)), ((12, 2), (1, 2)), ((7, 5), (2, 2)), ((11, 9), (2, 2)), ((38, 8), (2, 1))]
CASES_AND_POOLS = [
    pytest.param(*case, pool, marks=[] if (case, pool) in QUICK else pytest.mark.slow)
    for case in CASES
    for pool in POOLS
] + [pytest.param(12, 1, (1, 1), marks=pytest.mark.slow), (12, 1, (2, 1))]


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def behind_zeros(strip: np.ndarray) -> np.ndarray:
    return np.pad(strip.astype(float), [(0, 0), (0, 2), (0, 0)])


def plain_convolution(strip: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    rows, columns = strip.shape[0] - 2, strip.shape[1]
    padded = behind_zeros(strip)
    shifted = [padded[i : i + rows, j : j + columns] @ kernel[i, j].astype(float) for i in range(3) for j in range(3)]
    return sum(shifted[1:], start=shifted[0])


def plain_gradients(strip: np.ndarray, kernel: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By the strip and by the kernel, for a cotangent of the convolution before any pooling."""
    rows, columns, _ = cotangent.shape
    padded, by_strip = behind_zeros(strip), np.zeros((strip.shape[0], columns + 2, strip.shape[2]))
    by_kernel = np.empty(kernel.shape)
    for i in range(3):
        for j in range(3):
            by_kernel[i, j] = np.tensordot(padded[i : i + rows, j : j + columns], cotangent, ((0, 1), (0, 1)))
            by_strip[i : i + rows, j : j + columns] += cotangent @ kernel[i, j].T.astype(float)
    return by_strip[:, :columns], by_kernel


def plain_pool(values: np.ndarray, pool: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The largest value of each window, and where it stands in `values`: True in one cell of each window."""
    height, width = pool
    rows, columns, channels = values.shape
    pooled = np.empty((rows // height, columns // width, channels))
    wins = np.zeros(values.shape, bool)
    for row, column, channel in np.ndindex(*pooled.shape):
        window = values[row * height : (row + 1) * height, column * width : (column + 1) * width, channel]
        i, j = np.unravel_index(window.argmax(), window.shape)
        pooled[row, column, channel] = window[i, j]
        wins[row * height + i, column * width + j, channel] = True
    return pooled, wins


@partial(jax.jit, static_argnums=(3, 4))
def with_gradients(strip, kernel, cotangent, pool, as_factor=lambda values: values):
    values, winners = winograd.convolution(strip, kernel, pool, as_factor)
    return values, *winograd.gradients(strip, kernel, cotangent, winners, pool, as_factor)


def largest_error(value: jax.Array, expected: np.ndarray) -> float:
    assert value.shape == expected.shape
    return float(np.abs(np.asarray(value) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(("rows", "columns", "pool"), CASES_AND_POOLS)
def test_convolution_and_gradients_are_the_defining_sums(rows, columns, pool):
    strip, kernel = normal(0, rows + 2, columns, 5), normal(1, 3, 3, 5, 7)
    unpooled = plain_convolution(strip, kernel)
    pooled, wins = plain_pool(unpooled, pool)
    cotangent = normal(2, *pooled.shape)
    values, *found = with_gradients(strip, kernel, cotangent, pool)
    assert largest_error(values, pooled) < 1e-5
    own = np.zeros(unpooled.shape)
    in_windows = np.kron(cotangent, np.ones((*pool, 1)))
    own[: in_windows.shape[0], : in_windows.shape[1]] = in_windows
    own[~wins] = 0
    for value, expected in zip(found, plain_gradients(strip, kernel, own), strict=True):
        assert largest_error(value, expected) < 1e-5


def test_with_as_many_channels_as_the_network_has_little_is_lost():
    strip, kernel, cotangent = normal(0, 16, 20, 128), normal(1, 3, 3, 128, 256), normal(2, 14, 20, 256)
    values, *found = with_gradients(strip, kernel, cotangent, NO_POOL)
    assert largest_error(values, plain_convolution(strip, kernel)) < 2.5e-5
    for value, expected in zip(found, plain_gradients(strip, kernel, cotangent), strict=True):
        assert largest_error(value, expected) < 2.5e-5


def test_hand_computed_tile():
    strip = np.arange(1.0, 9.0, dtype=np.float32)[:, None] * np.array([0.0, 0, 1, 0, 0, 0], np.float32)
    kernel = np.outer([1.0, 10.0, 100.0], [1.0, 2.0, 3.0]).astype(np.float32)
    strip, kernel = jnp.asarray(strip)[:, :, None], jnp.asarray(kernel)[:, :, None, None]
    result, _ = jax.jit(convolution, static_argnames="pool")(strip, kernel, pool=NO_POOL)
    rows = np.array([321, 432, 543, 654, 765, 876])
    np.testing.assert_allclose(result[:, :, 0], np.outer(rows, [3, 2, 1, 0, 0, 0]), rtol=1e-5, atol=4e-3)
    # Of every two rows the lower one is larger, of every two columns the left one.
    result, winners = jax.jit(convolution, static_argnames="pool")(strip, kernel, pool=(2, 2))
    np.testing.assert_allclose(result[:, :2, 0], np.outer(rows[1::2], [3, 1]), rtol=1e-5, atol=4e-3)
    assert (winners[:, :2, 0] == 2).all()


def test_a_tile_of_36_outputs_takes_64_products_instead_of_324():
    strip, kernel, cotangent = map(jnp.asarray, (normal(0, 8, 6, 5), normal(1, 3, 3, 5, 7), normal(2, 6, 6, 7)))

    def products(function, *operands) -> int:
        """Products of an input or an output by a weight or an input, for one pair of channels, in the one block."""
        loop = next(e for e in jax.make_jaxpr(function)(*operands).eqns if e.primitive.name in ("while", "scan"))
        body = loop.params["body_jaxpr" if loop.primitive.name == "while" else "jaxpr"]
        # Products of matrices without a batch are sums with constant coefficients.
        dots = [e for e in body.eqns if e.primitive.name == "dot_general" and e.params["dimension_numbers"][1][0]]
        return sum(int(np.prod(e.invars[0].aval.shape[:2])) for e in dots)

    values, winners = jax.eval_shape(partial(convolution, pool=NO_POOL), strip, kernel)
    assert values.shape == cotangent.shape
    winners = jnp.zeros(winners.shape, winners.dtype)
    assert products(partial(convolution, pool=NO_POOL), strip, kernel) == 64
    assert products(partial(gradients, pool=NO_POOL), strip, kernel, cotangent, winners) == 2 * 64


def test_factors_are_what_is_made_of_them():
    # As large as a case above, whose program it has.
    factors = normal(0, 9, 5, 5), normal(1, 3, 3, 5, 7), normal(2, 3, 2, 7)
    found = with_gradients(*factors, (2, 2))
    of_doubled = with_gradients(*factors, (2, 2), lambda values: 2 * values)
    for value, of_double in zip(found, of_doubled, strict=True):
        np.testing.assert_allclose(of_double, 4 * value, rtol=1e-5, atol=1e-4)
