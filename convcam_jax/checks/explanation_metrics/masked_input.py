"""Whether what a map lets through of ONE recording sounds to the network as the whole: SpeechBrain's scores.

The map divided by its maximum is a mask on the network's input. Paissan, Ravanelli and Subakan, "Listenable maps for
audio classifiers", ICML 2024, whose interpreters in SpeechBrain have these scores.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.score import Classify, class_scores
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording


class MaskedInputScores(NamedTuple):
    """Of the explained class's probability p of the whole recording, and q of what the mask lets through.

    Attributes:
      faithfulness: p less the probability of what the mask keeps out: -1 to 1.
      average_increase: whether q > p.
      average_drop: max(p - q, 0) / p.
      average_gain: max(q - p, 0) / (1 - p).
      input_fidelity: whether the answer to what the mask lets through is that to the whole.
    """

    faithfulness: Float[Array, ""]
    average_increase: Float[Array, ""]
    average_drop: Float[Array, ""]
    average_gain: Float[Array, ""]
    input_fidelity: Float[Array, ""]


def masked_input_scores(answers: Classify, recording: ExplainedRecording) -> MaskedInputScores:
    """All five; a map that is nowhere positive lets nothing through."""
    positive = jax.nn.relu(recording.relevance)
    mask = positive / jnp.where(positive.max() > 0, positive.max(), 1.0)
    whole = recording.spectrogram
    logits = answers(jnp.stack([whole, mask * whole, (1 - mask) * whole]))
    # Of logarithms: near 1, where networks are sure, a rounded probability does not tell how far it is from there.
    log_odds = class_scores(logits, "contrast")[:, recording.target]
    before, _, outside = jax.nn.sigmoid(log_odds)
    log_p, log_q, _ = jax.nn.log_sigmoid(log_odds)
    log_rest_of_p, log_rest_of_q, _ = jax.nn.log_sigmoid(-log_odds)
    return MaskedInputScores(
        faithfulness=before - outside,
        average_increase=(log_odds[1] > log_odds[0]).astype(before.dtype),
        average_drop=jax.nn.relu(-jnp.expm1(log_q - log_p)),
        average_gain=jax.nn.relu(-jnp.expm1(log_rest_of_q - log_rest_of_p)),
        input_fidelity=(logits[1].argmax() == logits[0].argmax()).astype(before.dtype),
    )
