"""How long a recording may be for a number of frames."""

from convcam_jax.representations.representation import HIGHEST_RATE_HZ, Representation

# By which the length of a part of a file may differ when its ends are rounded to samples, before and after resampling.
_ROUNDING_SAMPLES = 2


def longest_duration_s(representation: Representation, max_frames: int) -> float:
    """The duration of the longest part of a file that has at most `max_frames` frames in the representation."""
    low, high = 0, max_frames * HIGHEST_RATE_HZ
    while high - low > 1:
        between = (low + high) // 2
        low, high = (between, high) if representation.n_frames(between) <= max_frames else (low, between)
    return (low - _ROUNDING_SAMPLES) / representation.sample_rate_hz
