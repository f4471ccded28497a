"""Sound and silence: which sound a class's score rests on, and which missing sound, in one map."""

import jax
from jaxtyping import Array, Float

from convcam_jax.attribution.gradients.integrated_gradients import integrated_gradients
from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.perturbations.filling import filling


def sound_and_silence(explained: Explained) -> Float[Array, "B F T"]:
    """The positive part of integrated gradients and the map of `filling`, both in units of the score: >= 0."""
    return jax.nn.relu(integrated_gradients(explained)) + filling(explained)


METHOD = Method(
    level="input",
    explain=sound_and_silence,
    description="ReLU of integrated gradients + filling",
    source="this project (docs/evidence.md, Missing sound)",
    sign=">= 0",
    compares=True,
)
