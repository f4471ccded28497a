"""Lengthening: speech before an early, central or late instant lasts `strength` ms longer; what follows catches up.

The 0.2 s before the instant are said more slowly, the 0.2 s behind it faster, so that all else stays where it was.
F0, level and tilt stay in their places: articulation and voicing alone are moved.
"""

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.cues.cue import STRETCH_CLASSES, Cue, Draws, control_instants, stretch_centre_s
from convcam_jax.corpora.synthetic.voice import Controls

REACH_S = 0.2


def plant(controls: Controls, label: int, strength: float, draws: Draws) -> Controls:
    """Tracks of articulation, read at a time that runs more slowly, then faster; the strength is in ms."""
    n_controls = len(controls.f0_hz)
    time_s = control_instants(n_controls)
    centre_s = stretch_centre_s(label, n_controls, draws)
    before_s, behind_s = centre_s - REACH_S, centre_s + REACH_S
    now = [0.0, before_s, centre_s + strength / 1000, behind_s, time_s[-1]]
    read_s = np.interp(time_s, now, [0.0, before_s, centre_s, behind_s, time_s[-1]])

    def moved(track: Float64[np.ndarray, "M *K"]) -> Float64[np.ndarray, "M *K"]:
        return np.apply_along_axis(lambda own: np.interp(read_s, time_s, own), 0, track)

    return controls._replace(
        voicing=moved(controls.voicing),
        aspiration=moved(controls.aspiration),
        frication=moved(controls.frication),
        frication_hz=moved(controls.frication_hz),
        frication_width_hz=moved(controls.frication_width_hz),
        formant_hz=moved(controls.formant_hz),
        bandwidth_hz=moved(controls.bandwidth_hz),
    )


CUE = Cue("the lengthening", STRETCH_CLASSES, "ms", (20.0, 40.0, 80.0, 160.0), plant)
