"""The analysis of one model's maps as a user would write it: NumPy, recording by recording (paper, section 3.3).

With the defaults of `AnalysisConfig`; the numbers are those of `convcam_jax.measures.metrics`.
"""

from collections.abc import Sequence

import numpy as np

from convcam_jax.benchmark.inputs import Inputs

Metrics = dict[str, float]


def place(node_map: np.ndarray, inputs: Inputs, index: int) -> np.ndarray:
    """Map `[F, n]` of recording `index` in 0..1 from the map `[H, W]` >= 0 of the last convolution."""
    return scale(inputs.placement_frequency @ node_map @ inputs.placement_time.T, int(inputs.n_frames[index]))


def scale(grid_map: np.ndarray, n_frames: int) -> np.ndarray:
    """Map `[F, T]` divided by its maximum, without what lies behind the recording."""
    peak = grid_map.max()
    return (grid_map / peak if peak > 0 else grid_map)[:, :n_frames]


def analyse(maps: Sequence[np.ndarray], correct: Sequence[bool], inputs: Inputs, n_emotions: int) -> list[Metrics]:
    """Metrics of every map `[F, n]`, with masks from those of correctly classified recordings."""
    masks = np.zeros((n_emotions, *inputs.magnitude.shape[1:]))
    for index, map_ in enumerate(maps):
        if correct[index]:
            masks[inputs.emotion[index], :, : map_.shape[1]] += map_
    binary = [(mask >= 0.1 * mask.max()) & (mask.max() > 0) for mask in masks]
    return [_recording(own, index, binary[inputs.emotion[index]], inputs) for index, own in enumerate(maps)]


def _recording(map_: np.ndarray, index: int, mask: np.ndarray, inputs: Inputs) -> Metrics:
    n_frames = map_.shape[1]
    energy = inputs.energy[index, :n_frames]
    contour = map_.sum(0)
    exists = map_.max() > 0
    q = contour / contour.max() if exists else np.full(n_frames, np.nan)
    envelope = energy / energy.max()
    q_mse = float(np.mean((q - envelope) ** 2))
    voiced = inputs.voiced[index, :n_frames]
    cell_energy = inputs.magnitude[index, :, :n_frames] ** 2
    in_recording = mask[:, :n_frames]
    return {
        "q_mse": q_mse,
        "q_rmse": q_mse**0.5,
        "envelope_variance": float(envelope.var()),
        "q_voiced_excess": float(q[voiced].mean() - q[~voiced].mean()) if 0 < voiced.sum() < n_frames else np.nan,
        **_f0_metrics(map_, inputs.f0_hz[index, :n_frames], voiced, inputs.bin_hz),
        "energy_ratio": float(cell_energy[in_recording].sum() / cell_energy.sum()) if mask.any() else np.nan,
        "mask_area": float(in_recording.mean()) if mask.any() else np.nan,
        "map_is_zero": not exists,
    }


def _f0_metrics(map_: np.ndarray, f0_hz: np.ndarray, voiced: np.ndarray, bin_hz: np.ndarray) -> Metrics:
    peaks = map_.max(0)
    trajectory_hz = np.array(
        [
            bin_hz[column >= 0.5 * peak].mean() if peak > 0 else np.nan
            for column, peak in zip(map_.T, peaks, strict=True)
        ]
    )
    segments = np.split(np.arange(len(voiced)), np.flatnonzero(np.diff(voiced.astype(int))) + 1)
    counted = voiced & ~np.isnan(trajectory_hz)
    frames = [segment[counted[segment]] for segment in segments]
    frames = [segment for segment in frames if len(segment)]
    result = {}
    for unit, convert in (("hz", lambda hz: hz), ("semitones", lambda hz: 12 * np.log2(hz))):
        differences = [convert(trajectory_hz[segment]) - convert(f0_hz[segment]) for segment in frames]
        means = [difference.mean() for difference in differences]
        result[f"f0_segment_rmse_{unit}"] = float(np.sqrt(np.mean(np.square(means)))) if means else np.nan
        joined = np.concatenate(differences) if differences else np.array([np.nan])
        result[f"f0_frame_rmse_{unit}"] = float(np.sqrt(np.mean(joined**2)))
    return result
