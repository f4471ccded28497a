"""The samples in a sound file, by libsndfile, and whether the file holds what its header says."""

import hashlib
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float64

from convcam_jax.corpora.sounds.sound_headers import (
    LOST_SHARE,
    UNKNOWN_SIZE,
    contradiction,
    flac_samples_hash,
    missing_share,
)
from convcam_jax.corpora.utterances import Source
from convcam_jax.system.errors import RecordingError

# In which people keep recordings, and which libsndfile tells apart by their content, whatever they are called.
ENDINGS = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".snd"),
    *(".w64", ".rf64", ".caf", ".sph", ".nist"),
)
# In which telephones and cameras keep them, and which it does not read.
UNREAD_ENDINGS = (".m4a", ".mp4", ".aac", ".wma", ".amr", ".webm", ".3gp")
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 2000, 768000
MOST_CHANNELS = 32
LONGEST_S = 3600.0
# Ends of parts are often rounded up.
_ROUNDING_S = 0.1
_BLOCK_FRAMES = 2**16


def read_channels(
    path: Path, start_s: float = 0.0, end_s: float | None = None
) -> tuple[Float64[np.ndarray, "N C"], int]:
    """Samples of all channels from `start_s` to `end_s` (None: the end), -1..1 but in files of floats; the rate in Hz.

    Raises RecordingError if the file is missing, is no sound file, is damaged or cut off, or has a rate, a number of
    channels or a length that no recording of speech has, or if no part of a file starts and ends so.
    """
    if not _is_part(start_s, end_s):
        end = "its end" if end_s is None else f"end {end_s:g} s"
        raise RecordingError(
            path.stem,
            f"{path} is asked for from start {start_s:g} s to {end}, which is no part of a file; mend start and end",
            "of no part of their file",
        )
    if os.path.exists(path) and not os.path.isfile(path):
        raise RecordingError(path.stem, f"{path} is not a file; rename or remove it", "no readable sound file")
    if not os.path.isfile(path):
        raise RecordingError(path.stem, f"{path} is missing; put it there or take it off the list", "missing")
    if path.suffix.lower() == ".raw":
        raise RecordingError(path.stem, f"{path} has no header that tells its rate; convert it to wav", "no sound file")
    try:
        with soundfile.SoundFile(_as_bytes(path)) as file:
            _check_header(path, file)
            samples = _read_part(path, file, start_s, end_s)
            if file.format == "FLAC" and (start_s, end_s) == (0.0, None):
                _check_flac_hash(path, samples)
            return samples, file.samplerate
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error.error_string.rstrip(".")) from error
    except OSError as error:
        raise RecordingError(
            path.stem, f"{path} cannot be read ({error.strerror}); replace or remove it", "no readable sound file"
        ) from error


def _unreadable(path: Path, reason: str) -> RecordingError:
    told = _header(path)
    if told is not None and told.format == "FLAC" and told.frames >= UNKNOWN_SIZE:
        # Of such a file libsndfile reads all but its end.
        return RecordingError(
            path.stem,
            f"{path} does not tell its length, as a FLAC stream that was not finished; convert it, as by `flac -d` or "
            "`sox`",
            "of an unknown length",
        )
    return RecordingError(
        path.stem, f"{path} cannot be read as audio ({reason}); replace it by a wav file", "no readable sound file"
    )


def _is_part(start_s: float, end_s: float | None) -> bool:
    # Times may be NumPy's, whose comparisons are no bool.
    return bool(0 <= start_s < math.inf and (end_s is None or start_s < end_s < math.inf))


def _as_bytes(path: Path) -> bytes:
    # A name need not be UTF-8, and soundfile takes others as bytes alone.
    return os.fsencode(path)


def _check_header(path: Path, file: soundfile.SoundFile) -> None:
    if not LOWEST_RATE_HZ <= file.samplerate <= HIGHEST_RATE_HZ:
        raise RecordingError(
            path.stem,
            f"{path} has a sample rate of {file.samplerate} Hz, which is none of speech ({LOWEST_RATE_HZ} to "
            f"{HIGHEST_RATE_HZ} Hz); mend its header or export it again",
            "with an implausible sample rate",
        )
    if file.channels > MOST_CHANNELS:
        raise RecordingError(
            path.stem,
            f"{path} has {file.channels} channels, more than {MOST_CHANNELS}; mend its header or export it again",
            "with several channels",
        )
    _check_whole(path, missing_share(path, file.format, file.extra_info, file.frames))
    if what := contradiction(path, file.format, file.extra_info, file.samplerate, file.frames):
        raise _contradicting(path, what)


