"""Gradient times input (Shrikumar et al., arXiv:1605.01713, 2016)."""

from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import score_gradient


def gradient_x_input(explained: Explained) -> Float[Array, "B F T"]:
    """Gradient times input, Shrikumar et al., arXiv:1605.01713, 2016."""
    spectrograms = explained.spectrograms
    return spectrograms * score_gradient(explained.classify, spectrograms, explained.targets, explained.score)


METHOD = Method(
    level="input",
    explain=gradient_x_input,
    description="x ∘ ∂y/∂x",
    source="Shrikumar et al., arXiv:1605.01713, 2016",
    sign="both",
    sums_over="silence",
)
