"""What a cue is, and the shapes and places that cues share.

A cue tells three classes apart. It changes control tracks of a neutral recording, or its samples, and nothing else: all
random draws stay as they are.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.phones import SILENCE_AFTER_S, SILENCE_BEFORE_S
from convcam_jax.corpora.synthetic.voice import CONTROL_STEP_S, Controls

# Centres of stretches of speech, in shares of it.
STRETCH_PLACES = (0.25, 0.5, 0.75)
STRETCH_CLASSES = ("early", "central", "late")
STRETCH_EDGE_S = 0.02


class Draws(NamedTuple):
    """What is drawn for every recording alike, whatever its class and its cue.

    Attributes:
      event_place: centre of a sound that is added, 0..1 of the speech.
      stretch_shift: of a stretch's centre, in shares of the speech.
      stretch_s: how long a stretch is, in s.
      other_place: as `event_place`, of a sound that says nothing of the class.
      first_of_two: 0..2, which of three sounds the first one of two is.
    """

    event_place: float
    stretch_shift: float
    stretch_s: float
    other_place: float
    first_of_two: int


def draw_places(rng: np.random.Generator) -> Draws:
    """The draws of a recording."""
    return Draws(
        event_place=rng.uniform(0.15, 0.85),
        stretch_shift=rng.uniform(-0.05, 0.05),
        stretch_s=rng.uniform(0.2, 0.3),
        other_place=rng.uniform(0.15, 0.85),
        first_of_two=int(rng.integers(3)),
    )


class Sounding(NamedTuple):
    """A recording that something is added to.

    Attributes:
      samples: so far.
      controls: of the neutral recording.
      draws: of this recording.
      rate: of the samples, in Hz.
    """

    samples: Float64[np.ndarray, "n"]
    controls: Controls
    draws: Draws
    rate: int


def same_tracks(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """Of cues that are no control track."""
    return controls


def same_sound(rng: np.random.Generator, given: Sounding, label: int, strength: float) -> Float64[np.ndarray, "n"]:
    """Of cues that are control tracks alone."""
    return given.samples


def nothing_beside(rng: np.random.Generator, given: Sounding) -> Float64[np.ndarray, "n"]:
    """Of cues that are all that is added."""
    return given.samples


class Cue(NamedTuple):
    """A cue, by which label (0..2) and how strongly it is planted.

    Attributes:
      words: what it is, as in "finds the F0 contour".
      classes: what the recordings of the labels 0 to 2 are.
      unit: of the strength.
      strengths: ascending; the last one is taken where none is asked for.
      plant: control tracks with the cue, from (controls, label, strength, draws).
      sound: samples with the cue, from (rng, what sounds so far, label, strength).
      beside: samples with what is in the recording with the cue and in that without it, from (rng, what
        sounds so far).
    """

    words: str
    classes: tuple[str, str, str]
    unit: str
    strengths: tuple[float, ...]
    plant: Callable[[Controls, int, float, Draws], Controls] = same_tracks
    sound: Callable[..., Float64[np.ndarray, "n"]] = same_sound
    beside: Callable[..., Float64[np.ndarray, "n"]] = nothing_beside


def contour_shape(label: int, place: Float64[np.ndarray, "M"]) -> Float64[np.ndarray, "M"]:
    """Rising, falling or arched (0, 1, 2), in -1..1 with mean 0 over `place` in 0..1."""
    rise = 2 * place - 1
    return (rise, -rise, 1 - 2 * np.abs(rise))[label]


def share_of_full(label: int, n_controls: int) -> Float64[np.ndarray, "{n_controls}"]:
    """The contour's shape in 0..1 at the control instants: from nothing to the whole of what is added."""
    return (1 + contour_shape(label, speech_place(n_controls))) / 2


def control_instants(n_controls: int) -> Float64[np.ndarray, "{n_controls}"]:
    """Control instants in s."""
    return np.arange(n_controls) * CONTROL_STEP_S


def speech_place(n_controls: int) -> Float64[np.ndarray, "{n_controls}"]:
    """Where the control instants lie between the beginning (0) and the end (1) of the speech, silence left out."""
    time_s = control_instants(n_controls)
    return np.clip((time_s - SILENCE_BEFORE_S) / (time_s[-1] - SILENCE_AFTER_S - SILENCE_BEFORE_S), 0, 1)


def place_s(place: float, n_controls: int) -> float:
    """The time in s of a place in the speech (0..1)."""
    return float(np.interp(place, speech_place(n_controls), control_instants(n_controls)))


def stretch_centre_s(label: int, n_controls: int, draws: Draws) -> float:
    """Centre of the early, central or late stretch (0, 1, 2), in s."""
    return place_s(STRETCH_PLACES[label] + draws.stretch_shift, n_controls)


def inside_stretch(label: int, n_controls: int, draws: Draws) -> Float64[np.ndarray, "{n_controls}"]:
    """1 inside the label's stretch of speech, 0 outside, at the control instants; edges of `STRETCH_EDGE_S`."""
    return inside(control_instants(n_controls), stretch_centre_s(label, n_controls, draws), draws.stretch_s)


def inside(time_s: Float64[np.ndarray, "M"], centre_s: float, length_s: float) -> Float64[np.ndarray, "M"]:
    """1 inside a stretch, 0 outside, at some times; edges of `STRETCH_EDGE_S`."""
    return np.clip((length_s / 2 - np.abs(time_s - centre_s)) / STRETCH_EDGE_S, 0, 1)
