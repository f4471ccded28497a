"""Gradient times input (Shrikumar et al., arXiv:1605.01713, 2016)."""

from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_inputs
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


METHOD = Method(
    level="input",
    explain=by_inputs(gradient_x_input),
    description="x ∘ ∂y/∂x",
    source="Shrikumar et al., arXiv:1605.01713, 2016",
    sign="both",
)
