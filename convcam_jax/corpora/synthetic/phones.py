"""From a written sentence to tracks of articulation: phones, their durations, formants and sources (pure functions)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.voice import CONTROL_STEP_S

SILENCE_BEFORE_S, SILENCE_AFTER_S = 0.04, 0.06


class Segment(NamedTuple):
    """A stretch of steady articulation: duration, formants F1 to F3 of a male voice, gains of the sources in dB."""

    duration_s: float
    formants_hz: tuple[float, float, float]
    voicing_db: float = -np.inf
    frication_db: float = -np.inf
    aspiration_db: float = -np.inf
    frication_hz: float = 4000.0
    frication_width_hz: float = 3000.0
    bandwidth_factor: float = 1.0


VOWELS = {
    "a": Segment(0.088, (730, 1300, 2450), 0),
    "e": Segment(0.079, (370, 2050, 2650), 0),
    "E": Segment(0.079, (530, 1800, 2500), 0),
    "i": Segment(0.074, (280, 2200, 2900), 0),
    "o": Segment(0.079, (400, 780, 2400), 0),
    "O": Segment(0.079, (550, 1000, 2400), 0),
    "u": Segment(0.074, (300, 760, 2300), 0),
    "y": Segment(0.074, (290, 1700, 2150), 0),
    "@": Segment(0.051, (480, 1450, 2450), -2),
}
_LABIAL, _ALVEOLAR, _VELAR = (300.0, 950.0, 2250.0), (300.0, 1700.0, 2650.0), (300.0, 1500.0, 2050.0)
# A stop is its closure, then its release; unvoiced ones with aspiration.
CONSONANTS = {
    "m": (Segment(0.060, (260, 1000, 2200), -8, bandwidth_factor=2.5),),
    "n": (Segment(0.056, (260, 1500, 2600), -8, bandwidth_factor=2.5),),
    "l": (Segment(0.056, (350, 1250, 2700), -5, bandwidth_factor=1.5),),
    "r": (Segment(0.051, (450, 1350, 1900), -6, -32, bandwidth_factor=1.5),),
    "j": (Segment(0.056, (270, 2200, 3000), -5),),
    "v": (Segment(0.051, _LABIAL, -9, -32, frication_hz=5500, frication_width_hz=5000, bandwidth_factor=1.5),),
    "z": (Segment(0.065, _ALVEOLAR, -12, -20, frication_hz=5800, frication_width_hz=2000, bandwidth_factor=1.5),),
    "f": (Segment(0.074, _LABIAL, frication_db=-24, frication_hz=5500, frication_width_hz=5000),),
    "s": (Segment(0.084, _ALVEOLAR, frication_db=-13, frication_hz=6000, frication_width_hz=2000),),
    "S": (Segment(0.088, (300, 1800, 2400), frication_db=-10, frication_hz=3000, frication_width_hz=1500),),
    "x": (Segment(0.070, _VELAR, frication_db=-18, frication_hz=1600, frication_width_hz=700),),
    "h": (Segment(0.051, (500, 1450, 2450), aspiration_db=-16),),
    "b": (Segment(0.047, _LABIAL, -18), Segment(0.011, _LABIAL, -6, -26, frication_hz=900)),
    "d": (Segment(0.042, _ALVEOLAR, -18), Segment(0.011, _ALVEOLAR, -6, -22, frication_hz=4200)),
    "g": (Segment(0.042, _VELAR, -18), Segment(0.015, _VELAR, -6, -22, frication_hz=1900)),
    "p": (
        Segment(0.056, _LABIAL),
        Segment(0.011, _LABIAL, frication_db=-22, frication_hz=900),
        Segment(0.019, _LABIAL, aspiration_db=-20),
    ),
    "t": (
        Segment(0.051, _ALVEOLAR),
        Segment(0.014, _ALVEOLAR, frication_db=-16, frication_hz=4500),
        Segment(0.019, _ALVEOLAR, aspiration_db=-20),
    ),
    "k": (
        Segment(0.051, _VELAR),
        Segment(0.017, _VELAR, frication_db=-16, frication_hz=1900),
        Segment(0.028, _VELAR, aspiration_db=-20),
    ),
}
# The neutral tract's formants, from which articulators start and to which they return.
SILENCE = Segment(0.0, VOWELS["@"].formants_hz)
PHONES = {"|": (SILENCE,), **{symbol: (vowel,) for symbol, vowel in VOWELS.items()}, **CONSONANTS}
# F4 to F8 of a male tract, 17.5 cm long.
UPPER_FORMANTS_HZ = (3500.0, 4500.0, 5500.0, 6500.0, 7500.0)
BANDWIDTHS_HZ = np.array((60.0, 80.0, 120.0, 180.0, 250.0, 350.0, 450.0, 550.0))


class Timeline(NamedTuple):
    """Segments in order, their ends in seconds, and which are stressed vowels; silence at both ends."""

    segments: tuple[Segment, ...]
    end_s: Float64[np.ndarray, "s"]
    stressed: tuple[bool, ...]


def make_timeline(
    rng: np.random.Generator, sentence: str, tempo: float, pause_s: float, stress_lengthening: float
) -> Timeline:
    """Durations of all segments of a sentence: inherent, over tempo, each with a deviation of about 8 %.

    The sentence is in SAMPA, with ' before a stressed vowel and | where a pause of pause_s falls. Stressed vowels and
    the last one are longer by the factor stress_lengthening.
    """
    symbols = sentence.split()
    last_vowel = max(i for i, symbol in enumerate(symbols) if symbol.lstrip("'") in VOWELS)
    segments, duration_s, stressed = [SILENCE], [SILENCE_BEFORE_S], [False]
    for i, symbol in enumerate(symbols):
        deviation = np.exp(0.08 * np.clip(rng.standard_normal(), -2, 2))
        is_stressed = symbol.startswith("'")
        lengthening = stress_lengthening if is_stressed or i == last_vowel else 1.0
        for segment in PHONES[symbol.lstrip("'")]:
            inherent_s = pause_s * tempo if symbol == "|" else segment.duration_s
            segments.append(segment)
            duration_s.append(inherent_s * lengthening * deviation / tempo)
            stressed.append(is_stressed)
    end_s = np.cumsum([*duration_s, SILENCE_AFTER_S])
    return Timeline((*segments, SILENCE), end_s, (*stressed, False))


def control_times(timeline: Timeline) -> Float64[np.ndarray, "M"]:
    """Control instants in s."""
    return np.arange(int(np.ceil(timeline.end_s[-1] / CONTROL_STEP_S)) + 1) * CONTROL_STEP_S


def smooth(track: Float64[np.ndarray, "M *K"], width_s: float) -> Float64[np.ndarray, "M *K"]:
    """Moving average with a Hann window of width_s over the first axis of a control track; edges repeated."""
    half = round(width_s / CONTROL_STEP_S / 2)
    window = np.hanning(2 * half + 3)[1:-1]
    padded = np.pad(track, [(half, half)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    return np.apply_along_axis(np.convolve, 0, padded, window / window.sum(), mode="valid").astype(np.float64)


def segment_track(
    timeline: Timeline, values: list[float] | list[tuple[float, float, float]]
) -> Float64[np.ndarray, "M *three"]:
    """The value, or the three values, of each control instant's segment."""
    index = np.searchsorted(timeline.end_s[:-1], control_times(timeline), side="right")
    return np.array(values, dtype=np.float64)[index]