def _check_flac_hash(path: Path, samples: Float64[np.ndarray, "N C"]) -> None:
    """See to it that all samples of a FLAC file are those that were written (RFC 9639, section 8.2)."""
    told = flac_samples_hash(path)
    if told is None:
        return
    n_bits, digest = told
    whole = np.rint(samples * 2.0 ** (n_bits - 1)).astype("<i4")
    # As many bytes as hold the bits, the lowest first.
    as_bytes = np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 4)[:, : -(-n_bits // 8)]
    if hashlib.md5(as_bytes.tobytes(), usedforsecurity=False).digest() != digest:
        raise _contradicting(path, "the checksum of its samples")


def _contradicting(path: Path, what: str) -> RecordingError:
    return RecordingError(
        path.stem,
        f"{path} contradicts itself ({what}), so that its sound is not certain; copy it or export it again",
        "with a header that contradicts itself",
    )


def _check_whole(path: Path, missing: float) -> None:
    if missing > LOST_SHARE:
        what = "its end" if missing == 1 else f"{100 * missing:.2g} % of what its header speaks of"
        raise RecordingError(path.stem, f"{path} is cut off ({what} is missing); copy it again", "cut off")


def _read_part(
    path: Path, file: soundfile.SoundFile, start_s: float, end_s: float | None
) -> Float64[np.ndarray, "N C"]:
    rate_hz = file.samplerate
    first = round(start_s * rate_hz)
    last = round(LONGEST_S * rate_hz) + first + 1 if end_s is None else round(end_s * rate_hz)
    # What MP3, Vorbis and Opus decode depends on the frames before.
    skipped = 0 if file.format in ("MP3", "OGG") or not file.seekable() else min(first, file.frames)
    if skipped:
        file.seek(skipped)
    blocks, position = [], skipped
    while position < last:
        block = file.read(min(_BLOCK_FRAMES, last - position), dtype="float64", always_2d=True)
        if not len(block):
            break
        blocks.append(block[max(first - position, 0) :])
        position += len(block)
    _check_part(path, position, rate_hz, first, end_s)
    if end_s is None and 0 < file.frames < UNKNOWN_SIZE:
        _check_whole(path, 1 - position / file.frames)
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels))


def _check_part(path: Path, position: int, rate_hz: int, first: int, end_s: float | None) -> None:
    """See to it that what was asked for lies within the file, which was read up to the frame `position`."""
    if end_s is None and position - first > LONGEST_S * rate_hz:
        raise RecordingError(
            path.stem,
            f"{path} is longer than {LONGEST_S / 3600:g} h; cut it, or list the start and end of each utterance in it",
            "longer than an hour",
        )
    if (first and position <= first) or (end_s is not None and position / rate_hz < end_s - _ROUNDING_S):
        end = "its end" if end_s is None else f"{end_s:g} s"
        raise RecordingError(
            path.stem,
            f"{path} ends at {position / rate_hz:.2f} s, and the part from {first / rate_hz:g} s to {end} does not lie "
            "in it; mend start and end",
            "beyond the end of their file",
        )


def told_samples(source: Source, sample_rate_hz: int) -> int:
    """How many samples at a rate an utterance has if its file's header is right; 0 if that tells nothing.

    The sound itself is neither read nor checked.
    """
    told = _header(source.path)
    if told is None or not 0 < told.frames < UNKNOWN_SIZE or not _is_part(source.start_s, source.end_s):
        return 0
    last = told.frames if source.end_s is None else min(round(source.end_s * told.samplerate), told.frames)
    return math.ceil(max(last - round(source.start_s * told.samplerate), 0) * (sample_rate_hz / told.samplerate))


def told_channels(path: Path) -> int:
    """How many channels a file has by its header; 0 if that tells nothing."""
    told = _header(path)
    return 0 if told is None else int(told.channels)


def _header(path: Path) -> Any | None:
    """What soundfile tells of a file; None of one that it cannot read or that has no header."""
    if path.suffix.lower() == ".raw" or not os.path.isfile(path):
        return None
    try:
        return soundfile.info(_as_bytes(path))
    except (soundfile.LibsndfileError, OSError):
        return None
