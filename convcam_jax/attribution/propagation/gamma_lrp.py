"""Layer-wise relevance propagation by its gamma rule (Montavon et al., 2019)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.gradient import layered_gradient
from convcam_jax.attribution.propagation.layers import LayerParts
from convcam_jax.attribution.propagation.rules import in_proportion

# The default of the package zennit.
GAMMA = 0.25


def favoured(layer: LayerParts) -> Array:
    """What has the sign of a value counts `GAMMA` more."""
    same_sign = jnp.where(layer.values > 0, layer.raised, layer.lowered)
    return in_proportion(layer.results, layer.values + GAMMA * same_sign)


def gamma_lrp(explained: Explained) -> Float[Array, "B F T"]:
    """LRP-gamma of Montavon et al., in "Explainable AI", LNCS 11700, 2019, chapter 10, in all layers.

    In the form of the package zennit, which values of both signs may come into.
    """
    return explained.spectrograms * layered_gradient(explained, favoured)


METHOD = Method(
    level="input",
    explain=gamma_lrp,
    description=f"relevance of y by shares of aw + {GAMMA} (aw)⁺ in all layers; where their sum is < 0, of its sign",
    source="Montavon et al., LNCS 11700, 2019, chapter 10",
    sign="both",
    sums_over="silence",
)
