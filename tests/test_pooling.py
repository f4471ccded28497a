"""Max-pooling against a windowed maximum, and by hand where values are equal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from convcam_jax.kernels.pooling import (
    max_pool,
    max_pool_3x3,
    mean_pool_2x2,
    mean_pool_3x3,
    pool_with_winners,
    spread,
)

POOLS = [(1, 1), (1, 2), (2, 1), (2, 2)]


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def windowed_maximum(values: jax.Array, pool: tuple[int, int]) -> jax.Array:
    window = (1, *pool, 1)
    return lax.reduce_window(values, -jnp.inf, lax.max, window, window, "VALID")


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(("rows", "columns"), [(4, 6), (5, 7), (2, 2)])
def test_values_and_gradient_are_those_of_a_windowed_maximum(rows, columns, pool):
    values = normal(0, 3, rows, columns, 4)
    pooled, pull_back = jax.vjp(lambda v: max_pool(v, pool), values)
    expected, expected_pull_back = jax.vjp(lambda v: windowed_maximum(v, pool), values)
    np.testing.assert_array_equal(pooled, expected)
    cotangent = normal(1, *pooled.shape)
    np.testing.assert_array_equal(pull_back(cotangent)[0], expected_pull_back(cotangent)[0])


def test_of_equal_values_the_first_wins_by_hand():
    # Windows (rows above one another): [[1, 1], [1, 1]], [[0, 2], [2, 0]], [[0, 3], [0, 3]].
    values = jnp.array([[1.0, 1, 0, 2, 0, 3], [1, 1, 2, 0, 0, 3]])[:, :, None]
    largest, winners = pool_with_winners(values, (2, 2))
    assert largest[0, :, 0].tolist() == [1, 2, 3]
    # The columns' largest are 2 and 2 in the second: the left one, below, is the first.
    assert winners[0, :, 0].tolist() == [0, 2, 1]
    assert winners.dtype == jnp.uint8
    gradient = spread(jnp.array([10.0, 20, 30])[None, :, None], winners, (2, 2))
    assert gradient[:, :, 0].tolist() == [[10, 0, 0, 0, 0, 30], [0, 0, 20, 0, 0, 0]]


def test_a_remainder_is_left_out_and_has_no_gradient_by_hand():
    values = jnp.array([[1.0, 2, 9], [3, 0, 9], [9, 9, 9]])[:, :, None]
    pooled, pull_back = jax.vjp(lambda v: max_pool(v, (2, 2)), values)
    assert pooled[:, :, 0].tolist() == [[3]]
    assert pull_back(jnp.ones((1, 1, 1)))[0][:, :, 0].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("rows", "columns"), [(3, 8), (6, 5)])
def test_overlapping_windows_have_the_values_and_gradient_of_a_windowed_maximum(rows, columns, padding):
    values = normal(0, 2, rows, columns, 3)
    beside = (0, 0), (padding, padding), (padding, padding), (0, 0)
    pooled, pull_back = jax.vjp(lambda v: max_pool_3x3(v, padding), values)
    expected, expected_pull_back = jax.vjp(
        lambda v: lax.reduce_window(v, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), beside), values
    )
    np.testing.assert_array_equal(pooled, expected)
    cotangent = normal(1, *pooled.shape)
    np.testing.assert_allclose(pull_back(cotangent)[0], expected_pull_back(cotangent)[0], rtol=1e-6)


def test_means_of_windows_by_hand():
    values = jnp.arange(1.0, 10).reshape(1, 3, 3, 1)
    # A corner's window has four cells, an edge's six.
    expected = [[3, 3.5, 4], [4.5, 5, 5.5], [6, 6.5, 7]]
    np.testing.assert_allclose(mean_pool_3x3(values)[0, :, :, 0], expected, rtol=1e-6)
    assert mean_pool_2x2(values)[0, :, :, 0].tolist() == [[3]]


@pytest.mark.parametrize("pool", [(3, 1), (1, 0)])
def test_other_windows_are_refused(pool):
    with pytest.raises(ValueError, match="a window is 1 or 2 wide"):
        max_pool(jnp.zeros((4, 4, 1)), pool)
