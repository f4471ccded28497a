"""The cues that can be planted into natural speech: classes, words and strengths are those of the synthetic ones."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from convcam_jax.corpora.natural.resynthesis import Changes, DurationChange, Speech
from convcam_jax.corpora.synthetic.cues.burst import BURST_HZ, BURST_WIDTH, burst_window
from convcam_jax.corpora.synthetic.cues.cue import STRETCH_PLACES, Draws, contour_shape, inside
from convcam_jax.corpora.synthetic.cues.lengthening import REACH_S
from convcam_jax.corpora.synthetic.speech import BASE_LEVEL_DB
from convcam_jax.corpora.synthetic.voice import band_response

# A recording is brought to this level, which is that of the synthetic voices' stressed vowels.
LEVEL_DB = BASE_LEVEL_DB
# So that a lengthening's reach on both sides of an instant lies in the recording, and a pause is a part of it.
LEAST_SPEECH_S = 1.0


class ToPlant(NamedTuple):
    """A recording that a cue is planted into: what it is, what was drawn for it, and a generator for noise."""

    speech: Speech
    draws: Draws
    rng: np.random.Generator


class NaturalCue(NamedTuple):
    """A cue.

    Attributes:
      plant: changes with the cue, from (changes so far, recording, label, strength).
      is_resynthesised: whether F0 or timing change, so that the recording is made anew from its pitch periods.
    """

    plant: Callable[[Changes, ToPlant, int, float], Changes]
    is_resynthesised: bool = False


def _f0(changes: Changes, given: ToPlant, label: int, strength: float) -> Changes:
    return changes._replace(semitones=changes.semitones + strength * contour_shape(label, given.speech.places()))


def _envelope(changes: Changes, given: ToPlant, label: int, strength: float) -> Changes:
    return changes._replace(gain_db=changes.gain_db + strength * contour_shape(label, given.speech.places()))


def _burst(changes: Changes, given: ToPlant, label: int, strength: float) -> Changes:
    """Noise in a band, under half a period of a cosine, at the drawn time."""
    speech = given.speech
    n_samples = len(speech.samples)
    time_s = np.arange(n_samples) / speech.rate_hz
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / speech.rate_hz)
    centre_hz = np.array([BURST_HZ[label]])
    band = band_response(frequency_hz, centre_hz, BURST_WIDTH * centre_hz, speech.rate_hz)[0]
    noise = np.fft.irfft(np.fft.rfft(given.rng.standard_normal(n_samples)) * band, n_samples)
    window = burst_window(time_s, speech.at_s(given.draws.event_place))
    return changes._replace(added=changes.added + 10 ** ((LEVEL_DB + strength) / 20) * window * noise)


def _pause(changes: Changes, given: ToPlant, label: int, strength: float) -> Changes:
    quiet = inside(given.speech.instants_s(), _centre_s(given, label), given.draws.stretch_s)
    return changes._replace(gain_db=changes.gain_db - strength * quiet)


def _lengthening(changes: Changes, given: ToPlant, label: int, strength: float) -> Changes:
    centre_s = _centre_s(given, label)
    longer, shorter = 1 + strength / 1000 / REACH_S, 1 - strength / 1000 / REACH_S
    stretches = (
        DurationChange(centre_s - REACH_S, centre_s, longer),
        DurationChange(centre_s, centre_s + REACH_S, shorter),
    )
    return changes._replace(stretches=(*changes.stretches, *stretches))


def _centre_s(given: ToPlant, label: int) -> float:
    return given.speech.at_s(STRETCH_PLACES[label] + given.draws.stretch_shift)


NATURAL_CUES: Mapping[str, NaturalCue] = {
    "f0": NaturalCue(_f0, is_resynthesised=True),
    "envelope": NaturalCue(_envelope),
    "burst": NaturalCue(_burst),
    "pause": NaturalCue(_pause),
    "lengthening": NaturalCue(_lengthening, is_resynthesised=True),
}
