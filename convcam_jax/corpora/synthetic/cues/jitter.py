"""Jitter: in 0.2 to 0.3 s of speech, early, central or late, pulses deviate by `strength` % of the period more.

The strength is a standard deviation of the instants. The local jitter of such pulses is 1.95 times as large (the mean
of abs(e1 - 2 e2 + e3) of normal e); what Praat finds in the sound, where pulses overlap, is 0.57 times the strength.
"""

from convcam_jax.corpora.synthetic.cues.cue import STRETCH_CLASSES, Cue, Draws, inside_stretch
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """The standard deviation of the pulses' instants plus the strength inside the stretch."""
    return controls._replace(
        jitter=controls.jitter + strength / 100 * inside_stretch(label, len(controls.f0_hz), draws)
    )


CUE = Cue("the jitter", STRETCH_CLASSES, "% of the period", (1.0, 2.0, 4.0, 8.0), plant)
