"""F0 and voicing of ONE recording at a representation's frames, from Praat's pitch track (paper, section 3.3.2).

Two readings of the track and one rule about short segments, each its own function; `frame_f0` picks by their names.
Axes: m frame of Praat's track (every `prosody.f0_step_s`), n frame of the representation (the paper's: every 31 ms). F0
in Hz, 0 where unvoiced.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from convcam_jax.representations.features import Features

F0Reading = Literal["resized_with_zeros", "voiced_frames_only"]
IsolatedVoicedFrame = Literal["extended", "kept"]


class FrameF0(NamedTuple):
    """F0 contour of one recording."""

    f0_hz: Float64[np.ndarray, "n"]  # 0 where unvoiced
    voiced: Bool[np.ndarray, "n"]  # in the published processing a voiced frame can be at 0 Hz


def frame_f0(
    features: Features,
    frame_time_s: Float64[np.ndarray, "n"],
    f0_reading: F0Reading,
    isolated_voiced_frame: IsolatedVoicedFrame,
) -> FrameF0:
    """F0 and voicing at the frames that are centred on `frame_time_s`."""
    if f0_reading == "resized_with_zeros":
        f0_hz = resized_with_zeros(features.praat_f0_hz, len(frame_time_s))
    else:
        f0_hz = voiced_frames_only(features.praat_f0_hz, features.praat_time_s, frame_time_s)
    voiced = f0_hz > 0
    if isolated_voiced_frame == "extended":
        voiced = extend_isolated_voiced(voiced)
    return FrameF0(f0_hz, voiced)


def resized_with_zeros(praat_f0_hz: Float64[np.ndarray, "m"], n_frames: int) -> Float64[np.ndarray, "n"]:
    """Praat's track, zeros included, resized linearly to `n_frames` values with half-pixel centres.

    What the authors computed: frame j is read at position (j + 1/2) * m / n - 1/2 of the track, clamped to its ends.
    A frame between a voiced and an unvoiced Praat frame gets a value between F0 and 0 Hz.
    """
    n_praat = len(praat_f0_hz)
    position = (np.arange(n_frames) + 0.5) * n_praat / n_frames - 0.5
    return np.interp(position, np.arange(n_praat), praat_f0_hz)


def voiced_frames_only(
    praat_f0_hz: Float64[np.ndarray, "m"],
    praat_time_s: Float64[np.ndarray, "m"],
    frame_time_s: Float64[np.ndarray, "n"],
) -> Float64[np.ndarray, "n"]:
    """F0 at the times `frame_time_s`, read from the voiced frames of Praat's evenly spaced track only.

    A frame is voiced if the nearest Praat frame, no more than half a step away, is voiced. Its F0 is linear between the
    two Praat frames around it if both are voiced, else that of the nearest. So does Praat's "Get value at time". A
    track of one frame, of a recording that is hardly longer than pitch analysis needs, has no step, and counts
    everywhere.
    """
    n_praat = len(praat_f0_hz)
    step_s = praat_time_s[1] - praat_time_s[0] if n_praat > 1 else np.inf
    position = (frame_time_s - praat_time_s[0]) / step_s
    nearest = np.floor(position + 0.5).astype(int)
    other = np.where(position < nearest, nearest - 1, nearest + 1)
    # A frame of silence at both ends stands for what lies beyond the track.
    padded_hz = np.concatenate([[0.0], praat_f0_hz, [0.0]])
    nearest_hz = padded_hz[np.clip(nearest + 1, 0, n_praat + 1)]
    other_hz = padded_hz[np.clip(other + 1, 0, n_praat + 1)]
    weight = np.where((nearest_hz > 0) & (other_hz > 0), np.abs(position - nearest), 0.0)
    return (1 - weight) * nearest_hz + weight * other_hz


def extend_isolated_voiced(voiced: Bool[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    """Voicing in which a voiced frame between two unvoiced ones has made the next frame voiced too.

    What the authors computed: from left to right, so that a frame made voiced counts when the next one is looked at.
    The first and the last frame have one neighbour only and make no other voiced.
    """
    extended = voiced.copy()
    for frame in range(1, len(voiced) - 1):
        if extended[frame] and not extended[frame - 1] and not extended[frame + 1]:
            extended[frame + 1] = True
    return extended
