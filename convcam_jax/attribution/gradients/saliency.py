"""The absolute gradient of the input (Simonyan, Vedaldi and Zisserman, ICLR workshops 2014)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import score_gradient


def saliency(explained: Explained) -> Float[Array, "B F T"]:
    """Absolute gradient of Simonyan, Vedaldi and Zisserman, ICLR workshops 2014 (section 3.1): >= 0."""
    gradient = score_gradient(explained.classify, explained.spectrograms, explained.targets, explained.score)
    return jnp.where(explained.present, jnp.abs(gradient), 0)


METHOD = Method(
    level="input",
    explain=saliency,
    description="absolute value of ∂y/∂x",
    source="Simonyan, Vedaldi and Zisserman, ICLR workshops 2014, section 3.1",
    sign=">= 0",
)
