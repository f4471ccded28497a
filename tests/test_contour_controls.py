"""Errors of q and c with moved and exchanged maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.chance.contour_controls import contour_controls, contour_errors
from convcam_jax.checks.chance.controls import control_table
from convcam_jax.checks.chance.permutation import permutation_test
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.kernels.rolling import roll_frames
from convcam_jax.kernels.stretching import stretched
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.metrics import recording_metrics

F, T = 10, 24
BIN_HZ = 100 * 2 ** (np.arange(F) / 4)
ANALYSIS = AnalysisConfig()


def make(generator, n_frames):
    n_frames = np.asarray(n_frames)
    inside = np.arange(T) < n_frames[:, None]
    n = len(n_frames)
    arrays = AnalysisArrays(
        magnitude=np.ones((n, F, T), np.float32),
        energy=(generator.random((n, T)) * inside).astype(np.float32),
        f0_hz=(generator.uniform(100, 400, (n, T)) * inside).astype(np.float32),
        voiced=inside & (generator.random((n, T)) < 0.7),
        n_frames=n_frames,
        emotion=np.zeros(n, int),
    )
    return (generator.random((n, F, T)) * inside[:, None]).astype(np.float32), arrays


def expected(activation, arrays, i):
    """The metrics of recording i with another map."""
    own = jax.tree.map(lambda array: jnp.asarray(array[i]), arrays)
    metrics = recording_metrics(jnp.asarray(activation), own, jnp.asarray(BIN_HZ), jnp.ones((F, T), bool), ANALYSIS)
    return [float(metrics.q_rmse), float(metrics.f0_frame_rmse_hz)]


def test_rolling_is_circular_inside_the_recording():
    rolled = roll_frames(jnp.array([[1.0, 2, 3, 4, 9, 9]]), 1, 4)
    np.testing.assert_array_equal(rolled, [[4, 1, 2, 3, 9, 9]])
    for shift in (-8, -2, 0, 3):
        np.testing.assert_array_equal(roll_frames(jnp.arange(6.0), shift, 4), [*np.roll(np.arange(4), shift), 4, 5])
    np.testing.assert_array_equal(roll_frames(jnp.arange(6.0), 3, 0), np.arange(6))


def test_stretching():
    """Twice as long, with half-pixel centres: positions -1/4 (clamped), 1/4, 3/4, 5/4 (clamped) of two frames."""
    np.testing.assert_allclose(stretched(jnp.array([0.0, 4, 9, 9, 9]), 2, 4), [0, 1, 3, 4, 0])
    np.testing.assert_array_equal(stretched(jnp.arange(5.0), 3, 3), [0, 1, 2, 0, 0])
    np.testing.assert_allclose(stretched(jnp.array([0.0, 2, 4, 6, 0]), 4, 2), [1, 5, 0, 0, 0])


def test_errors_are_those_of_moved_and_exchanged_maps():
    generator = np.random.default_rng(0)
    maps, arrays = make(generator, [24, 15, 19])
    shares = np.array([[0.0, 0.5], [0.2, 0.99], [0.0, 0.3]], np.float32)
    q, c = contour_errors(maps, arrays, BIN_HZ, shares, ANALYSIS)
    for i, n in enumerate(arrays.n_frames):
        np.testing.assert_allclose([q.observed[i], c.observed[i]], expected(maps[i], arrays, i), rtol=1e-5)
        for b, share in enumerate(shares[i]):
            moved = np.zeros_like(maps[i])
            moved[:, :n] = np.roll(maps[i][:, :n], int(share * n), axis=1)
            np.testing.assert_allclose([q.moved[i, b], c.moved[i, b]], expected(moved, arrays, i), rtol=1e-5)
        np.testing.assert_allclose([q.others[i, i], c.others[i, i]], [q.observed[i], c.observed[i]], rtol=1e-5)
    longer = stretched(jnp.asarray(maps[1]), 15, 19)
    np.testing.assert_allclose([q.others[2, 1], c.others[2, 1]], expected(longer, arrays, 2), rtol=1e-5)


def test_zero_maps_are_not_drawn_and_have_no_value():
    generator = np.random.default_rng(1)
    maps, arrays = make(generator, [20, 20, 24])
    maps[1] = 0
    for draw in contour_controls(
        maps, arrays, BIN_HZ, ANALYSIS, ControlsConfig(permutations=3, shifts=30), generator, 3
    ):
        assert METRICS[draw.metric].better == "lower"
        np.testing.assert_array_equal(np.isnan(draw.observed), [False, True, False])
        assert np.isfinite(draw.draws[[0, 2]]).all()
    for draw in contour_controls(
        0 * maps, arrays, BIN_HZ, ANALYSIS, ControlsConfig(permutations=3, shifts=30), generator, 3
    ):
        assert np.isnan(draw.draws).all()


def test_other_recordings_are_found_to_be_worse_where_maps_follow_the_envelope():
    generator = np.random.default_rng(2)
    maps, arrays = make(generator, [24] * 12)
    maps = np.repeat(arrays.energy[:, None], F, axis=1)
    p = {}
    for draw in contour_controls(
        maps, arrays, BIN_HZ, ANALYSIS, ControlsConfig(permutations=99, shifts=99), generator, 12
    ):
        tests = [
            permutation_test(float(o), d, METRICS[draw.metric].better).p
            for o, d in zip(draw.observed, draw.draws, strict=True)
        ]
        p[draw.metric, draw.control] = np.array(tests)
    # Of 99 draws k are the map itself, k ~ Bin(99, 1/12) or Bin(99, 1/24), and p is (1 + k)/100.
    for control, share in (("other_recordings", 1 / 12), ("time_shift", 1 / 24)):
        three_errors = 3 * np.sqrt(99 * share * (1 - share)) / 100 / np.sqrt(12)
        assert np.mean(p["q_rmse", control]) == pytest.approx((1 + 99 * share) / 100, abs=three_errors)


def test_p_is_calibrated_where_maps_are_random():
    generator = np.random.default_rng(3)
    maps, arrays = make(generator, [24] * 60)
    p = {}
    for draw in contour_controls(
        maps, arrays, BIN_HZ, ANALYSIS, ControlsConfig(permutations=99, shifts=99), generator, 60
    ):
        tests = [
            permutation_test(float(o), d, METRICS[draw.metric].better).p
            for o, d in zip(draw.observed, draw.draws, strict=True)
        ]
        p.setdefault(draw.control, []).extend(tests)
    for values in p.values():
        assert len(values) == 120
        assert stats.kstest(values, "uniform").pvalue > 0.01
        assert np.mean(np.array(values) <= 0.1) <= 0.1 + 2.5 * np.sqrt(0.09 / 120)


def test_of_many_recordings_those_pairs_alone_are_compared_that_are_drawn():
    maps, arrays = make(np.random.default_rng(4), [24, 15, 19, 22, 24])
    draws = contour_controls(
        maps, arrays, BIN_HZ, ANALYSIS, ControlsConfig(permutations=3, shifts=7), np.random.default_rng(5), 5
    )
    generator = np.random.default_rng(5)
    shares = generator.random((5, 7), np.float32)
    drawn = generator.choice(np.arange(5), (5, 3))
    for own, errors in zip(draws[1::2], contour_errors(maps, arrays, BIN_HZ, shares, ANALYSIS), strict=True):
        assert own.control == "other_recordings"
        assert own.draws.shape == (5, 3)
        np.testing.assert_allclose(own.draws, np.take_along_axis(np.asarray(errors.others), drawn, 1), rtol=1e-6)


def test_draws_of_the_recording_itself_are_known():
    maps, arrays = make(np.random.default_rng(8), [24, 20, 22])
    config = ControlsConfig(permutations=5, shifts=300)
    for own in contour_controls(maps, arrays, BIN_HZ, ANALYSIS, config, np.random.default_rng(9), 3):
        outcomes = np.array([24, 20, 22]) if own.control == "time_shift" else 3
        np.testing.assert_allclose(own.unchanged.mean(1), 1 / outcomes, atol=3 * np.sqrt(1 / outcomes / 300).max())
        observed = np.broadcast_to(own.observed[:, None], own.draws.shape)
        np.testing.assert_allclose(own.draws[own.unchanged], observed[own.unchanged], rtol=1e-5)


def test_shifts_that_leave_a_map_as_it_is_are_known():
    """One without change over time; one that repeats itself after 5 of 20 frames; one that does after 24, padded."""
    maps, arrays = make(np.random.default_rng(10), [24, 20, 15])
    maps[0] = maps[0, :, :1]
    maps[1, :, :20] = np.tile(maps[1, :, :5], 4)
    shares = np.random.default_rng(11).random((3, 300), np.float32)
    shifts = (shares * np.float32([[24], [20], [15]])).astype(int)
    config = ControlsConfig(permutations=5, shifts=300)
    for own in contour_controls(maps, arrays, BIN_HZ, ANALYSIS, config, np.random.default_rng(11), 3)[::2]:
        assert own.control == "time_shift"
        assert own.unchanged[0].all()
        np.testing.assert_array_equal(own.unchanged[1], shifts[1] % 5 == 0)
        np.testing.assert_array_equal(own.unchanged[2], shifts[2] == 0)


def test_all_cohorts_of_a_group_have_as_many_draws_whatever_their_sizes():
    """Of two folds one has fewer recordings than there are draws of masks, and the other more."""
    config = ControlsConfig(permutations=5, shifts=20)
    generator = np.random.default_rng(6)
    recordings, draws = [], []
    for fold, n in (("1", 4), ("2", 6)):
        maps, arrays = make(generator, [24] * n)
        draws.append(contour_controls(maps, arrays, BIN_HZ, ANALYSIS, config, generator, n_largest=6))
        known = {"recording": [f"{fold}{i}" for i in range(n)], "speaker": ["a", "b"] * (n // 2)}
        place = {"group": "all", "emotion": "anger", "correct": True, "mask_area": 0.1, "map_is_zero": False}
        recordings.append(pd.DataFrame(known).assign(**place))
    for own in draws:
        assert {d.control: d.draws.shape[1] for d in own} == {"time_shift": 20, "other_recordings": 5}
    table = control_table(recordings, draws, ("anger",), config.false_discovery_rate)
    of_group = table.query("level == 'group' and metric == 'q_rmse'").set_index("control")
    assert of_group["n_draws"].to_dict() == {"time_shift": 20, "other_recordings": 5}
    assert set(of_group["n_recordings"]) == {10}
    # One draw is one of all folds' recordings: its mean is that over both.
    both = np.concatenate([own[1].draws for own in draws]).mean(axis=0)
    assert of_group.loc["other_recordings", "control_mean"] == pytest.approx(both.mean())


def test_draws_are_as_many_as_shifts_where_no_cohort_has_more_recordings_than_masks_are_drawn():
    maps, arrays = make(np.random.default_rng(7), [24, 20, 22])
    config = ControlsConfig(permutations=5, shifts=20)
    widths = {
        n_largest: contour_controls(maps, arrays, BIN_HZ, ANALYSIS, config, np.random.default_rng(0), n_largest)[1]
        for n_largest in (3, 5, 6)
    }
    assert {n_largest: own.draws.shape for n_largest, own in widths.items()} == {3: (3, 20), 5: (3, 20), 6: (3, 5)}
