"""How alike two maps are: against SciPy, by hand, and at the ends."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from convcam_jax.attribution.placement import identity_placement, placed_map
from convcam_jax.checks.seeds.map_similarity import rank_correlations, structural_similarities


def correlation(one, other):
    return rank_correlations(np.stack([one, other])).item()


def alike(one, other):
    return structural_similarities(np.stack([one, other])).item()


def test_rank_correlations_are_those_of_scipy():
    maps = np.random.default_rng(1).integers(5, size=(3, 4, 9)).astype(float)
    expected = [spearmanr(maps[a].ravel(), maps[b].ravel()).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(rank_correlations(maps), expected, rtol=1e-12)
    maps[1] = 0.5
    np.testing.assert_array_equal(np.isnan(rank_correlations(maps)), [True, False, True])


def test_structural_similarity():
    one = np.random.default_rng(2).random((12, 15)).astype(np.float32)
    found = structural_similarities(np.stack([one, one, 1 - one]))
    assert found[0] == pytest.approx(1.0)
    assert found[1] == found[2] < 0
    # Smaller than a window.
    assert np.isnan(structural_similarities(np.ones((3, 12, 6)))).tolist() == [True] * 3


def test_rank_correlation_by_hand_and_under_any_rising_change():
    # Ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * 4 / (4 * 15).
    assert correlation(np.array([[1.0, 2], [3, 4]]), np.array([[5.0, 1], [9, 7]])) == pytest.approx(0.6)
    # Ranks 1.5 1.5 3 4 and 1 2 3 4.
    assert correlation(np.array([[0.0, 0, 1, 2]]), np.array([[1.0, 2, 3, 4]])) == pytest.approx(0.9486832980505138)
    values = np.random.default_rng(0).normal(size=(9, 11))
    assert correlation(values, np.exp(values)) == pytest.approx(1)
    assert correlation(values, -(values**3)) == pytest.approx(-1)
    assert np.isnan(correlation(values, np.zeros((9, 11))))


def test_similarity_of_one_square_is_the_formula():
    """Wang et al. (2004), Eq. 13, with the constants and sample covariances of their paper."""
    one, other = (own / own.max() for own in np.random.default_rng(1).random((2, 7, 7)))
    covariance = np.cov(one.ravel(), other.ravel())
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * one.mean() * other.mean() + c1) * (2 * covariance[0, 1] + c2)
    expected /= (one.mean() ** 2 + other.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
    assert alike(one, other) == pytest.approx(expected, rel=1e-9)
    assert alike(one, one) == pytest.approx(1)
    assert np.isnan(alike(one[:, :6], other[:, :6]))
    assert np.isnan(alike(one, np.zeros((7, 7))))


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.04, 1e-6])
def test_maps_are_no_more_alike_because_they_are_small(scale):
    one, other = np.random.default_rng(3).random((2, 12, 20))
    expected = alike(one / one.max(), other / other.max())
    assert alike(scale * one, other) == pytest.approx(expected, rel=1e-9)
    assert alike(scale * one, scale * other) == pytest.approx(expected, rel=1e-9)


def test_a_maximum_behind_the_recording_does_not_count():
    """Two maps of nodes whose largest value lies in the padding, and the same without it."""
    node_maps = np.random.default_rng(4).random((2, 10, 16)).astype(np.float32)
    placement, n_frames = identity_placement((10, 16)), 12
    inside = node_maps * (np.arange(16) < n_frames)
    node_maps[:, 4, 14] = 25
    placed, expected = (
        np.stack([placed_map(jnp.asarray(own), n_frames, placement) for own in maps])[:, :, :n_frames]
        for maps in (node_maps, inside)
    )
    assert placed.max() < 0.05
    np.testing.assert_allclose(structural_similarities(placed), structural_similarities(expected), rtol=1e-4)
    np.testing.assert_allclose(rank_correlations(placed), rank_correlations(expected))
