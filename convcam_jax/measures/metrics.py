"""What is measured on the activation map of ONE recording (paper, section 3.3, Eq. 6 to 10).

All arrays are padded to T frames, and the scalar `n_frames` says how many belong to the recording; what lies behind
them has no influence. `activation` [F, T] is >= 0, its scale does not matter. jit- and vmap-able over recordings and
members. NaN stands for a value that does not exist, and is never the result of a division by zero on the way.
Axes: F frequency bin, T time frame.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from convcam_jax.settings.config import AnalysisConfig

SEMITONES_PER_OCTAVE = 12


class RecordingMetrics(NamedTuple):
    """The metrics of one recording; scalars, or arrays under vmap. The names are those of metrics.csv."""

    q_mse: jax.Array
    q_rmse: jax.Array
    envelope_variance: jax.Array
    q_voiced_excess: jax.Array  # -1..1
    f0_segment_rmse_hz: jax.Array
    f0_frame_rmse_hz: jax.Array
    f0_segment_rmse_semitones: jax.Array
    f0_frame_rmse_semitones: jax.Array
    energy_ratio: jax.Array  # 0..1
    mask_area: jax.Array  # 0..1
    map_is_zero: jax.Array  # bool


# The metrics that are numbers, of which there are means and tables.
_OTHERS = ("envelope_variance", "q_voiced_excess", "map_is_zero")
METRICS = tuple(name for name in RecordingMetrics._fields if name not in _OTHERS)


class TrajectoryErrors(NamedTuple):
    """The errors between F0 and the trajectory c of one recording, by their names in metrics.csv."""

    f0_segment_rmse_hz: jax.Array
    f0_frame_rmse_hz: jax.Array
    f0_segment_rmse_semitones: jax.Array
    f0_frame_rmse_semitones: jax.Array


def recording_metrics(
    activation: jax.Array,
    n_frames: jax.Array | int,
    cqt: jax.Array,
    energy: jax.Array,
    f0_hz: jax.Array,
    voiced: jax.Array,
    bin_hz: jax.Array,
    mask: jax.Array,
    config: AnalysisConfig,
) -> RecordingMetrics:
    """All metrics of one recording.

    `activation` [F, T] >= 0; `cqt` [F, T] magnitude; `energy` [T] >= 0, not normalised; `f0_hz` [T], 0 where unvoiced;
    `voiced` [T] bool; `bin_hz` [F]; `mask` [F, T] bool, the binarised mask of the recording's emotion.
    A map that is zero in the whole recording has no contour, so its q metrics are NaN: zeros would lie closer to many
    an envelope than any map does. `envelope_variance` is a property of the recording: the q_mse of the best constant,
    the mean of Q. Frames where the map is zero have no dominant frequency and do not count in the F0 metrics, which are
    NaN for a recording without any frame that counts. Frames at 0 Hz, which only the published reading of F0 has, do
    not count in semitones.
    """
    in_recording = jnp.arange(activation.shape[1]) < n_frames
    activation = jnp.where(in_recording[None, :], activation, 0)
    map_is_zero = jnp.max(activation) <= 0
    contour, envelope = activation_contour(activation), energy_contour(energy, n_frames)
    has_contour = in_recording & ~map_is_zero
    q_mse = mean_square_difference(contour, envelope, has_contour)

    trajectory_hz = frequency_trajectory(activation, bin_hz, config.trajectory_threshold)
    return RecordingMetrics(
        q_mse=q_mse,
        q_rmse=jnp.sqrt(q_mse),
        envelope_variance=variance(envelope, in_recording),
        q_voiced_excess=voiced_excess(contour, voiced, has_contour),
        **trajectory_errors(trajectory_hz, f0_hz, voiced & in_recording)._asdict(),
        energy_ratio=energy_ratio(cqt, mask, n_frames),
        mask_area=mask_area(mask, n_frames),
        map_is_zero=map_is_zero,
    )


def trajectory_errors(trajectory_hz: jax.Array, f0_hz: jax.Array, voiced: jax.Array) -> TrajectoryErrors:
    """Errors between c and F0 [T] in Hz over the frames `voiced` [T] bool where c exists."""
    in_hz = voiced & ~jnp.isnan(trajectory_hz)
    in_semitones = in_hz & (f0_hz > 0)
    f0_semitones = semitones(jnp.where(in_semitones, f0_hz, 1))
    trajectory_semitones = semitones(trajectory_hz)
    segment = segment_index(voiced)
    return TrajectoryErrors(
        f0_segment_rmse_hz=segment_rmse(trajectory_hz, f0_hz, in_hz, segment),
        f0_frame_rmse_hz=frame_rmse(trajectory_hz, f0_hz, in_hz),
        f0_segment_rmse_semitones=segment_rmse(trajectory_semitones, f0_semitones, in_semitones, segment),
        f0_frame_rmse_semitones=frame_rmse(trajectory_semitones, f0_semitones, in_semitones),
    )


def activation_contour(activation: jax.Array) -> jax.Array:
    """Contour q [T] in 0..1: column sums of `activation` [F, T] over their maximum (Eq. 6); zeros stay zeros."""
    return _divided_by_maximum(jnp.sum(activation, axis=0))


def energy_contour(energy: jax.Array, n_frames: jax.Array | int) -> jax.Array:
    """Envelope Q [T] in 0..1: the energies [T] of the frames over their maximum, 0 behind the recording (Eq. 7)."""
    return _divided_by_maximum(jnp.where(jnp.arange(len(energy)) < n_frames, energy, 0))


def mean_square_difference(x: jax.Array, y: jax.Array, selected: jax.Array) -> jax.Array:
    """Mean of (x - y)^2 over the frames `selected` [T] bool; NaN if there is none. The radicand of Eq. 8."""
    return _mean(jnp.square(x - y), selected)


def variance(x: jax.Array, selected: jax.Array) -> jax.Array:
    """Variance over the frames `selected` [T] bool: the mean squared difference to their mean; NaN if there is none."""
    return mean_square_difference(x, _mean(x, selected), selected)


def voiced_excess(x: jax.Array, voiced: jax.Array, selected: jax.Array) -> jax.Array:
    """Mean of `x` over the voiced frames minus its mean over the unvoiced ones, of those `selected`; all [T].

    NaN if there are no voiced or no unvoiced frames.
    """
    return _mean(x, voiced & selected) - _mean(x, ~voiced & selected)


def frequency_trajectory(activation: jax.Array, bin_hz: jax.Array, threshold: float) -> jax.Array:
    """Trajectory c [T] in Hz: mean centre frequency of each column's cells >= `threshold` times its maximum (Eq. 9).

    The mean is plain: a cell counts or does not. A column of zeros has no cell that counts, and c is NaN there; none of
    the published maps that are at hand has such a column in a voiced frame.
    """
    cells = dominant_cells(activation, threshold)
    count = jnp.sum(cells, axis=0)
    mean_hz = jnp.sum(jnp.where(cells, bin_hz[:, None], 0), axis=0) / jnp.maximum(count, 1)
    return jnp.where(count > 0, mean_hz, jnp.nan)


def dominant_cells(activation: jax.Array, threshold: float) -> jax.Array:
    """Cells [F, T] bool that are >= `threshold` times their column's maximum, where c is read; none in zeros."""
    peaks = jnp.max(activation, axis=0)
    return (activation >= threshold * peaks) & (peaks > 0)


