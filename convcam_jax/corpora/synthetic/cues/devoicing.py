"""Devoicing: in 0.2 to 0.3 s of speech, early, central or late, the voice is quieter by `strength` dB; noise stays."""

from convcam_jax.corpora.synthetic.cues.cue import STRETCH_CLASSES, Cue, Draws, inside_stretch
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """The level of the glottal pulses alone minus the strength inside the stretch, in dB."""
    inside = inside_stretch(label, len(controls.f0_hz), draws)
    return controls._replace(pulse_level_db=controls.pulse_level_db - strength * inside)


CUE = Cue("the devoicing", STRETCH_CLASSES, "dB", (6.0, 12.0, 24.0, 48.0), plant)
