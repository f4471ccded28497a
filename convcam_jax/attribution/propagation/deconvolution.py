"""Deconvolution (Zeiler and Fergus, ECCV 2014)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.gradient import ruled_gradient
from convcam_jax.attribution.propagation.guided_backpropagation import only_raises
from convcam_jax.attribution.propagation.rules import Crossing, straight


def rectified(crossing: Crossing) -> Array:
    """Back through a nonlinearity goes what raises the score, whatever went through it forward."""
    return only_raises(straight(crossing.results, crossing.values, jnp.ones_like(crossing.values)))


def deconvolution(explained: Explained) -> Float[Array, "B F T"]:
    """Deconvolution of Zeiler and Fergus, ECCV 2014 (section 2.1), of the score instead of an activation."""
    return jnp.where(explained.present, ruled_gradient(explained, rectified, explained.spectrograms), 0)


METHOD = Method(
    level="input",
    explain=deconvolution,
    description="∂y/∂x, but a nonlinearity sends back the positive part of what it gets",
    source="Zeiler and Fergus, ECCV 2014, section 2.1",
    sign="both",
)
