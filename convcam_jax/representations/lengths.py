"""How many frames recordings have, and how long one may be for a number of frames."""

import math
from bisect import bisect_right
from collections.abc import Iterable

from convcam_jax.representations.representation import HIGHEST_RATE_HZ, Representation

# The network's input is no longer than that unless the user wants it: one long recording makes all inputs long.
LONGEST_BY_DEFAULT_S = 10.0


def frames_for(n_samples: Iterable[int], representation: Representation) -> int:
    """Frames of the longest recording, or of `LONGEST_BY_DEFAULT_S` if fewer.

    `n_samples` are those of all recordings at the representation's rate, 0 where that is not known.
    """
    most = round(LONGEST_BY_DEFAULT_S * representation.sample_rate_hz)
    return representation.n_frames(min(max(filter(None, n_samples), default=most), most))


def longest_duration_s(representation: Representation, max_frames: int, file_rate_hz: int) -> float:
    """The duration of the longest part of a file that has at most `max_frames` frames in the representation.

    It has no more wherever it begins: its ends are rounded to samples of the file.
    """
    n_samples = bisect_right(range(1, max_frames * HIGHEST_RATE_HZ), max_frames, key=representation.n_frames)
    # By a sample of the file, before resampling, and one of the representation, after it.
    rounding = math.ceil(representation.sample_rate_hz / file_rate_hz) + 1
    return (n_samples - rounding) / representation.sample_rate_hz
