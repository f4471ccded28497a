"""Stretches of time in ONE recording, as a phonetician's annotation has them: with a start, an end and a text.

Axes: n frame; m frame of Praat's pitch analysis.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

# Of the contour's maximum, 1: where a map is strong.
STRONG = 0.5


class Label(NamedTuple):
    """A stretch of a recording, in seconds, and what is said of it."""

    start_s: float
    end_s: float
    text: str


def segments(selected: Bool[np.ndarray, " n"]) -> list[slice]:
    """Runs of consecutive frames that are selected, such as the voiced ones, in order."""
    steps = np.diff(np.concatenate([[False], selected.astype(bool), [False]]).astype(int))
    return [
        slice(start, stop) for start, stop in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    ]


def voiced_stretches(
    praat_f0_hz: Float[np.ndarray, " m"], praat_time_s: Float[np.ndarray, " m"], duration_s: float
) -> list[Label]:
    """The voiced segments of Praat's track (Hz, 0 where unvoiced), each with its mean F0."""
    return [
        Label(*span, f"F0 {praat_f0_hz[own].mean():.0f} Hz")
        for own, span in _spans(praat_f0_hz > 0, praat_time_s, duration_s)
    ]


def strong_stretches(
    contour: Float[np.ndarray, " n"],
    trajectory_hz: Float[np.ndarray, " n"],
    time_s: Float[np.ndarray, " n"],
    duration_s: float,
) -> list[Label]:
    """Where a map's contour q (0..1) is at least `STRONG`, each with the highest q and the mean of c; none in zeros."""
    return [
        Label(*span, f"q {contour[own].max():.2f}, c {trajectory_hz[own].mean():.0f} Hz")
        for own, span in _spans(contour >= STRONG, time_s, duration_s)
    ]


def _spans(
    selected: Bool[np.ndarray, " n"], time_s: Float[np.ndarray, " n"], duration_s: float
) -> list[tuple[slice, tuple[float, float]]]:
    """Runs of frames centred on `time_s`, with the edges of each in seconds, inside of the recording."""
    half_step_s = (time_s[1] - time_s[0]) / 2 if len(time_s) > 1 else duration_s
    found = []
    for segment in segments(selected):
        start_s = max(float(time_s[segment.start] - half_step_s), 0.0)
        end_s = min(float(time_s[segment.stop - 1] + half_step_s), duration_s)
        if start_s < end_s:
            found.append((segment, (start_s, end_s)))
    return found
