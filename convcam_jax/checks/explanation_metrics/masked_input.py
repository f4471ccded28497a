"""Whether what a map lets through of ONE recording sounds to the network as the whole: SpeechBrain's scores.

The map divided by its maximum is a mask on the network's input. Paissan, Ravanelli and Subakan, "Listenable maps for
audio classifiers", ICML 2024, whose interpreters in SpeechBrain have these scores.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.score import Classify
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording


class MaskedInputScores(NamedTuple):
    """Of the explained class's probability p of the whole recording, and q of what the mask lets through.

    Attributes:
      faithfulness: p less the probability of what the mask keeps out: -1 to 1.
      average_increase: whether q > p.
      average_drop: max(p - q, 0) / p.
      average_gain: max(q - p, 0) / (1 - p); 0 where p is 1.
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
    before, through, outside = jax.nn.softmax(logits)[:, recording.target]
    room = 1 - before
    return MaskedInputScores(
        faithfulness=before - outside,
        average_increase=(through > before).astype(before.dtype),
        average_drop=jax.nn.relu(before - through) / before,
        average_gain=jnp.where(room > 0, jax.nn.relu(through - before) / jnp.where(room > 0, room, 1.0), 0.0),
        input_fidelity=(logits[1].argmax() == logits[0].argmax()).astype(before.dtype),
    )
