"""Mean and deviation of the network's inputs over the recordings that a member is trained on."""

import numpy as np
from jaxtyping import Float64, Int

from convcam_jax.data.recordings import ABSENT, Recordings


def fit_statistics(
    recordings: Recordings, indices: Int[np.ndarray, "*any"], per_bin: bool
) -> dict[str, Float64[np.ndarray, " F"]]:
    """Mean and standard deviation of every bin over the frames of some recordings; not over what lies beyond these.

    Args:
      recordings: all of the run.
      indices: of those that it is fitted on, or `ABSENT`.
      per_bin: each bin by itself; else all bins together have one mean and one deviation.

    Returns:
      `mean` and `deviation`, which is 1 for what is the same everywhere.
    """
    fitted = np.unique(indices[indices != ABSENT])
    lengths = np.asarray(recordings.n_frames)
    frames = [np.asarray(recordings.spectrograms[i], np.float64)[:, : lengths[i]] for i in fitted]
    values = np.concatenate(frames, axis=1)
    axes = 1 if per_bin else None
    mean, deviation = values.mean(axis=axes), values.std(axis=axes)
    n_bins = len(values)
    return {
        "mean": np.broadcast_to(mean, (n_bins,)).copy(),
        "deviation": np.broadcast_to(np.where(deviation > 0, deviation, 1.0), (n_bins,)).copy(),
    }
