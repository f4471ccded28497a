"""Breathiness: breath noise of up to `strength` dB re the voice, towards the end, the beginning or the middle."""

from convcam_jax.corpora.synthetic.cues.cue import Cue, Draws, share_of_full
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """Aspiration noise with a gain of the strength re that of the pulses, times the contour's shape in 0..1."""
    breath = 10 ** (strength / 20) * share_of_full(label, len(controls.f0_hz)) * controls.voicing
    return controls._replace(aspiration=controls.aspiration + breath)


CUE = Cue(
    "the breathiness", ("waxing", "waning", "breathy inside"), "dB re the voice", (-18.0, -12.0, -6.0, 0.0), plant
)