def formant_tracks(
    timeline: Timeline, precision: float, tract_factor: float
) -> tuple[Float64[np.ndarray, "M 8"], Float64[np.ndarray, "M 8"]]:
    """Formants and bandwidths in Hz: targets of the segments, run into each other as articulators are slow.

    precision scales the distance of targets from the neutral tract's formants; tract_factor multiplies all formants.
    """
    target = segment_track(timeline, [segment.formants_hz for segment in timeline.segments])
    neutral_hz = np.array(SILENCE.formants_hz)
    lower = smooth(neutral_hz + precision * (target - neutral_hz), 0.06)
    upper = np.tile(UPPER_FORMANTS_HZ, (len(lower), 1))
    factor = segment_track(timeline, [segment.bandwidth_factor for segment in timeline.segments])
    return np.hstack([lower, upper]) * tract_factor, smooth(factor, 0.03)[:, None] * BANDWIDTHS_HZ


def gain_track(timeline: Timeline, gain_db: list[float]) -> Float64[np.ndarray, "M"]:
    """Linear gain of segments' gains in dB, with soft edges, 0 wherever a segment's own is 0."""
    gain = segment_track(timeline, (10 ** (np.array(gain_db) / 20)).tolist())
    return np.where(gain > 0, smooth(gain, 0.02), 0.0)
