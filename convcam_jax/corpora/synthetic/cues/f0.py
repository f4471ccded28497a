"""An F0 contour: F0 rises, falls or arches by `strength` semitones either way, on top of the sentence's intonation."""

import numpy as np

from convcam_jax.corpora.synthetic import speech
from convcam_jax.corpora.synthetic.cues.cue import Cue, Draws, contour_shape, speech_place
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """F0 times 2^(strength * shape / 12), within `speech.F0_LIMITS_HZ`."""
    place = speech_place(len(controls.f0_hz))
    f0_hz = controls.f0_hz * 2 ** (strength * contour_shape(label, place) / 12)
    return controls._replace(f0_hz=np.clip(f0_hz, *speech.F0_LIMITS_HZ))


CUE = Cue("the F0 contour", ("rising", "falling", "arched"), "semitones", (0.5, 1.0, 2.0, 5.0), plant)
