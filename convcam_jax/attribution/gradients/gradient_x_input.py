"""Gradient times input (Shrikumar et al., arXiv:1605.01713, 2016)."""

from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.score import Classify, Score, score_gradient


def gradient_x_input(
    classify: Classify,
    spectrogram: Float[Array, "*batch F T"],
    target: Int[ArrayLike, "*batch"],
    score: Score = "logit",
) -> Float[Array, "*batch F T"]:
    """Gradient times input, Shrikumar et al., arXiv:1605.01713, 2016: `[..., F, T]`.

    Args:
      classify: from spectrograms `[..., F, T]` to logits `[..., C]`; of one, or of several at once (as packed on a
        strip), independent of each other.
      spectrogram: `[..., F, T]`.
      target: `[...]` index of the class.
      score: the class's logit, or its softmax probability.
    """
    return spectrogram * score_gradient(classify, spectrogram, target, score)


def of_inputs(explained: Explained) -> Float[Array, "B F T"]:
    """Gradient times input of a batch."""
    return gradient_x_input(explained.classify, explained.spectrograms, explained.targets, explained.score)


METHOD = Method(
    level="input",
    explain=of_inputs,
    description="x ∘ ∂y/∂x",
    source="Shrikumar et al., arXiv:1605.01713, 2016",
    sign="both",
    sums_over="silence",
)
