"""Wav files: one read with all checks that a recording has to pass, and the content of a new one."""

import io
import math
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float, Float64

from convcam_jax.corpora.resampling import resample
from convcam_jax.system.errors import RecordingError


class Recording(NamedTuple):
    """One recording at the rate asked for, and the rate and number of channels of its file."""

    samples: Float64[np.ndarray, "N"]  # -1..1
    file_rate_hz: int
    n_channels: int


def read_recording(
    path: Path, sample_rate_hz: int, shortest_s: float, channels: Literal["refuse", "mix"] = "refuse"
) -> Recording:
    """Read the recording at `path`, resampled to `sample_rate_hz` where its file has another rate.

    With `channels` "mix" it is the mean of the file's channels, with "refuse" more than one is a problem.

    Raises RecordingError if it is missing, unreadable, of several channels that are refused, empty, silent, not finite
    or below `shortest_s` seconds.
    """
    samples, file_rate_hz = _read_channels(path)
    n_channels = samples.shape[1]
    if n_channels != 1 and channels == "refuse":
        raise RecordingError(
            path.stem, f"{path} has {n_channels} channels; mix it down to one (mono), or set corpus.channels=mix"
        )
    # Infinities of both signs have no mean; that it is not a number is found below.
    with np.errstate(invalid="ignore"):
        mixed = samples.mean(axis=1)
    problem = sample_problem(mixed, file_rate_hz, shortest_s)
    if problem:
        raise RecordingError(path.stem, f"{path} {problem}")
    n_samples = math.ceil(len(mixed) * (sample_rate_hz / file_rate_hz))
    return Recording(resample(mixed, file_rate_hz, sample_rate_hz, n_samples), file_rate_hz, n_channels)


def _read_channels(path: Path) -> tuple[Float64[np.ndarray, "N C"], int]:
    """Samples of all channels, and the rate in Hz."""
    if not path.is_file():
        raise RecordingError(path.stem, f"{path} is missing; put it there or take it off the list")
    try:
        return soundfile.read(path, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise RecordingError(
            path.stem, f"{path} cannot be read as audio ({reason}); replace it by a wav file"
        ) from error


def sample_problem(samples: Float64[np.ndarray, "N"], rate_hz: int, shortest_s: float) -> str:
    """What keeps the samples from being used, and what to do about it; "" if nothing does."""
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


def wav_bytes(samples: Float[np.ndarray, "N"], sample_rate_hz: int) -> bytes:
    """The content of a mono wav file of 16 bits from samples in -1..1."""
    # On a full disk soundfile's own files raise no OSError.
    buffer = io.BytesIO()
    pcm = np.round(samples * 32767).astype(np.int16)
    soundfile.write(buffer, pcm, sample_rate_hz, subtype="PCM_16", format="WAV")
    return buffer.getvalue()
