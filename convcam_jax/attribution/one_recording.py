"""What all members answer to ONE recording that has no label, and their maps of the class that they give it together.

Axes: S member; C class; F frequency bin; n frame.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Float
from scipy.special import softmax

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.data.dataset import as_recordings
from convcam_jax.networks.network import Network, Variables
from convcam_jax.representations.representation import Representation
from convcam_jax.training.ensemble import member_and_recording_mesh


class Answers(NamedTuple):
    """What S members say of a recording.

    Attributes:
      probabilities: `[S, C]`.
      predicted: the class whose mean probability is highest.
      signed_maps: each member's for this class, in front of the ReLU of Eq. 5, `[S, H, W]` or `[S, F, T]`.
      logits: `[S, C]`.
    """

    probabilities: np.ndarray
    predicted: int
    signed_maps: np.ndarray
    logits: np.ndarray


def on_devices(variables: Variables) -> Variables:
    """Members' variables `[S, ...]` where `answer` needs them, so that they are brought there once."""
    mesh = member_and_recording_mesh(len(jax.tree.leaves(variables)[0]), 1)
    return jax.device_put(variables, NamedSharding(mesh, PartitionSpec("member")))


def answer(
    ensemble: Sequence[Variables],
    magnitude: Float[np.ndarray, "F n"],
    network: Network,
    representation: Representation,
    max_frames: int,
    config: AttributionConfig,
) -> Answers:
    """The answers of an ensemble to a recording.

    Every member explains the same class, that of the ensemble, whichever it answers itself: the maps can be compared.

    Args:
      ensemble: the variables of members, `[S, ...]` in each part; S counts all of them.
      magnitude: of the recording.
      network: the members'.
      representation: whose magnitude it is.
      max_frames: how many frames an input of the network has, at least n.
      config: how they explain; its target does not count.
    """
    by_class = dataclasses.replace(config, target="truth")
    # Of the longest input, so that one program serves all recordings.
    layout = network.layout(np.array([[max_frames]]))

    def explain(emotion: int) -> tuple[np.ndarray, np.ndarray]:
        recordings = as_recordings([magnitude], np.array([emotion], dtype=np.int32), representation, max_frames)
        parts = [
            explain_members(own, recordings, np.zeros((1, 1), np.int32), network, layout, (by_class,))
            for own in ensemble
        ]
        return (
            np.concatenate([part.signed_maps[0][:, 0] for part in parts]),
            np.concatenate([part.logits[:, 0] for part in parts]),
        )

    # A GPU would multiply float32 in fewer bits, where nobody has told JAX otherwise.
    with jax.default_matmul_precision("highest"):
        _, logits = explain(0)
        probabilities = softmax(logits.astype(float), axis=-1)
        predicted = int(probabilities.mean(axis=0).argmax())
        signed_maps, _ = explain(predicted)
    return Answers(probabilities, predicted, signed_maps, logits)
