"""Cues that can be planted into a recording: a file each, and a line here."""

from collections.abc import Mapping

from convcam_jax.corpora.synthetic.cues import (
    breathiness,
    burst,
    devoicing,
    envelope,
    f0,
    formant,
    gap,
    jitter,
    lengthening,
    pause,
    suppressor,
    tilt,
    xor,
)
from convcam_jax.corpora.synthetic.cues.cue import Cue

CUES: Mapping[str, Cue] = {
    "f0": f0.CUE,
    "envelope": envelope.CUE,
    "burst": burst.CUE,
    "pause": pause.CUE,
    "tilt": tilt.CUE,
    "breathiness": breathiness.CUE,
    "formant": formant.CUE,
    "jitter": jitter.CUE,
    "lengthening": lengthening.CUE,
    "devoicing": devoicing.CUE,
    "gap": gap.CUE,
    "xor": xor.CUE,
    "suppressor": suppressor.CUE,
}
