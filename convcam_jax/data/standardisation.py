"""Mean and deviation of the network's inputs over the recordings that a member is trained on."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64, Int

from convcam_jax.data.recordings import ABSENT, Recordings
from convcam_jax.representations.scale import Scale

# A bin's least deviation, as a share of what nine of ten bins do not exceed. Bins above the band of all recordings are
# empty but for what resampling leaves there: divided by the deviation of that, sound of wider bands would be thousands.
# Of EMO-DB, RAVDESS and TESS, in all representations, every bin has more: 0.34 or more of decibels, 0.1 of square
# roots (0.068 of the embedded voices), 0.008 of magnitudes; of copies at 8 kHz the empty bins have less, but for some
# of the gammatone's decibels. Magnitudes and their squares differ so much between bins that no floor helps them much.
LEAST_DEVIATION: Mapping[Scale, float] = {
    "decibel": 1 / 4,
    "square_root": 1 / 16,
    "magnitude": 1 / 256,
    "power": 1 / 65536,
}
_HIGH = 0.9


def fit_statistics(
    recordings: Recordings, indices: Int[np.ndarray, "*any"], per_bin: bool, scale: Scale
) -> dict[str, Float64[np.ndarray, " F"]]:
    """Mean and standard deviation of every bin over the frames of some recordings; not over what lies beyond these.

    Args:
      recordings: all of the run.
      indices: of those that it is fitted on, or `ABSENT`.
      per_bin: each bin by itself; else all bins together have one mean and one deviation.
      scale: of the spectrograms.

    Returns:
      `mean` and `deviation`; that of a bin is at least `LEAST_DEVIATION`, and 1 where all is the same everywhere.
    """
    fitted = np.unique(indices[indices != ABSENT])
    lengths = np.asarray(recordings.n_frames)
    frames = [np.asarray(recordings.spectrograms[i], np.float64)[:, : lengths[i]] for i in fitted]
    values = np.concatenate(frames, axis=1)
    axes = 1 if per_bin else None
    mean, deviation = values.mean(axis=axes), values.std(axis=axes)
    deviation = np.maximum(deviation, LEAST_DEVIATION[scale] * np.quantile(deviation, _HIGH))
    n_bins = len(values)
    return {
        "mean": np.broadcast_to(mean, (n_bins,)).copy(),
        "deviation": np.broadcast_to(np.where(deviation > 0, deviation, 1.0), (n_bins,)).copy(),
    }
