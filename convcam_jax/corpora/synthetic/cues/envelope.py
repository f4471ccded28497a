"""An energy envelope: the level swells, fades or bulges by `strength` dB either way."""

from convcam_jax.corpora.synthetic.cues.cue import Cue, Draws, contour_shape, speech_place
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """The level plus strength * shape, in dB."""
    place = speech_place(len(controls.f0_hz))
    return controls._replace(level_db=controls.level_db + strength * contour_shape(label, place))


CUE = Cue("the energy envelope", ("swelling", "fading", "bulging"), "dB", (1.0, 3.0, 6.0, 9.0), plant)
