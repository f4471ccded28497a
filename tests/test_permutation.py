"""Tests against chance: values by hand, and p-values that are uniform where there is nothing to find."""

import numpy as np
import pytest
from scipy import stats

from convcam_jax.checks.chance.permutation import (
    false_discovery,
    mean_of_draws,
    permutation_test,
    quantile_limits,
)


def test_p_by_hand():
    draws = np.array([1.0, 2.0, 3.0, 4.0])
    assert permutation_test(5.0, draws, "higher") == (1 / 5, 4)
    assert permutation_test(3.5, draws, "higher") == (2 / 5, 4)
    # A tie counts as being as good.
    assert permutation_test(3.0, draws, "higher") == (3 / 5, 4)
    assert permutation_test(0.5, draws, "higher") == (1.0, 4)
    assert permutation_test(0.5, draws, "lower") == (1 / 5, 4)
    assert permutation_test(2.0, draws, "lower") == (3 / 5, 4)


def test_missing_values_are_no_draws():
    assert permutation_test(1.0, np.array([np.nan, 0.0, np.nan]), "higher") == (1 / 2, 1)
    for observed, draws in ((np.nan, [0.0]), (1.0, [np.nan])):
        assert np.isnan(permutation_test(observed, np.array(draws), "higher").p)


def test_rounding_in_single_precision_is_a_tie():
    assert permutation_test(0.1, np.array([np.float32(0.1) * np.float32(1 - 1e-6)]), "higher").p == 1.0
    assert permutation_test(0.1, np.array([0.0999]), "higher").p == 0.5


def test_false_discovery_by_hand():
    """Sorted p times n over rank, made monotone from the end: .01 * 4, .04 * 4 / 3 (not .03 * 2), .04 * 4 / 3, .5."""
    q = false_discovery([0.5, 0.01, np.nan, 0.03, 0.04])
    np.testing.assert_allclose(q, [0.5, 0.04, np.nan, 0.16 / 3, 0.16 / 3])
    assert np.isnan(false_discovery([np.nan])).all()
    assert false_discovery([]).shape == (0,)


def test_p_is_uniform_under_the_null():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(2000, 100))
    p = [permutation_test(row[0], row[1:], "lower").p for row in values]
    # p lies on a grid of 1/100 from 1/100 to 1, half a step above the uniform distribution on average.
    assert stats.kstest(np.array(p) - 0.005, "uniform").pvalue > 0.05
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.012)


def test_mean_of_draws_leaves_out_missing_values():
    draws = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    np.testing.assert_array_equal(mean_of_draws(draws), [2.0, 5.0, np.nan])
    assert np.isnan(mean_of_draws(np.empty((0, 2)))).all()


def test_quantiles():
    assert quantile_limits(np.append(np.arange(41.0), np.nan)) == pytest.approx((1.0, 39.0))
    assert np.isnan(quantile_limits(np.array([np.nan]))).all()
