from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures.analysis import analyse, contours, correct_predictions
from convcam_jax.measures.config import AnalysisConfig

pytestmark = pytest.mark.usefixtures("strict_promotion")

S, N, F, T, C = 3, 5, 12, 40, 3
BIN_HZ = 100.0 * 2 ** (np.arange(F) / 12)
N_FRAMES = np.array([40, 18, 25, 33, 30])


def make_arrays() -> AnalysisArrays:
    generator = np.random.default_rng(0)
    inside = np.arange(T) < N_FRAMES[:, None]
    voiced = inside & (generator.random((N, T)) < 0.6)
    return AnalysisArrays(
        magnitude=(generator.random((N, F, T)) * inside[:, None]).astype(np.float32),
        energy=(generator.random((N, T)) * inside).astype(np.float32),
        f0_hz=np.where(voiced, generator.uniform(90, 300, (N, T)), 0).astype(np.float32),
        voiced=voiced,
        n_frames=N_FRAMES,
        emotion=np.array([0, 1, 0, 1, 2]),
    )


ARRAYS = make_arrays()
CORRECT = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [1, 0, 0, 0, 0]], bool)


def make_maps() -> np.ndarray:
    """Maps >= 0 that are zero behind the recordings; one is zero everywhere, as are some columns."""
    generator = np.random.default_rng(1)
    maps = np.maximum(generator.normal(size=(S, N, F, T)), 0) * (generator.random((S, N, 1, T)) < 0.9)
    maps[0, 1] = 0
    return (maps * (np.arange(T) < N_FRAMES[:, None])[:, None]).astype(np.float32)


MAPS = make_maps()
analyse_small = partial(analyse, bin_hz=BIN_HZ, n_emotions=C, config=AnalysisConfig())


def test_masks_are_sums_over_correct_recordings_and_members():
    result = analyse_small(MAPS, CORRECT, ARRAYS)
    expected = np.zeros((S, C, F, T))
    for member, n in zip(*np.nonzero(CORRECT), strict=True):
        expected[member, ARRAYS.emotion[n]] += MAPS[member, n]
    np.testing.assert_allclose(result.masks, expected, atol=1e-6)
    np.testing.assert_allclose(result.ensemble_masks, expected.sum(0), atol=1e-5)


def test_all_members_at_once_equal_one_by_one():
    together = analyse_small(MAPS, CORRECT, ARRAYS)
    for member in range(S):
        own = slice(member, member + 1)
        alone = analyse_small(MAPS[own], CORRECT[own], ARRAYS)
        jax.tree.map(
            lambda all_members, one, own=own: np.testing.assert_allclose(all_members[own], one, rtol=1e-5, atol=1e-6),
            (together.metrics, together.masks),
            (alone.metrics, alone.masks),
        )


def test_metrics_by_hand():
    """One recording of two frames, of which the map marks bin 1 in the first, and its own mask."""
    maps = jnp.zeros((1, 1, 2, 3)).at[0, 0, 1, 0].set(1.0)
    arrays = AnalysisArrays(
        magnitude=np.array([[[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]]),
        energy=np.array([[2.0, 1.0, 0.0]]),
        f0_hz=np.array([[150.0, 0.0, 0.0]]),
        voiced=np.array([[True, False, False]]),
        n_frames=np.array([2]),
        emotion=np.array([0]),
    )
    metrics = analyse(maps, np.array([[True]]), arrays, np.array([100.0, 200.0]), 2, AnalysisConfig()).metrics
    # q = (1, 0), Q = (1, 1/2); the trajectory is at 200 Hz where F0 is 150 Hz.
    np.testing.assert_allclose(metrics.q_mse, [[0.125]], rtol=1e-6)
    np.testing.assert_allclose(metrics.q_rmse, [[np.sqrt(0.125)]], rtol=1e-6)
    np.testing.assert_allclose(metrics.f0_frame_rmse_hz, [[50.0]], rtol=1e-5)
    np.testing.assert_allclose(metrics.f0_frame_rmse_semitones, [[12 * np.log2(200 / 150)]], rtol=1e-5)
    np.testing.assert_allclose(metrics.mask_area, [[0.25]], rtol=1e-6)
    assert not np.asarray(metrics.map_is_zero).any()


def test_zero_maps_are_counted_and_give_no_f0_error():
    metrics = analyse_small(MAPS, CORRECT, ARRAYS).metrics
    zero = np.asarray(metrics.map_is_zero)
    assert np.argwhere(zero).tolist() == [[0, 1]]
    assert np.isnan(metrics.f0_frame_rmse_hz[0, 1])
    assert np.argwhere(np.isnan(np.asarray(metrics.q_rmse))).tolist() == [[0, 1]]


def test_contours_stay_in_their_ranges():
    lines = contours(MAPS[1], ARRAYS, BIN_HZ, 0.5)
    for values in (lines.contour, lines.envelope):
        np.testing.assert_allclose(np.max(values, axis=1), 1.0, rtol=1e-6)
        assert np.min(values) >= 0
    trajectory = np.asarray(lines.trajectory_hz)
    has_map = MAPS[1].max(1) > 0
    assert (trajectory[has_map] <= BIN_HZ[-1] * (1 + 1e-6)).all()
    assert (trajectory[has_map] >= BIN_HZ[0] * (1 - 1e-6)).all()
    assert has_map.any()
    assert np.isnan(trajectory[~has_map]).all()


def test_correct_predictions_by_hand():
    logits = np.array([[[0.0, 1.0], [2.0, 1.0]], [[3.0, 1.0], [0.0, 1.0]]])
    assert correct_predictions(logits, np.array([1, 1])).tolist() == [[True, False], [False, True]]
