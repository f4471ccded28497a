"""The paper's analysis of all members and test recordings of one gender at once (section 3.3).

Axes: S member; N recording; C emotion; F frequency bin; T time frame; H, W rows and columns of the last convolution.
"""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from convcam_jax.attribution.grad_cam import positive_part
from convcam_jax.attribution.methods import INPUT_METHODS
from convcam_jax.attribution.placement import Placement, identity_placement, normalise_and_crop, place
from convcam_jax.data.dataset import AnalysisArrays
from convcam_jax.measures.masks import binarise, emotion_masks, ensemble_masks
from convcam_jax.measures.metrics import (
    RecordingMetrics,
    activation_contour,
    energy_contour,
    frequency_trajectory,
    recording_metrics,
)
from convcam_jax.networks.simplenet import map_placement
from convcam_jax.settings.config import AnalysisConfig, Config
from convcam_jax.training.member import QUICKLY_COMPILED


class Analysis(NamedTuple):
    """Of S members and N recordings: metrics `[S, N]`, masks R `[S, C, F, T]` (Eq. 1), R-hat `[C, F, T]` (Eq. 2)."""

    metrics: RecordingMetrics
    masks: Array
    ensemble_masks: Array


class Contours(NamedTuple):
    """Of N recordings, `[N, T]` each: q (Eq. 6), Q (Eq. 7), both in 0..1, and c in Hz (Eq. 9)."""

    contour: Array
    envelope: Array
    trajectory_hz: Array


def simplenet_placement(config: Config) -> Placement:
    """How maps of the last convolution of the config's network are placed on the grid of its inputs."""
    return map_placement(config.analysis.map_placement, (config.features.cqt_bins, config.corpus.max_frames))


def explanation_placement(config: Config) -> Placement:
    """How the maps of the config's attribution method are placed on that grid; some methods' maps are on it already."""
    if config.cam.method in INPUT_METHODS:
        return identity_placement((config.features.cqt_bins, config.corpus.max_frames))
    return simplenet_placement(config)


def placed_map(signed_map: Array, n_frames: Array, placement: Placement) -> Array:
    """Map `[F, T]` in 0..1 on the inputs' grid from one signed map `[H, W]`."""
    return normalise_and_crop(place(positive_part(signed_map), placement), n_frames)


@jax.jit
def placed_maps(signed_maps: Array, n_frames: Array, placement: Placement) -> Array:
    """Maps `[S, N, F, T]` in 0..1 on the inputs' grid from signed maps `[S, N, H, W]`; `n_frames [N]`.

    H and W are those of `placement`; for maps that are on the grid already, F and T.
    """
    per_recording = jax.vmap(placed_map, in_axes=(0, 0, None))
    return jax.vmap(per_recording, in_axes=(0, None, None))(signed_maps, n_frames, placement)


def analyse_member(
    maps: Array, correct: Array, arrays: AnalysisArrays, bin_hz: Array, n_emotions: int, config: AnalysisConfig
) -> tuple[RecordingMetrics, Array]:
    """Metrics `[N]` and masks R `[C, F, T]` of one member.

    Args:
      maps: `[N, F, T]` >= 0, zero beyond each recording's frames.
      correct: `[N]` bool, whether the member classified the recording correctly.
      arrays: what else is known of the N recordings.
      bin_hz: `[F]` centre frequencies.
      n_emotions: number C of emotions.
      config: thresholds.
    """
    masks = emotion_masks(maps, arrays.emotion, correct, n_emotions)
    binary = jax.vmap(lambda mask: binarise(mask, config.mask_threshold))(masks)

    def recording(own_map: Array, own: AnalysisArrays) -> RecordingMetrics:
        mask = binary[own.emotion]
        return recording_metrics(
            own_map, own.n_frames, own.cqt, own.energy, own.f0_hz, own.voiced, bin_hz, mask, config
        )

    return jax.vmap(recording)(maps, arrays), masks


@partial(jax.jit, static_argnames=("n_emotions", "config"), compiler_options=QUICKLY_COMPILED)
def analyse(
    maps: Array, correct: Array, arrays: AnalysisArrays, bin_hz: Array, n_emotions: int, config: AnalysisConfig
) -> Analysis:
    """Masks and metrics of all members: as `analyse_member`, with `maps [S, N, F, T]` and `correct [S, N]`.

    Not to be called inside another `jit`, where `analyse_member` is to be mapped.
    """
    members = jax.vmap(lambda own, right: analyse_member(own, right, arrays, bin_hz, n_emotions, config))
    metrics, masks = members(maps, correct)
    return Analysis(metrics, masks, ensemble_masks(masks))


@partial(jax.jit, static_argnames="threshold", compiler_options=QUICKLY_COMPILED)
def contours(maps: Array, arrays: AnalysisArrays, bin_hz: Array, threshold: float) -> Contours:
    """Contours of maps `[N, F, T]`, whose cells below `threshold` of a column's maximum are left out of c.

    Not to be called inside another `jit`.
    """

    def recording(own_map: Array, own: AnalysisArrays) -> Contours:
        trajectory = frequency_trajectory(own_map, bin_hz, threshold)
        return Contours(activation_contour(own_map), energy_contour(own.energy, own.n_frames), trajectory)

    return jax.vmap(recording)(maps, arrays)


def correct_predictions(logits: np.ndarray, emotion: np.ndarray) -> np.ndarray:
    """Whether each member classified each recording correctly, `[S, N]`, from logits `[S, N, C]` and truth `[N]`."""
    return logits.argmax(-1) == emotion
