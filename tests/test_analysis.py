from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from convcam_jax.data.dataset import AnalysisArrays
from convcam_jax.measures.analysis import (
    analyse,
    contours,
    correct_predictions,
    explanation_placement,
    placed_maps,
    simplenet_placement,
)
from convcam_jax.settings.config import AnalysisConfig, Config
from convcam_jax.settings.overrides import apply_overrides

S, N, F, T, C = 3, 5, 12, 40, 3
CONFIG = apply_overrides(Config(), [f"features.cqt_bins={F}", f"corpus.max_frames={T}"])
BIN_HZ = 100.0 * 2 ** (np.arange(F) / 12)
N_FRAMES = np.array([40, 18, 25, 33, 30])


def make_arrays() -> AnalysisArrays:
    generator = np.random.default_rng(0)
    inside = np.arange(T) < N_FRAMES[:, None]
    voiced = inside & (generator.random((N, T)) < 0.6)
    return AnalysisArrays(
        cqt=(generator.random((N, F, T)) * inside[:, None]).astype(np.float32),
        energy=(generator.random((N, T)) * inside).astype(np.float32),
        f0_hz=np.where(voiced, generator.uniform(90, 300, (N, T)), 0).astype(np.float32),
        voiced=voiced,
        n_frames=N_FRAMES,
        emotion=np.array([0, 1, 0, 1, 2]),
    )


ARRAYS = make_arrays()
SIGNED = np.random.default_rng(1).normal(size=(S, N, 6, 6)).astype(np.float32)
SIGNED[0, 1] = -1.0
CORRECT = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [1, 0, 0, 0, 0]], bool)
MAPS = np.asarray(placed_maps(SIGNED, N_FRAMES, simplenet_placement(CONFIG)))
analyse_small = partial(analyse, bin_hz=BIN_HZ, n_emotions=C, config=AnalysisConfig())


def test_placed_maps_are_scaled_to_1_inside_the_recording_and_zero_behind():
    assert MAPS.shape == (S, N, F, T)
    assert MAPS.min() == 0
    behind = np.broadcast_to(np.arange(T) >= N_FRAMES[:, None, None], (S, N, F, T))
    assert (MAPS[behind] == 0).all()
    peaks = MAPS.max((2, 3))
    assert peaks[0, 1] == 0
    assert (peaks <= 1).all()
    assert (np.delete(peaks.ravel(), 1) > 0.2).all()


def test_placing_all_at_once_equals_one_by_one():
    for member in range(S):
        for n in range(N):
            one = placed_maps(SIGNED[member : member + 1, n : n + 1], N_FRAMES[n : n + 1], simplenet_placement(CONFIG))
            np.testing.assert_allclose(MAPS[member, n], one[0, 0], atol=1e-6)


def test_maps_on_the_input_stay_where_they_are():
    signed = np.random.default_rng(2).normal(size=(S, N, F, T)).astype(np.float32) * ARRAYS.cqt.astype(bool)
    config = apply_overrides(CONFIG, ["cam.method=gradient_x_input"])
    placed = placed_maps(signed, N_FRAMES, explanation_placement(config))
    positive = np.maximum(signed, 0)
    np.testing.assert_allclose(placed, positive / positive.max((2, 3), keepdims=True), rtol=1e-6)


def test_maps_of_the_convolution_are_placed_by_the_config():
    for placement in ("stretched", "receptive_field"):
        config = apply_overrides(CONFIG, ["cam.method=layercam", f"analysis.map_placement={placement}"])
        placed = placed_maps(SIGNED, N_FRAMES, explanation_placement(config))
        np.testing.assert_array_equal(placed, placed_maps(SIGNED, N_FRAMES, simplenet_placement(config)))


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
        cqt=np.array([[[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]]),
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
