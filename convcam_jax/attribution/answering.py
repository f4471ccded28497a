"""What all members answer to recordings that have no label, and their maps of the class that they give each together.

Axes: S member; C class; F frequency bin; n frame.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Float
from scipy.special import softmax

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import Explanations, explain_members
from convcam_jax.data.dataset import as_recordings
from convcam_jax.data.recordings import Recordings
from convcam_jax.networks.network import Network, Variables
from convcam_jax.representations.representation import Representation
from convcam_jax.training.ensemble import member_and_recording_mesh
from convcam_jax.training.kept import in_float32


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


class Asked(NamedTuple):
    """What is asked, and how.

    Attributes:
      network: the members'.
      representation: of the recordings.
      max_frames: how many frames an input of the network has, at least those of each recording.
      config: how they explain; its target does not count.
      references: recordings of the members' run with which others are compared; None where none are needed.
    """

    network: Network
    representation: Representation
    max_frames: int
    config: AttributionConfig
    references: Float[Array, "R F T"] | None


def on_devices(variables: Variables) -> Variables:
    """Members' variables `[S, ...]` where and as `answers` needs them, so that they are brought there once."""
    mesh = member_and_recording_mesh(len(jax.tree.leaves(variables)[0]), 1)
    return in_float32(jax.device_put(variables, NamedSharding(mesh, PartitionSpec("member"))))


def answers(
    read_parts: Callable[[], Iterable[Variables]],
    magnitudes: Sequence[Float[np.ndarray, "F _"]],
    asked: Asked,
    on_step: Callable[[], None] = lambda: None,
) -> list[Answers]:
    """The answers of an ensemble to recordings.

    Every member explains the same class, that of the ensemble, whichever it answers itself: the maps can be compared.

    Args:
      read_parts: gives the members' variables, `[S, ...]` in each part, and is called twice: what a part takes in the
        memory is free again when the next one comes. S counts all members.
      magnitudes: of the recordings.
      asked: of which network, and how.
      on_step: is called twice for each part and recording.
    """
    network, representation, max_frames, config, references = asked
    by_class = dataclasses.replace(config, target="truth")
    # The class that is explained has to be known first. Of all methods Grad-CAM costs least beside the answers.
    by_gradcam = dataclasses.replace(by_class, method="gradcam", baseline="silence")
    # Grad-CAM knows no baseline: what it is asked for itself is one program, not two.
    cheapest = by_class if by_class.method == "gradcam" else by_gradcam
    # Of the longest input, so that one program serves all recordings.
    layout = network.layout(np.array([[max_frames]]))

    def explain(emotions: Sequence[int], by: AttributionConfig) -> Iterator[Explanations]:
        """What all members say of each recording, of a class of each."""
        inputs = [
            as_recordings([one], np.array([emotion], np.int32), representation, max_frames)
            for one, emotion in zip(magnitudes, emotions, strict=True)
        ]
        return map(_joined, zip(*([ask(own, one, by) for one in inputs] for own in read_parts()), strict=True))

    def ask(variables: Variables, recording: Recordings, by: AttributionConfig) -> Explanations:
        found = explain_members(variables, recording, np.zeros((1, 1), np.int32), network, layout, (by,), references)
        on_step()
        return found

    # Another program's logits may differ in their last bits: all that is told of the answers is from these.
    every = [own.logits[:, 0] for own in explain([0] * len(magnitudes), cheapest)]
    probabilities = [softmax(logits.astype(float), axis=-1) for logits in every]
    predicted = [int(own.mean(axis=0).argmax()) for own in probabilities]
    maps = [own.signed_maps[0][:, 0] for own in explain(predicted, by_class)]
    return [Answers(*one) for one in zip(probabilities, predicted, maps, every, strict=True)]


def _joined(parts: Sequence[Explanations]) -> Explanations:
    """Explanations of all members, from those of each part of them."""
    (signed_maps,) = zip(*(part.signed_maps for part in parts), strict=True)
    return Explanations((np.concatenate(signed_maps),), np.concatenate([part.logits for part in parts]))
