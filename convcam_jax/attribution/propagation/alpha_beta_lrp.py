"""Layer-wise relevance propagation by its alpha-beta rule (Bach et al., PLOS ONE 10, 2015)."""

from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.gradient import layered_gradient
from convcam_jax.attribution.propagation.layers import LayerParts
from convcam_jax.attribution.propagation.rules import in_proportion

# The more common one of the two pairs with both parts; the other, 1 and 0, is in `composite_lrp`.
ALPHA, BETA = 2.0, 1.0


def divided(layer: LayerParts) -> Array:
    """What raises a value gets `ALPHA` times its relevance, what lowers it loses `BETA` times as much."""
    # The results themselves remain, for the factors differ by 1.
    return ALPHA * in_proportion(layer.results, layer.raised) - BETA * in_proportion(layer.results, layer.lowered)


def alpha_beta_lrp(explained: Explained) -> Float[Array, "B F T"]:
    """LRP of Bach et al., PLOS ONE 10, 2015 (Eq. 60), in all layers."""
    return explained.spectrograms * layered_gradient(explained, divided)


METHOD = Method(
    level="input",
    explain=alpha_beta_lrp,
    description=f"relevance of y by {ALPHA:g} shares of (aw)⁺ less {BETA:g} of (aw)⁻ in all layers",
    source="Bach et al., PLOS ONE 10, 2015, Eq. 60",
    sign="both",
    sums_over="silence",
)
