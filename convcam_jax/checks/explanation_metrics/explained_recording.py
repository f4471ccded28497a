"""ONE recording and its map, as the metrics of explanations get them.

Axes: F frequency bin; T time frame; P version of the recording; C class.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.attribution.score import Classify


class ExplainedRecording(NamedTuple):
    """What a network was given, and the map that is to say what its answer rests on.

    Attributes:
      spectrogram: the network's input, zero behind the recording.
      relevance: the map, of any scale, zero behind the recording.
      n_frames: of the recording.
      target: the class that was explained.
    """

    spectrogram: Float[Array, "F T"]
    relevance: Float[Array, "F T"]
    n_frames: Int[Array, ""]
    target: Int[Array, ""]

    @property
    def present(self) -> Bool[Array, "F T"]:
        """The recording's cells."""
        n_bins, n_frames = self.spectrogram.shape
        return jnp.broadcast_to(jnp.arange(n_frames) < self.n_frames, (n_bins, n_frames))


def target_logits(
    answers: Classify, versions: Float[Array, "P F T"], recording: ExplainedRecording
) -> Float[Array, " P"]:
    """The logit of the explained class for several versions of the recording."""
    return answers(versions)[:, recording.target]
