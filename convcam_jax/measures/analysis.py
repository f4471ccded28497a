"""The paper's analysis of all members and test recordings of one cohort at once (section 3.3).

Axes: S member; N recording; C emotion; F frequency bin; T time frame.
"""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.masks import binarise, emotion_masks, ensemble_masks
from convcam_jax.measures.metrics import (
    RecordingMetrics,
    activation_contour,
    energy_contour,
    frequency_trajectory,
    recording_metrics,
)
from convcam_jax.measures.missing_values import nan_allowed
from convcam_jax.training.member import QUICKLY_COMPILED


class Analysis(NamedTuple):
    """Of S members and N recordings: metrics `[S, N]`, masks R (Eq. 1), R-hat (Eq. 2)."""

    metrics: RecordingMetrics
    masks: Float[Array, "S C F T"]
    ensemble_masks: Float[Array, "C F T"]


class Contours(NamedTuple):
    """Of N recordings, `[N, T]` each, or of one: q (Eq. 6), Q (Eq. 7), both in 0..1, and c in Hz (Eq. 9)."""

    contour: Float[Array, "*N T"]
    envelope: Float[Array, "*N T"]
    trajectory_hz: Float[Array, "*N T"]


def analyse_member(
    maps: Float[Array, "N F T"],
    correct: Bool[Array, " N"],
    arrays: AnalysisArrays,
    bin_hz: Float[Array, " F"],
    n_emotions: int,
    config: AnalysisConfig,
) -> tuple[RecordingMetrics, Float[Array, "C F T"]]:
    """Metrics `[N]` and masks R of one member.

    Args:
      maps: >= 0, zero beyond each recording's frames.
      correct: whether the member classified the recording correctly.
      arrays: what else is known of the N recordings.
      bin_hz: centre frequencies.
      n_emotions: number C of emotions.
      config: thresholds.
    """
    masks = emotion_masks(maps, arrays.emotion, correct, n_emotions)
    binary = jax.vmap(lambda mask: binarise(mask, config.mask_threshold))(masks)

    def recording(own_map: Float[Array, "F T"], arrays: AnalysisArrays) -> RecordingMetrics:
        return recording_metrics(own_map, arrays, bin_hz, binary[arrays.emotion], config)

    return jax.vmap(recording)(maps, arrays), masks


@nan_allowed
@partial(jax.jit, static_argnames=("n_emotions", "config"), compiler_options=QUICKLY_COMPILED)
def analyse(
    maps: Float[Array, "S N F T"],
    correct: Bool[Array, "S N"],
    arrays: AnalysisArrays,
    bin_hz: Float[Array, " F"],
    n_emotions: int,
    config: AnalysisConfig,
) -> Analysis:
    """Masks and metrics of all members: as `analyse_member`, with the axis S.

    Not to be called inside another `jit`, where `analyse_member` is to be mapped.
    """
    members = jax.vmap(lambda own, right: analyse_member(own, right, arrays, bin_hz, n_emotions, config))
    metrics, masks = members(maps, correct)
    return Analysis(metrics, masks, ensemble_masks(masks))


@nan_allowed
@partial(jax.jit, static_argnames="threshold", compiler_options=QUICKLY_COMPILED)
def contours(
    maps: Float[Array, "N F T"], arrays: AnalysisArrays, bin_hz: Float[Array, " F"], threshold: float
) -> Contours:
    """Contours of the maps, whose cells below `threshold` of a column's maximum are left out of c.

    Not to be called inside another `jit`.
    """

    def recording(own_map: Float[Array, "F T"], arrays: AnalysisArrays) -> Contours:
        trajectory = frequency_trajectory(own_map, bin_hz, threshold)
        return Contours(activation_contour(own_map), energy_contour(arrays.energy, arrays.n_frames), trajectory)

    return jax.vmap(recording)(maps, arrays)


def correct_predictions(logits: Float[np.ndarray, "S N C"], emotion: Int[np.ndarray, " N"]) -> Bool[np.ndarray, "S N"]:
    """Whether each member classified each recording correctly; `emotion` is the truth."""
    return logits.argmax(-1) == emotion
