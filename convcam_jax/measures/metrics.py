"""What is measured on the activation map of ONE recording (paper, section 3.3, Eq. 6 to 10).

All arrays are padded to T frames, and the scalar `n_frames` says how many belong to the recording; what lies behind
them has no influence. `activation` [F, T] is >= 0, its scale does not matter. jit- and vmap-able over recordings and
members. NaN stands for a value that does not exist, and is never the result of a division by zero on the way.
Axes: F frequency bin, T time frame.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.missing_values import nan_allowed

SEMITONES_PER_OCTAVE = 12


class RecordingMetrics(NamedTuple):
    """The metrics of one recording; scalars, or arrays under vmap. The names are those of metrics.csv."""

    q_mse: Array
    q_rmse: Array
    envelope_variance: Array
    q_voiced_excess: Array  # -1..1
    f0_segment_rmse_hz: Array
    f0_frame_rmse_hz: Array
    f0_segment_rmse_semitones: Array
    f0_frame_rmse_semitones: Array
    energy_ratio: Array  # 0..1
    mask_area: Array  # 0..1
    map_is_zero: Array  # bool


class TrajectoryErrors(NamedTuple):
    """The errors between F0 and the trajectory c of one recording, by their names in metrics.csv."""

    f0_segment_rmse_hz: Array
    f0_frame_rmse_hz: Array
    f0_segment_rmse_semitones: Array
    f0_frame_rmse_semitones: Array


@nan_allowed
def recording_metrics(
    activation: Float[Array, "F T"],
    arrays: AnalysisArrays,
    bin_hz: Float[Array, " F"],
    mask: Bool[Array, "F T"],
    config: AnalysisConfig,
) -> RecordingMetrics:
    """All metrics of one recording.

    `activation` >= 0; `arrays`: what else is known of the recording, without the axis N: magnitude >= 0, energy >= 0,
    not normalised, F0 in Hz, 0 where unvoiced, and voicing; `mask`: the binarised mask of the recording's emotion.
    A map that is zero in the whole recording has no contour, so its q metrics are NaN: zeros would lie closer to many
    an envelope than any map does. `envelope_variance` is a property of the recording: the q_mse of the best constant,
    the mean of Q. Frames where the map is zero have no dominant frequency and do not count in the F0 metrics, which are
    NaN for a recording without any frame that counts. Frames at 0 Hz, which only the published reading of F0 has, do
    not count in semitones.
    """
    in_recording = _in_recording(activation.shape[1], arrays.n_frames)
    activation = jnp.where(in_recording[None, :], activation, 0)
    map_is_zero = jnp.max(activation) <= 0
    contour, envelope = activation_contour(activation), energy_contour(arrays.energy, arrays.n_frames)
    has_contour = in_recording & ~map_is_zero
    q_mse = mean_square_difference(contour, envelope, has_contour)

    trajectory_hz = frequency_trajectory(activation, bin_hz, config.trajectory_threshold)
    return RecordingMetrics(
        q_mse=q_mse,
        q_rmse=jnp.sqrt(q_mse),
        envelope_variance=variance(envelope, in_recording),
        q_voiced_excess=voiced_excess(contour, arrays.voiced, has_contour),
        **trajectory_errors(trajectory_hz, arrays.f0_hz, arrays.voiced & in_recording)._asdict(),
        energy_ratio=energy_ratio(arrays.magnitude, mask, arrays.n_frames),
        mask_area=mask_area(mask, arrays.n_frames),
        map_is_zero=map_is_zero,
    )


def trajectory_errors(
    trajectory_hz: Float[Array, " T"], f0_hz: Float[Array, " T"], voiced: Bool[Array, " T"]
) -> TrajectoryErrors:
    """Errors between c and F0 in Hz over the frames `voiced` where c exists."""
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


def activation_contour(activation: Float[Array, "F T"]) -> Float[Array, " T"]:
    """Contour q in 0..1: column sums of `activation` over their maximum (Eq. 6); zeros stay zeros."""
    return _divided_by_maximum(jnp.sum(activation, axis=0))


def energy_contour(energy: Float[Array, " T"], n_frames: Int[ArrayLike, ""]) -> Float[Array, " T"]:
    """Envelope Q in 0..1: the energies of the frames over their maximum, 0 behind the recording (Eq. 7)."""
    return _divided_by_maximum(jnp.where(_in_recording(len(energy), n_frames), energy, 0))


def mean_square_difference(
    x: Float[Array, " T"], y: Float[Array, " T"] | Float[Array, ""], selected: Bool[Array, " T"]
) -> Float[Array, ""]:
    """Mean of (x - y)^2 over the frames `selected`; NaN if there is none. The radicand of Eq. 8."""
    return _mean(jnp.square(x - y), selected)


def variance(x: Float[Array, " T"], selected: Bool[Array, " T"]) -> Float[Array, ""]:
    """Variance over the frames `selected`: the mean squared difference to their mean; NaN if there is none."""
    return mean_square_difference(x, _mean(x, selected), selected)


def voiced_excess(x: Float[Array, " T"], voiced: Bool[Array, " T"], selected: Bool[Array, " T"]) -> Float[Array, ""]:
    """Mean of `x` over the voiced frames minus its mean over the unvoiced ones, of those `selected`.

    NaN if there are no voiced or no unvoiced frames.
    """
    return _mean(x, voiced & selected) - _mean(x, ~voiced & selected)


def frequency_trajectory(
    activation: Float[Array, "F T"], bin_hz: Float[Array, " F"], threshold: float
) -> Float[Array, " T"]:
    """Trajectory c in Hz: mean centre frequency of each column's cells >= `threshold` times its maximum (Eq. 9).

    The mean is plain: a cell counts or does not. A column of zeros has no cell that counts, and c is NaN there; none of
    the published maps that are at hand has such a column in a voiced frame.
    """
    cells = dominant_cells(activation, threshold)
    count = jnp.sum(cells, axis=0, dtype=bin_hz.dtype)
    mean_hz = jnp.sum(jnp.where(cells, bin_hz[:, None], 0), axis=0) / jnp.maximum(count, 1)
    return jnp.where(count > 0, mean_hz, jnp.nan)


def dominant_cells(activation: Float[Array, "F T"], threshold: float) -> Bool[Array, "F T"]:
    """Cells that are >= `threshold` times their column's maximum, where c is read; none in zeros."""
    peaks = jnp.max(activation, axis=0, keepdims=True)
    return (activation >= threshold * peaks) & (peaks > 0)


