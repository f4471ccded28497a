"""Recordings from sound files, with all checks that they have to pass, and the content of a new wav file."""

import hashlib
import io
import math
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float, Float64

from convcam_jax.corpora.sounds.resampling import resample
from convcam_jax.corpora.sounds.sound_files import read_channels
from convcam_jax.corpora.utterances import Source
from convcam_jax.system.errors import RecordingError

# Full scale is 1. What a mix may exceed it by is far below this, and what integers as floats have is far above.
HIGHEST_PEAK = 10.0
# A fiftieth of the step of 16 bits.
LOWEST_PEAK = 5e-7
# Of the mean power that channels independent of each other would have when mixed.
_CANCELLED_SHARE = 0.01
# Of the standard deviation. The largest of EMO-DB is 0.040, of RAVDESS (4 actors) 0.003, of TESS (20 words) 0.023.
LARGEST_OFFSET = 0.1
# Between the extremes. With fewer, a pause can be at one of them.
_FEWEST_STEPS = 16


class SoundFacts(NamedTuple):
    """What is told of a recording's sound.

    duration_s: as it is used. file_rate_hz: of its file. n_channels: that were read. peak: of their mean without the
    offset, 1 is full scale. removed_offset: constant that was taken away, 0 if none. clipped_share: the largest of
    the channels that were read, see `clipped_share`. sha256: hash (hex) of the samples as they are used.
    """

    duration_s: float
    file_rate_hz: int
    n_channels: int
    peak: float
    removed_offset: float
    clipped_share: float
    sha256: str


class Recording(NamedTuple):
    """One recording at the rate asked for, and what is told of it."""

    samples: Float64[np.ndarray, "N"]  # -1..1, or somewhat beyond
    facts: SoundFacts


def read_recording(
    source: Source, sample_rate_hz: int, shortest_s: float, channels: Literal["refuse", "mix"] = "refuse"
) -> Recording:
    """Read the `source`, a file or a part of it, at `sample_rate_hz`.

    Of several channels that it has the mean is taken with `channels` "mix"; with "refuse" they are a problem. A
    constant offset is taken away where it is larger than `LARGEST_OFFSET` of the standard deviation.

    Raises RecordingError if the file cannot be read (see `sound_files.read_channels`), has several channels that are
    refused, has not the channel, or `sample_problem` finds one.
    """
    path = source.path
    of_file, file_rate_hz = read_channels(path, source.start_s, source.end_s)
    read = of_file if source.channel is None else _one_channel(path, of_file, source.channel)
    if (n_channels := read.shape[1]) != 1 and channels == "refuse":
        raise RecordingError(
            path.stem,
            f"{path} has {n_channels} channels; mix it down to one (mono), or begin the run with corpus.channels=mix",
            "with several channels",
        )
    # Infinities of both signs have no mean; that it is not a number is found below.
    with np.errstate(invalid="ignore"):
        mixed = read.mean(axis=1)
    if cancels_out(read, mixed):
        raise RecordingError(
            path.stem,
            f"{path} has channels that cancel each other out when they are mixed down (one is turned around); keep one",
            "with channels that cancel each other out",
        )
    if found := sample_problem(mixed, file_rate_hz, shortest_s):
        kind, problem = found
        raise RecordingError(path.stem, f"{path} {problem}", kind)
    offset = implausible_offset(mixed)
    n_samples = math.ceil(len(mixed) * (sample_rate_hz / file_rate_hz))
    without = mixed - offset if offset else mixed
    samples = resample(without, file_rate_hz, sample_rate_hz, n_samples)
    facts = SoundFacts(
        duration_s=len(samples) / sample_rate_hz,
        file_rate_hz=file_rate_hz,
        n_channels=n_channels,
        peak=float(np.abs(without).max()),
        removed_offset=offset,
        clipped_share=max(map(clipped_share, read.T)),
        sha256=hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest(),
    )
    return Recording(samples, facts)