def semitones(frequency_hz: jax.Array) -> jax.Array:
    """Frequency in semitones above 1 Hz."""
    return SEMITONES_PER_OCTAVE * jnp.log2(frequency_hz)


def frame_rmse(x: jax.Array, y: jax.Array, selected: jax.Array) -> jax.Array:
    """Root of the mean squared difference over the frames `selected` [T] bool (Eq. 8); NaN if there is none."""
    return jnp.sqrt(mean_square_difference(x, y, selected))


def segment_rmse(x: jax.Array, y: jax.Array, selected: jax.Array, segment: jax.Array) -> jax.Array:
    """Root of the mean squared difference between the segments' means of `x` and of `y` [T] (what Table 4 holds).

    Each segment has weight 1, however long it is. `segment` [T] as `segment_index` gives it; only the frames `selected`
    [T] bool count in the means, and a segment without such a frame does not count. NaN if there is none.
    """
    n_segments = _most_segments(len(segment))

    def sum_per_segment(values: jax.Array) -> jax.Array:
        return jax.ops.segment_sum(jnp.where(selected, values, 0), segment, num_segments=n_segments + 1)[:-1]

    count = sum_per_segment(jnp.ones_like(x))
    difference = sum_per_segment(x - y) / jnp.maximum(count, 1)
    return jnp.sqrt(_mean(jnp.square(difference), count > 0))


def segment_index(voiced: jax.Array) -> jax.Array:
    """Number [T] of the voiced segment, a run of voiced frames, that a frame belongs to, from 0 on in order of time.

    Unvoiced frames get one number above the highest that is possible, (T + 1) // 2.
    """
    starts = voiced & ~jnp.concatenate([jnp.zeros(1, dtype=bool), voiced[:-1]])
    return jnp.where(voiced, jnp.cumsum(starts) - 1, _most_segments(len(voiced)))


def energy_ratio(cqt: jax.Array, mask: jax.Array, n_frames: jax.Array | int) -> jax.Array:
    """E-hat in 0..1: the share of the recording's energy, sum of `cqt`^2 (Eq. 10), that lies inside `mask` [F, T] bool.

    NaN if the mask has no cell on the whole grid, which says that there is none, and if the recording is silent.
    """
    in_recording = (jnp.arange(cqt.shape[1]) < n_frames)[None, :]
    peak = jnp.max(jnp.where(in_recording, cqt, 0))
    # Scaled first, so that the squares of a quiet recording do not vanish in single precision.
    cell_energy = jnp.square(jnp.where(in_recording, cqt, 0) / jnp.where(peak > 0, peak, 1))
    total = jnp.sum(cell_energy)
    exists = jnp.any(mask) & (total > 0)
    return jnp.where(exists, jnp.sum(jnp.where(mask, cell_energy, 0)) / jnp.where(total > 0, total, 1), jnp.nan)


def mask_area(mask: jax.Array, n_frames: jax.Array | int) -> jax.Array:
    """Share in 0..1 of the recording's F x n_frames cells inside `mask` [F, T] bool; NaN if there is no mask."""
    in_recording = (jnp.arange(mask.shape[1]) < n_frames)[None, :]
    area = jnp.sum(mask & in_recording) / (mask.shape[0] * n_frames)
    return jnp.where(jnp.any(mask), area, jnp.nan)


def _most_segments(n_frames: int) -> int:
    return (n_frames + 1) // 2


def _mean(values: jax.Array, selected: jax.Array) -> jax.Array:
    count = jnp.sum(selected)
    mean = jnp.sum(jnp.where(selected, values, 0)) / jnp.maximum(count, 1)
    return jnp.where(count > 0, mean, jnp.nan)


def _divided_by_maximum(values: jax.Array) -> jax.Array:
    peak = jnp.max(values)
    return values / jnp.where(peak > 0, peak, 1)