def semitones(frequency_hz: Float[Array, "..."]) -> Float[Array, "..."]:
    """Frequency in semitones above 1 Hz."""
    return SEMITONES_PER_OCTAVE * jnp.log2(frequency_hz)


def frame_rmse(x: Float[Array, " T"], y: Float[Array, " T"], selected: Bool[Array, " T"]) -> Float[Array, ""]:
    """Root of the mean squared difference over the frames `selected` (Eq. 8); NaN if there is none."""
    return jnp.sqrt(mean_square_difference(x, y, selected))


def segment_rmse(
    x: Float[Array, " T"], y: Float[Array, " T"], selected: Bool[Array, " T"], segment: Int[Array, " T"]
) -> Float[Array, ""]:
    """Root of the mean squared difference between the segments' means of `x` and of `y` (what Table 4 holds).

    Each segment has weight 1, however long it is. `segment` as `segment_index` gives it; only the frames `selected`
    count in the means, and a segment without such a frame does not count. NaN if there is none.
    """
    n_segments = _most_segments(len(segment))

    def sum_per_segment(values: Float[Array, " T"]) -> Float[Array, " n_segments"]:
        return jax.ops.segment_sum(jnp.where(selected, values, 0), segment, num_segments=n_segments + 1)[:-1]

    count = sum_per_segment(jnp.ones_like(x))
    difference = sum_per_segment(x - y) / jnp.maximum(count, 1)
    return jnp.sqrt(_mean(jnp.square(difference), count > 0))


def segment_index(voiced: Bool[Array, " T"]) -> Int[Array, " T"]:
    """Number of the voiced segment, a run of voiced frames, that a frame belongs to, from 0 on in order of time.

    Unvoiced frames get one number above the highest that is possible, (T + 1) // 2.
    """
    starts = voiced & ~jnp.concatenate([jnp.zeros(1, dtype=bool), voiced[:-1]])
    return jnp.where(voiced, jnp.cumsum(starts) - 1, _most_segments(len(voiced)))


def energy_ratio(
    magnitude: Float[Array, "F T"], mask: Bool[Array, "F T"], n_frames: Int[ArrayLike, ""]
) -> Float[Array, ""]:
    """E-hat in 0..1: the share of the recording's energy, sum of `magnitude`^2 (Eq. 10), that lies inside `mask`.

    NaN if the mask has no cell on the whole grid, which says that there is none, and if the recording is silent.
    """
    in_recording = _in_recording(magnitude.shape[1], n_frames)[None, :]
    peak = jnp.max(jnp.where(in_recording, magnitude, 0))
    # Scaled first, so that the squares of a quiet recording do not vanish in single precision.
    cell_energy = jnp.square(jnp.where(in_recording, magnitude, 0) / jnp.where(peak > 0, peak, 1))
    total = jnp.sum(cell_energy)
    exists = jnp.any(mask) & (total > 0)
    return jnp.where(exists, jnp.sum(jnp.where(mask, cell_energy, 0)) / jnp.where(total > 0, total, 1), jnp.nan)


def mask_area(mask: Bool[Array, "F T"], n_frames: Int[ArrayLike, ""]) -> Float[Array, ""]:
    """Share in 0..1 of the recording's F x n_frames cells inside `mask`; NaN if there is no mask."""
    in_recording = _in_recording(mask.shape[1], n_frames)[None, :]
    area = jnp.sum(mask & in_recording) / (mask.shape[0] * jnp.asarray(n_frames, int))
    return jnp.where(jnp.any(mask), area, jnp.nan)


def _in_recording(n_padded: int, n_frames: Int[ArrayLike, ""]) -> Bool[Array, " n_padded"]:
    # Of one width, whatever width of whole numbers JAX is set to.
    return jnp.arange(n_padded) < jnp.asarray(n_frames, int)


def _most_segments(n_frames: int) -> int:
    return (n_frames + 1) // 2


def _mean(values: Float[Array, " T"], selected: Bool[Array, " T"]) -> Float[Array, ""]:
    count = jnp.sum(selected, dtype=values.dtype)
    mean = jnp.sum(jnp.where(selected, values, 0)) / jnp.maximum(count, 1)
    return jnp.where(count > 0, mean, jnp.nan)


def _divided_by_maximum(values: Float[Array, " T"]) -> Float[Array, " T"]:
    peak = jnp.max(values)
    return values / jnp.where(peak > 0, peak, 1)
