"""A pause: 0.2 to 0.3 s of speech, early, central or late, are quieter by `strength` dB; the length stays."""

from convcam_jax.corpora.synthetic.cues.cue import STRETCH_CLASSES, Cue, Draws, inside_stretch
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """The level minus the strength inside the stretch, in dB."""
    inside = inside_stretch(label, len(controls.f0_hz), draws)
    return controls._replace(level_db=controls.level_db - strength * inside)


CUE = Cue("the pause", STRETCH_CLASSES, "dB", (6.0, 12.0, 24.0, 50.0), plant)