def _one_channel(path: Path, channels: Float64[np.ndarray, "N C"], channel: int) -> Float64[np.ndarray, "N 1"]:
    n_channels = channels.shape[1]
    if not 0 <= channel < n_channels:
        raise RecordingError(
            path.stem,
            f"{path} has {n_channels} channel{'s' * (n_channels > 1)}, and of these channel {channel + 1} is asked "
            f"for, counted from 1 (of a Source from 0: {channel}); mend the channel, or give its column another name",
            "of a channel that their file has not",
        )
    return channels[:, channel : channel + 1]


def sample_problem(samples: Float64[np.ndarray, "N"], rate_hz: int, shortest_s: float) -> tuple[str, str] | None:
    """What keeps the samples from being used: its kind, and what to do about it; None if nothing does."""
    if len(samples) == 0:
        return "empty", "is empty (0 samples); record it again or remove it"
    least = math.ceil(shortest_s * rate_hz)
    if len(samples) < least:
        return "too short", (
            f"is too short ({len(samples)} samples; pitch analysis needs {least}, which is {1000 * shortest_s:.1f} ms)"
            "; record it again or remove it"
        )
    if not np.isfinite(samples).all():
        return "not finite", "has samples that are not finite numbers; export it again or remove it"
    if np.ptp(samples) == 0:
        return "silent", "is silent (all samples are equal); record it again or remove it"
    peak = np.abs(samples).max()
    if peak > HIGHEST_PEAK:
        return "far beyond full scale", (
            f"has samples of {peak:.4g}, where full scale is 1 (floating-point samples in the scale of integers?); "
            "divide them by full scale, or export it with 16 bits"
        )
    # An offset is no sound.
    peak = np.abs(samples - implausible_offset(samples)).max()
    if peak < LOWEST_PEAK:
        return "silent", f"is as good as silent (its peak is {peak:.2g} of full scale); record it again or remove it"
    return None


def cancels_out(channels: Float64[np.ndarray, "N C"], mixed: Float64[np.ndarray, "N"]) -> bool:
    """Whether the mean of several channels is much less than that of channels that have nothing to do with each other.

    As where one of two is the other one turned around. Offsets are no sound, and cancel nothing.
    """
    n_samples, n_channels = channels.shape
    if n_samples == 0 or n_channels == 1 or not np.isfinite(channels).all():
        return False
    sounds = channels - channels.mean(axis=0)
    independent = np.square(sounds).sum() / n_channels**2
    is_silent = np.abs(sounds).max() < LOWEST_PEAK
    return bool(not is_silent and np.square(mixed - mixed.mean()).sum() < _CANCELLED_SHARE * independent)


def implausible_offset(samples: Float64[np.ndarray, "N"]) -> float:
    """The mean of the samples where it is too large for speech, see `LARGEST_OFFSET`; else 0.

    Energy (Eq. 7 of the paper) is a sum of squares and would be that of the constant; what recordings have otherwise is
    left to them, so that their numbers are those of the files.
    """
    mean = float(samples.mean())
    return mean if abs(mean) > LARGEST_OFFSET * samples.std() else 0.0


def clipped_share(samples: Float64[np.ndarray, "N"]) -> float:
    """Share of the samples (0..1) by which the extremes have more than the values next to them; 0 if they have fewer.

    Of speech there is less the farther from zero, however coarse the steps of its values are; what was clipped is piled
    up at the extremes. 0 as well where a step there is more than a sixteenth of the way from the lowest to the highest.
    """
    largest_step = np.ptp(samples) / _FEWEST_STEPS
    piled_up = 0
    for upwards in (samples, -samples):
        highest = upwards.max()
        next_value = upwards.max(where=upwards < highest, initial=-np.inf)
        if highest - next_value <= largest_step:
            difference = (upwards == highest).sum() - (upwards == next_value).sum()
            piled_up += max(int(difference), 0)
    return piled_up / len(samples)


def wav_bytes(samples: Float[np.ndarray, "N"], sample_rate_hz: int) -> bytes:
    """The content of a mono wav file of 16 bits from samples in -1..1."""
    # On a full disk soundfile's own files raise no OSError.
    buffer = io.BytesIO()
    pcm = np.round(samples * 32767).astype(np.int16)
    soundfile.write(buffer, pcm, sample_rate_hz, subtype="PCM_16", format="WAV")
    return buffer.getvalue()
