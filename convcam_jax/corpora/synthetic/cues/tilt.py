"""Spectral tilt: the voice loses up to `strength` dB more at 3 kHz, towards the end, the beginning or the middle."""

from convcam_jax.corpora.synthetic.cues.cue import Cue, Draws, share_of_full
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """The tilt plus the strength times the contour's shape in 0..1, in dB at 3 kHz (Klatt's TL)."""
    return controls._replace(tilt_db=controls.tilt_db + strength * share_of_full(label, len(controls.f0_hz)))


CUE = Cue(
    "the spectral tilt", ("darkening", "brightening", "dark inside"), "dB at 3 kHz", (3.0, 6.0, 12.0, 24.0), plant
)
