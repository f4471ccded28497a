"""Curves end where they must, and fall and rise as a linear model's do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from convcam_jax.checks.faithfulness.curves import (
    blurred_within,
    cell_ranks,
    curves,
    first_cells,
    shares,
    shifted,
)

pytestmark = pytest.mark.usefixtures("strict_promotion")

F, T = 6, 10
N_FRAMES = np.array([10, 7])
GENERATOR = np.random.default_rng(0)
INSIDE = np.arange(T) < N_FRAMES[:, None, None]
SPECTROGRAMS = GENERATOR.random((2, F, T)) * INSIDE
WEIGHTS = GENERATOR.random((F, T))
BLURS = np.stack([blurred_within(s, n) for s, n in zip(SPECTROGRAMS, N_FRAMES.tolist(), strict=True)])
FILLS = np.stack([np.zeros_like(SPECTROGRAMS), BLURS])
STEPS = shares(6)


def linear(inputs):
    """A model whose output is a weighted sum of the cells, with positive weights."""
    return jnp.einsum("bft,ft->b", inputs, jnp.asarray(WEIGHTS))


def ranks_of(scores):
    keys = jax.random.split(jax.random.key(0), len(scores))
    return jax.vmap(cell_ranks)(jnp.asarray(scores), N_FRAMES, keys)


CONTRIBUTIONS = SPECTROGRAMS * WEIGHTS
RANKS = jnp.stack([ranks_of(CONTRIBUTIONS), ranks_of(np.zeros_like(SPECTROGRAMS)), ranks_of(-CONTRIBUTIONS)])


@pytest.fixture(scope="module")
def values():
    """[curves, fills, orders (best, random, worst), P, recordings]."""
    run = jax.jit(lambda *arrays: curves(linear, *arrays))
    return np.asarray(run(SPECTROGRAMS, FILLS, RANKS, N_FRAMES, STEPS))


def test_cells_are_ranked_from_the_highest_and_those_behind_the_recording_last():
    scores = np.array([[3.0, 1, 9], [2, 5, 9]])
    ranks = np.asarray(cell_ranks(jnp.asarray(scores), 2, jax.random.key(1)))
    np.testing.assert_array_equal(ranks[:, :2], [[1, 3], [2, 0]])
    assert set(ranks[:, 2]) == {4, 5}


def test_ties_are_broken_at_random_and_only_ties():
    scores = jnp.asarray(np.repeat([1.0, 0.0], 30).reshape(6, 10))
    one, other = (np.asarray(cell_ranks(scores, 10, jax.random.key(key))) for key in (0, 1))
    for ranks in (one, other):
        assert sorted(ranks[:3].ravel()) == list(range(30))
        assert sorted(ranks[3:].ravel()) == list(range(30, 60))
    assert (one != other).mean() > 0.8
    # Each cell is first as often as any other: 60 cells, 3000 draws, mean 50, standard deviation 7.
    draw = jax.jit(jax.vmap(lambda key: cell_ranks(jnp.zeros((6, 10)), 10, key)))
    firsts = (np.asarray(draw(jax.random.split(jax.random.key(2), 3000))) == 0).sum(0)
    assert firsts.sum() == 3000
    assert 20 < firsts.min() <= firsts.max() < 85


def test_shares_count_the_cells_of_the_recording():
    ranks = ranks_of(CONTRIBUTIONS)
    for share in (0.0, 0.25, 0.5, 1.0):
        counted = np.asarray(first_cells(ranks, share, jnp.asarray(N_FRAMES))).sum((1, 2))
        np.testing.assert_array_equal(counted, np.round(share * F * N_FRAMES))
    assert not (np.asarray(first_cells(ranks, 1.0, jnp.asarray(N_FRAMES))) & ~INSIDE).any()


def test_curves_begin_and_end_at_the_recording_and_the_fill(values):
    original, filled = np.asarray(linear(SPECTROGRAMS)), np.stack([linear(fill) for fill in FILLS])
    for order in range(3):
        for fill in range(2):
            for curve, (first, last) in enumerate([(original, filled[fill]), (filled[fill], original)]):
                np.testing.assert_allclose(values[curve, fill, order, 0], first, rtol=1e-6)
                np.testing.assert_allclose(values[curve, fill, order, -1], last, rtol=1e-6)


def test_the_ends_are_what_everything_deleted_and_inserted_gives():
    """The ends are computed without the ranks; all cells deleted one by one gives the same."""
    everything = np.asarray(first_cells(RANKS[1], 1.0, jnp.asarray(N_FRAMES)))
    for fill in FILLS:
        np.testing.assert_array_equal(np.where(everything, fill, SPECTROGRAMS), fill)
        np.testing.assert_array_equal(np.where(everything, SPECTROGRAMS, fill), SPECTROGRAMS)


def test_points_between_by_hand(values):
    share = STEPS[2]
    for recording, n in enumerate(N_FRAMES):
        own = CONTRIBUTIONS[recording, :, :n].ravel()
        kept = np.sort(own)[: len(own) - round(share * len(own))]
        np.testing.assert_allclose(values[0, 0, 0, 2, recording], kept.sum(), rtol=1e-5)
        np.testing.assert_allclose(values[1, 0, 0, 2, recording], own.sum() - kept.sum(), rtol=1e-5)


def test_a_positive_linear_model_falls_and_rises_and_its_own_order_is_best(values):
    with_zeros = values[:, 0]
    assert (np.diff(with_zeros[0], axis=1) < 0).all()
    assert (np.diff(with_zeros[1], axis=1) > 0).all()
    area = np.trapezoid(with_zeros, STEPS, axis=2)
    deletion, insertion = area[0], area[1]
    assert (deletion[0] < deletion[1]).all()
    assert (deletion[1] < deletion[2]).all()
    assert (insertion[0] > insertion[1]).all()
    assert (insertion[1] > insertion[2]).all()
    # What is not deleted by a share is what the reversed order inserts.
    np.testing.assert_allclose(with_zeros[0, 0], with_zeros[1, 2, ::-1], rtol=1e-5)


def test_blurring_sees_the_recording_alone():
    spectrogram = np.full((F, T), 2.0)
    spectrogram[:, 7:] = 100.0
    result = blurred_within(spectrogram, 7)
    np.testing.assert_allclose(result[:, :7], 2.0)
    assert (result[:, 7:] == 0).all()
    own = SPECTROGRAMS[1]
    np.testing.assert_allclose(BLURS[1, :, :7], gaussian_filter(own[:, :7], 5, mode="nearest"))


def test_a_moved_map_has_the_same_values_elsewhere():
    scores = np.zeros((12, 20))
    scores[2, 3] = 1.0
    for seed in range(20):
        moved = shifted(scores, 16, np.random.default_rng(seed))
        (row,), (column,) = np.nonzero(moved)
        assert 3 <= (row - 2) % 12 <= 9
        assert 4 <= (column - 3) % 16 <= 12
        assert column < 16
    smooth = np.random.default_rng(0).random((12, 20)) * (np.arange(20) < 16)
    moved = shifted(smooth, 16, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(moved.ravel()), np.sort(smooth.ravel()))
    assert abs(np.corrcoef(moved[:, :16].ravel(), smooth[:, :16].ravel())[0, 1]) < 0.5
