"""A burst of noise: 0.2 s of it around 1, 2.2 or 4.8 kHz, `strength` dB above a stressed vowel, at a drawn time."""

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.synthetic.cues.cue import Cue, Sounding, control_instants, place_s
from convcam_jax.corpora.synthetic.speech import BASE_LEVEL_DB
from convcam_jax.corpora.synthetic.voice import CONTROL_STEP_S, Controls, filter_responses, noise_part

BURST_HZ = (1000.0, 2200.0, 4800.0)
# Of the resonance, relative to its centre.
BURST_WIDTH = 0.12
BURST_S = 0.2
CLASSES = ("low", "middle", "high")


def burst_window(time_s: Float64[np.ndarray, "M"], centre_s: float) -> Float64[np.ndarray, "M"]:
    """The gain of a burst at some times: half a period of a cosine around its centre, 0 elsewhere."""
    distance = np.abs(time_s - centre_s) / (BURST_S / 2)
    return np.where(distance < 1, np.cos(np.pi * distance / 2), 0.0)


def noise_burst(
    rng: np.random.Generator, controls: Controls, centre_hz: float, place: float, strength: float, rate: int
) -> Float64[np.ndarray, "N"]:
    """Samples of band-limited noise at a place in the speech (0..1), as long as the sound of `controls`.

    Its RMS lies `strength` dB above that of a stressed neutral vowel.
    """
    n_controls = len(controls.f0_hz)
    track = np.zeros(n_controls)
    alone = controls._replace(
        level_db=track + (BASE_LEVEL_DB + strength),
        aspiration=track,
        frication=burst_window(control_instants(n_controls), place_s(place, n_controls)),
        frication_hz=track + centre_hz,
        frication_width_hz=track + BURST_WIDTH * centre_hz,
    )
    n_samples = round((n_controls - 1) * CONTROL_STEP_S * rate)
    return noise_part(rng, alone, filter_responses(alone, rate), n_samples, rate)


def sound(rng: np.random.Generator, given: Sounding, label: int, strength: float) -> Float64[np.ndarray, "n"]:
    """The samples with the burst of a class."""
    burst = noise_burst(rng, given.controls, BURST_HZ[label], given.draws.event_place, strength, given.rate)
    return given.samples + burst


CUE = Cue("the noise burst", CLASSES, "dB re a stressed vowel", (-15.0, -9.0, -3.0, 9.0), sound=sound)
