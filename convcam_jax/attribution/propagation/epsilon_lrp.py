"""Layer-wise relevance propagation by its epsilon rule (Bach et al., PLOS ONE 10, 2015)."""

from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.gradient import ruled_gradient
from convcam_jax.attribution.propagation.rules import Crossing, in_proportion


def stabilised(crossing: Crossing) -> Array:
    """Back through a nonlinearity goes its result divided by its value, of which `rules.EPSILON` keeps 0 away."""
    return in_proportion(crossing.results, crossing.values)


def epsilon_lrp(explained: Explained) -> Float[Array, "B F T"]:
    """LRP of Bach et al., PLOS ONE 10, 2015 (Eq. 58), in the form of a gradient (Ancona et al., ICLR 2018).

    Biases take their share, as in the package captum.
    """
    return explained.spectrograms * ruled_gradient(explained, stabilised, explained.spectrograms)


METHOD = Method(
    level="input",
    explain=epsilon_lrp,
    description="x ∘ ∂y/∂x, but a nonlinearity f of z has the slope f(z) / (z ± 0.000001)",
    source="Bach et al., PLOS ONE 10, 2015, Eq. 58",
    sign="both",
    sums_over="silence",
)
