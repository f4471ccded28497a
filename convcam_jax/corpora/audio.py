"""Reading one wav file, with all checks that a recording has to pass."""

import math
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray

from convcam_jax.system.errors import RecordingError


class Recording(NamedTuple):
    """One recording at the rate asked for, and the rate of its file."""

    samples: NDArray[np.float64]  # [N], -1..1
    file_rate_hz: int


def read_recording(path: Path, sample_rate_hz: int, shortest_s: float) -> Recording:
    """Read the mono recording at `path`, resampled to `sample_rate_hz` where its file has another rate.

    Raises RecordingError if it is missing, unreadable, stereo, empty, silent, not finite or below `shortest_s` seconds.
    """
    if not path.is_file():
        raise RecordingError(path.stem, f"{path} is missing; put it there or take it off the list")
    try:
        samples, file_rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise RecordingError(
            path.stem, f"{path} cannot be read as audio ({reason}); replace it by a wav file"
        ) from error
    if samples.shape[1] != 1:
        raise RecordingError(path.stem, f"{path} has {samples.shape[1]} channels; mix it down to one (mono)")
    problem = sample_problem(samples[:, 0], file_rate_hz, shortest_s)
    if problem:
        raise RecordingError(path.stem, f"{path} {problem}")
    if file_rate_hz == sample_rate_hz:
        return Recording(samples[:, 0], file_rate_hz)
    return Recording(librosa.resample(samples[:, 0], orig_sr=file_rate_hz, target_sr=sample_rate_hz), file_rate_hz)


def sample_problem(samples: NDArray[np.float64], rate_hz: int, shortest_s: float) -> str:
    """What keeps `samples` [N] from being used, and what to do about it; "" if nothing does."""
    if len(samples) == 0:
        return "is empty (0 samples); record it again or remove it"
    if len(samples) < math.ceil(shortest_s * rate_hz):
        return (
            f"is too short ({1000 * len(samples) / rate_hz:.1f} ms; pitch analysis needs {1000 * shortest_s:.1f} ms); "
            "record it again or remove it"
        )
    if not np.isfinite(samples).all():
        return "has samples that are not finite numbers; export it again or remove it"
    if np.ptp(samples) == 0:
        return "is silent (all samples are equal); record it again or remove it"
    return ""
