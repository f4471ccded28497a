"""A formant shift: F1, F2 or F3 lies `strength` cents higher throughout."""

from convcam_jax.corpora.synthetic.cues.cue import Cue, Draws
from convcam_jax.corpora.synthetic.voice import Controls


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """One formant times 2^(strength / 1200); its bandwidth stays."""
    formant_hz = controls.formant_hz.copy()
    formant_hz[:, label] *= 2 ** (strength / 1200)
    return controls._replace(formant_hz=formant_hz)


CUE = Cue("the formant shift", ("F1 raised", "F2 raised", "F3 raised"), "cents", (50.0, 100.0, 200.0, 400.0), plant)
