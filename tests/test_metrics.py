"""The metrics of one recording."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures import metrics
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metric_table import METRICS

pytestmark = pytest.mark.usefixtures("strict_promotion")

F, T = 12, 30
CONFIG = AnalysisConfig()
BIN_HZ = jnp.asarray(100 * 2.0 ** (np.arange(F) / 12), dtype=jnp.float32)
F0_METRICS = [
    "f0_segment_rmse_hz",
    "f0_frame_rmse_hz",
    "f0_segment_rmse_semitones",
    "f0_frame_rmse_semitones",
]


def measured(activation, bin_hz, mask, config, **own):
    """`recording_metrics` of a recording whose emotion does not matter."""
    return metrics.recording_metrics(activation, AnalysisArrays(**own, emotion=None), bin_hz, mask, config)


compute = jax.jit(measured, static_argnames="config")


def random_recording(seed=0, n_frames=23, n_padded=T):
    """Arguments of `measured` up to the mask, with zeros from `n_frames` on."""
    rng = np.random.default_rng(seed)

    def padded(values):
        width = [(0, 0)] * (values.ndim - 1) + [(0, n_padded - n_frames)]
        return jnp.asarray(np.pad(values, width).astype(values.dtype))

    voiced = np.repeat(rng.random(-(-n_frames // 3)) < 0.6, 3)[:n_frames]
    return {
        "activation": padded(rng.random((F, n_frames), dtype=np.float32)),
        "n_frames": n_frames,
        "magnitude": padded(rng.random((F, n_frames), dtype=np.float32)),
        "energy": padded(rng.random(n_frames, dtype=np.float32)),
        "f0_hz": padded(np.where(voiced, rng.uniform(80, 300, n_frames), 0).astype(np.float32)),
        "voiced": padded(voiced),
        "bin_hz": BIN_HZ,
        "mask": jnp.asarray(np.random.default_rng(99).random((F, T)) < 0.3)[:, :n_padded],
    }


def straightforward_f0_metrics(activation, n_frames, f0_hz, voiced, bin_hz, **_):
    """Oracle: the four F0 metrics in plain loops and double precision."""
    f0_hz, bin_hz = np.asarray(f0_hz, np.float64), np.asarray(bin_hz, np.float64)
    c_hz = np.array([bin_hz[column >= column.max() / 2].mean() for column in np.asarray(activation).T])
    runs, run = [], []
    for frame in range(n_frames):
        if voiced[frame]:
            run.append(frame)
        elif run:
            runs, run = [*runs, run], []
    runs = [*runs, run] if run else runs
    sung = [[frame for frame in run if f0_hz[frame] > 0] for run in runs]
    sung = [run for run in sung if run]

    def rms(values):
        return np.sqrt(np.mean(np.square(values)))

    return {
        "f0_segment_rmse_hz": rms([f0_hz[run].mean() - c_hz[run].mean() for run in runs]),
        "f0_frame_rmse_hz": rms(np.concatenate([f0_hz[run] - c_hz[run] for run in runs])),
        "f0_segment_rmse_semitones": rms([np.mean(12 * np.log2(c_hz[run] / f0_hz[run])) for run in sung]),
        "f0_frame_rmse_semitones": rms(np.concatenate([12 * np.log2(c_hz[run] / f0_hz[run]) for run in sung])),
    }


def assert_same(first, second, **tolerance):
    for name, x, y in zip(metrics.RecordingMetrics._fields, first, second, strict=True):
        np.testing.assert_allclose(x, y, err_msg=name, **tolerance)


def test_contours_by_hand():
    activation = jnp.array([[0.0, 1.0, 2.0], [1.0, 1.0, 2.0]])
    np.testing.assert_array_equal(metrics.activation_contour(activation), [0.25, 0.5, 1])
    np.testing.assert_array_equal(metrics.energy_contour(jnp.array([1.0, 4.0, 8.0]), 2), [0.25, 1, 0])
    np.testing.assert_array_equal(metrics.activation_contour(jnp.zeros((2, 3))), np.zeros(3))
    np.testing.assert_array_equal(metrics.energy_contour(jnp.zeros(3), 2), np.zeros(3))


def test_mean_square_difference_by_hand():
    x, y = jnp.array([1.0, 0.5, 7.0]), jnp.array([0.0, 0.0, 0.0])
    assert metrics.mean_square_difference(x, y, jnp.array([True, True, False])) == 0.625
    assert metrics.frame_rmse(x, y, jnp.array([False, True, False])) == 0.5
    assert jnp.isnan(metrics.frame_rmse(x, y, jnp.zeros(3, dtype=bool)))


def test_variance_and_voiced_excess_by_hand():
    x = jnp.array([1.0, 0.5, 0.0, 7.0])
    in_recording = jnp.array([True, True, True, False])
    # Mean 0.5, deviations 0.5, 0 and -0.5.
    assert metrics.variance(x, in_recording) == pytest.approx(1 / 6)
    assert jnp.isnan(metrics.variance(x, jnp.zeros(4, dtype=bool)))
    voiced = jnp.array([True, False, False, True])
    assert metrics.voiced_excess(x, voiced, in_recording) == 0.75
    assert metrics.voiced_excess(x, ~voiced, in_recording) == -0.75
    assert jnp.isnan(metrics.voiced_excess(x, jnp.ones(4, dtype=bool), in_recording))
    assert jnp.isnan(metrics.voiced_excess(x, jnp.zeros(4, dtype=bool), in_recording))


def test_contour_against_voicing_and_against_a_constant():
    """A map in the second half only, which is voiced; the envelope 1, 0, 0, 0 with the mean 1/4."""
    recording = random_recording(n_frames=4)
    halves = {
        "activation": jnp.zeros((F, T)).at[:, 2:4].set(2.0),
        "voiced": jnp.zeros(T, dtype=bool).at[2:4].set(True),
        "energy": jnp.zeros(T).at[0].set(5.0),
    }
    result = compute(**{**recording, **halves}, config=CONFIG)
    assert result.q_voiced_excess == pytest.approx(1)
    assert result.q_mse == pytest.approx(3 / 4)
    assert result.envelope_variance == pytest.approx(3 / 16)
    # Its mean as a contour has just this error.
    level = halves["energy"].at[:4].set([1.0, 0, 0, 0])
    constant = metrics.mean_square_difference(jnp.full(T, 0.25), level, jnp.arange(T) < 4)
    assert constant == pytest.approx(result.envelope_variance)


def test_frequency_trajectory_by_hand():
    bin_hz = jnp.array([100.0, 200.0, 300.0, 400.0])
    # One peak; two cells, of which one is exactly half; cells below half; a level column; zeros.
    columns = [[0, 1, 0, 0], [2, 0, 0, 1], [0.49, 0, 1, 0.49], [3, 3, 3, 3], [0, 0, 0, 0]]
    activation = jnp.array(columns, dtype=jnp.float32).T
    np.testing.assert_array_equal(metrics.frequency_trajectory(activation, bin_hz, 0.5), [200, 250, 300, 250, np.nan])
    lower = metrics.frequency_trajectory(activation, bin_hz, 0.4)
    np.testing.assert_allclose(lower, [200, 250, 800 / 3, 250, np.nan], rtol=1e-6)


def test_segment_index_by_hand():
    voiced = jnp.array([True, False, False, True, True, False, True])
    np.testing.assert_array_equal(metrics.segment_index(voiced), [0, 4, 4, 1, 1, 4, 2])
    # As many segments as there can be.
    np.testing.assert_array_equal(metrics.segment_index(jnp.array([True, False, True])), [0, 2, 1])
    np.testing.assert_array_equal(metrics.segment_index(jnp.zeros(2, dtype=bool)), [1, 1])


def test_segment_rmse_by_hand():
    x = jnp.array([1.0, 3.0, 9.0, 5.0, 9.0])
    y = jnp.array([0.0, 0.0, 0.0, 1.0, 0.0])
    voiced = jnp.array([True, True, False, True, False])
    segment = metrics.segment_index(voiced)
    # Means differ by 2 in the first segment and by 4 in the second: the weights are equal, whatever the lengths.
    assert metrics.segment_rmse(x, y, voiced, segment) == pytest.approx(np.sqrt(10))
    # Without its second frame the first segment differs by 1; without any frame it does not count.
    assert metrics.segment_rmse(x, y, voiced.at[1].set(False), segment) == pytest.approx(np.sqrt(8.5))
    assert metrics.segment_rmse(x, y, voiced.at[:2].set(False), segment) == 4
    assert jnp.isnan(metrics.segment_rmse(x, y, jnp.zeros(5, dtype=bool), segment))
    # Unvoiced frames belong to no segment.
    assert metrics.segment_rmse(x, y, jnp.ones(5, dtype=bool), segment) == pytest.approx(np.sqrt(10))


def test_an_octave_is_twelve_semitones():
    hz = jnp.array([110.0, 220.0, 440.0, 880.0])
    np.testing.assert_allclose(jnp.diff(metrics.semitones(hz)), 12, rtol=1e-6)


def test_energy_ratio_and_area_by_hand():
    magnitude = jnp.array([[1.0, 2.0, 50.0], [0.0, 2.0, 50.0]])
    mask = jnp.array([[True, False, True], [False, True, False]])
    # Energies 1, 4 and 4; the third frame is behind the recording.
    assert metrics.energy_ratio(magnitude, mask, 2) == pytest.approx(5 / 9)
    assert metrics.mask_area(mask, 2) == 0.5
    assert metrics.energy_ratio(1e-25 * magnitude, mask, 2) == pytest.approx(5 / 9)
    assert metrics.energy_ratio(magnitude, jnp.ones((2, 3), dtype=bool), 2) == 1


def test_a_metric_says_whether_it_is_of_the_mask():
    """A recording without a label has none, and is not given what differs without one."""
    recording = random_recording()
    no_mask = jnp.zeros_like(recording["mask"])
    found, other = (compute(**{**recording, "mask": mask}, config=CONFIG) for mask in (recording["mask"], no_mask))
    changed = [
        name for name in found._fields if not np.array_equal(getattr(found, name), getattr(other, name), equal_nan=True)
    ]
    assert changed == [name for name, metric in METRICS.items() if metric.of_mask]


def test_a_mask_behind_the_recording_holds_nothing_and_no_mask_is_nan():
    magnitude = jnp.ones((2, 3))
    behind = jnp.array([[False, False, True], [False, False, False]])
    assert metrics.energy_ratio(magnitude, behind, 2) == 0
    assert metrics.mask_area(behind, 2) == 0
    nothing = jnp.zeros((2, 3), dtype=bool)
    assert jnp.isnan(metrics.energy_ratio(magnitude, nothing, 2))
    assert jnp.isnan(metrics.mask_area(nothing, 2))
    assert jnp.isnan(metrics.energy_ratio(jnp.zeros((2, 3)), behind, 3))


@pytest.mark.parametrize("seed", range(5))
def test_f0_metrics_equal_plain_loops(seed):
    recording = random_recording(seed)
    # As in the published processing: a voiced frame at 0 Hz.
    first_voiced = int(np.argmax(recording["voiced"]))
    recording["f0_hz"] = recording["f0_hz"].at[first_voiced].set(0)
    result = compute(**recording, config=CONFIG)
    for name, expected in straightforward_f0_metrics(**recording).items():
        assert getattr(result, name) == pytest.approx(expected, rel=1e-5), name


def test_a_map_on_the_f0_has_no_distance_from_it():
    recording = random_recording()
    row = np.random.default_rng(3).integers(0, F, T)
    activation = jnp.zeros((F, T)).at[row, np.arange(T)].set(1.0)
    f0_hz = jnp.where(recording["voiced"], BIN_HZ[row], 0)
    result = compute(**{**recording, "activation": activation, "f0_hz": f0_hz}, config=CONFIG)
    assert [float(getattr(result, name)) for name in F0_METRICS] == pytest.approx([0, 0, 0, 0], abs=1e-5)
    # Two semitones (bins) too high everywhere.
    result = compute(**{**recording, "activation": activation, "f0_hz": f0_hz * 2 ** (-2 / 12)}, config=CONFIG)
    assert result.f0_segment_rmse_semitones == pytest.approx(2, rel=1e-5)
    assert result.f0_frame_rmse_semitones == pytest.approx(2, rel=1e-5)


def test_a_contour_that_moves_the_wrong_way_costs_frames_but_not_segments():
    """Why the corrected protocol compares frame by frame."""
    recording = random_recording()
    activation = jnp.zeros((F, T)).at[[2, 1, 0], [0, 1, 2]].set(1.0)
    f0_hz = jnp.zeros(T).at[:3].set(BIN_HZ[:3])
    voiced = jnp.zeros(T, dtype=bool).at[:3].set(True)
    changed = {"activation": activation, "f0_hz": f0_hz, "voiced": voiced}
    result = compute(**{**recording, **changed}, config=CONFIG)
    assert result.f0_segment_rmse_hz == pytest.approx(0, abs=1e-4)
    assert result.f0_frame_rmse_semitones == pytest.approx(np.sqrt(8 / 3), rel=1e-5)


def test_scales_of_map_energy_and_magnitude_do_not_matter():
    recording = random_recording()
    scaled = {name: recording[name] * 0.01 for name in ("activation", "magnitude", "energy")}
    expected = compute(**recording, config=CONFIG)
    assert_same(compute(**{**recording, **scaled}, config=CONFIG), expected, rtol=1e-5)


def test_padding_has_no_influence():
    n_frames = 23
    tight = random_recording(n_frames=n_frames, n_padded=n_frames)
    padded = random_recording(n_frames=n_frames)
    # Not even where it is not zero.
    behind = jnp.arange(T) >= n_frames
    for name in ("activation", "magnitude", "energy", "f0_hz"):
        padded[name] = jnp.where(behind, 1e4, padded[name])
    padded["voiced"] = padded["voiced"] | behind
    first = compute(**padded, config=CONFIG)
    assert_same(first, compute(**tight, config=CONFIG), rtol=1e-6)


def test_recording_without_voice():
    recording = random_recording() | {"voiced": jnp.zeros(T, dtype=bool), "f0_hz": jnp.zeros(T)}
    result = compute(**recording, config=CONFIG)
    assert all(jnp.isnan(getattr(result, name)) for name in F0_METRICS)
    assert 0 < result.q_mse < 1
    assert jnp.isnan(result.q_voiced_excess)
    assert not result.map_is_zero


def test_recording_with_voice_at_0_hz_only_has_no_semitones():
    recording = random_recording() | {"f0_hz": jnp.zeros(T)}
    result = compute(**recording, config=CONFIG)
    assert jnp.isnan(result.f0_segment_rmse_semitones)
    assert jnp.isnan(result.f0_frame_rmse_semitones)
    assert result.f0_frame_rmse_hz > 100


def test_map_of_zeros():
    recording = random_recording()
    behind = jnp.arange(T) >= recording["n_frames"]
    result = compute(**{**recording, "activation": jnp.where(behind, jnp.ones((F, T)), 0)}, config=CONFIG)
    assert result.map_is_zero
    assert jnp.isnan(result.q_mse)
    assert jnp.isnan(result.q_rmse)
    assert jnp.isnan(result.q_voiced_excess)
    assert 0 < result.envelope_variance < 1
    assert all(jnp.isnan(getattr(result, name)) for name in F0_METRICS)


@pytest.mark.parametrize("recording", [random_recording(), random_recording() | {"voiced": jnp.zeros(T, dtype=bool)}])
def test_values_that_do_not_exist_are_no_error_where_jax_seeks_nan(recording):
    expected = measured(**recording, config=CONFIG)
    with jax.debug_nans(True):
        found = measured(**recording, config=CONFIG)
        mapped = jax.vmap(lambda activation: measured(**{**recording, "activation": activation}, config=CONFIG))
        several = mapped(recording["activation"][None])
    assert_same(found, expected)
    assert_same(jax.tree.map(lambda values: values[0], several), expected, rtol=1e-5)


@pytest.mark.parametrize("n_frames", [23, np.int32(23), np.int64(23)])
def test_the_width_of_numbers_that_jax_is_set_to_does_not_matter(n_frames):
    recording = random_recording()
    expected = measured(**recording, config=CONFIG)
    with jax.enable_x64(True):
        found = measured(**{**recording, "n_frames": jnp.asarray(n_frames)}, config=CONFIG)
        assert_same(found, expected, rtol=1e-6)
        assert_same(measured(**{**recording, "n_frames": n_frames}, config=CONFIG), expected, rtol=1e-6)


def test_jit_and_vmap_agree_with_a_loop():
    recordings = [random_recording(seed, n_frames) for seed, n_frames in enumerate((T, 23, 1))]
    loop = [measured(**recording, config=CONFIG) for recording in recordings]
    stacked = {name: jnp.stack([jnp.asarray(r[name]) for r in recordings]) for name in recordings[0]}
    batched = jax.jit(jax.vmap(lambda recording: measured(**recording, config=CONFIG)))
    assert_same(batched(stacked), jax.tree.map(lambda *x: jnp.stack(x), *loop), rtol=1e-5, atol=1e-5)
