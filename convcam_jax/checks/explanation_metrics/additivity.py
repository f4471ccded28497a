"""Whether a map of ONE recording adds up to what the class's logit gains: completeness and infidelity.

Axes: F frequency bin; T time frame; P perturbation.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.score import Classify
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording, target_logits

# Cells along each side of a square that is silenced: two thirds of an octave and 247 ms of the default representation.
SQUARE_CELLS = 8


def completeness(answers: Classify, recording: ExplainedRecording, signed_map: Float[Array, "..."]) -> Float[Array, ""]:
    """How far the signed map's sum is from what the logit gains over silence, as a share of that gain; >= 0.

    Not finite for a silent recording. The map may be one of nodes. Source: Sundararajan, Taly and Yan, "Axiomatic
    attribution for deep networks", ICML 2017, which asks for equality.
    """
    silence = jnp.zeros_like(recording.spectrogram)
    logits = target_logits(answers, jnp.stack([recording.spectrogram, silence]), recording)
    gain = logits[0] - logits[1]
    return jnp.abs(signed_map.sum() - gain) / jnp.abs(gain)


def silenced_squares(spectrogram: Float[Array, "F T"], side: int = SQUARE_CELLS) -> Float[Array, "P F T"]:
    """What is taken away where one square after another is silenced, each alone."""
    bins, frames = (jnp.arange(n) // side for n in spectrogram.shape)
    n_across = -(-spectrogram.shape[1] // side)
    square = bins[:, None] * n_across + frames[None, :]
    n_squares = -(-spectrogram.shape[0] // side) * n_across
    return jnp.where(square[None] == jnp.arange(n_squares)[:, None, None], spectrogram[None], 0.0)


def infidelity(answers: Classify, recording: ExplainedRecording, taken_away: Float[Array, "P F T"]) -> Float[Array, ""]:
    """Mean squared error of what the map says that the logit loses, as a share of the mean squared loss: 0 to 1.

    The map says the sum of itself times what is taken away, and is scaled by what makes the error smallest, as in the
    paper's comparisons, but never turned around: 1 is as good as a map of zeros, and no map is worse. NaN where nothing
    changes the logit. Source: Yeh et al., "On the (in)fidelity and sensitivity of explanations", NeurIPS 2019.
    """
    versions = jnp.concatenate([recording.spectrogram[None], recording.spectrogram[None] - taken_away])
    logits = target_logits(answers, versions, recording)
    return scaled_error(logits[0] - logits[1:], (taken_away * recording.relevance[None]).sum((1, 2)))


def scaled_error(losses: Float[Array, " P"], said: Float[Array, " P"]) -> Float[Array, ""]:
    """Least mean squared error of multiples >= 0 of `said`, as a share of the mean square of `losses`."""
    norm = (said**2).sum()
    scale = jnp.where(norm > 0, jnp.maximum((said * losses).sum(), 0.0) / jnp.where(norm > 0, norm, 1.0), 0.0)
    return ((scale * said - losses) ** 2).mean() / (losses**2).mean()
