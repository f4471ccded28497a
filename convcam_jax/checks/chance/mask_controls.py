"""The energy ratio (Eq. 10 and 11, Table 5) by chance: masks of equal area that are moved, exchanged or made at random.

The ratio belongs to an emotion's mask, so masks are drawn: draw number b is one mask for all recordings of an emotion,
and covers as many cells in each of them as the real mask does, to the cell. Recordings are cut to their frames, whose
numbers differ, so this is NumPy and not a program for padded arrays.
Axes: N recording; P draw; S shift that is drawn; C emotion; F frequency bin; T time frame; n frames of one recording.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.chance.controls import ControlDraws
from convcam_jax.checks.chance.random_masks import Generator, largest_cells, random_fields
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.masks import binarise


class MaskDraws(NamedTuple):
    """What takes the place of one emotion's mask.

    Attributes:
      random_blobs: random fields with the mask's power spectrum.
      another_emotion: masks R of the C - 1 other emotions, zero for one without.
      shuffled_emotions: sums of as many maps as R has, of recordings drawn regardless of their emotion.
      time_share: shifts in time, in 0..1 of the recording.
      bin_shift: shifts in frequency, in bins.
    """

    random_blobs: Float[np.ndarray, "P F T"]
    another_emotion: Float[np.ndarray, "others F T"]
    shuffled_emotions: Float[np.ndarray, "P F T"]
    time_share: Float[np.ndarray, " S"]
    bin_shift: Int[np.ndarray, " S"]


class EnergyRatios(NamedTuple):
    """Energy ratio of one recording inside its emotion's mask, inside drawn masks, and of its strongest cells."""

    observed: Float[np.ndarray, " 1"]
    random_blobs: Float[np.ndarray, " P"]
    time_shift: Float[np.ndarray, " S"]
    frequency_shift: Float[np.ndarray, " S"]
    another_emotion: Float[np.ndarray, " others"]
    shuffled_emotions: Float[np.ndarray, " P"]
    top_energy: Float[np.ndarray, " 1"]


def energy_ratios(
    magnitude: Float[np.ndarray, "F n"], mask: Bool[np.ndarray, "F T"], instead: MaskDraws, generator: Generator
) -> EnergyRatios:
    """Energy ratios of one recording that is not silent; `mask` is that of its emotion."""
    n_frames = magnitude.shape[1]
    energy = np.square(magnitude.astype(float)).ravel()
    share = energy / energy.sum()
    own = mask[:, :n_frames]

    def inside(cells: np.ndarray) -> np.ndarray:
        return cells.reshape(len(cells), -1) @ share

    def inside_largest(values: np.ndarray) -> np.ndarray:
        cut = values[:, :, :n_frames].reshape(len(values), -1)
        ratios = inside(largest_cells(cut, int(own.sum()), generator))
        return np.where(values.any((1, 2)), ratios, np.nan)

    shifts = (instead.time_share * n_frames).astype(int)
    in_time = {int(s): inside(np.roll(own, s, axis=1)[None])[0] for s in np.unique(shifts)}
    in_frequency = {int(s): inside(np.roll(own, s, axis=0)[None])[0] for s in np.unique(instead.bin_shift)}
    return EnergyRatios(
        observed=inside(own[None]),
        random_blobs=inside_largest(instead.random_blobs),
        time_shift=np.array([in_time[int(s)] for s in shifts]),
        frequency_shift=np.array([in_frequency[int(s)] for s in instead.bin_shift]),
        another_emotion=inside_largest(instead.another_emotion),
        shuffled_emotions=inside_largest(instead.shuffled_emotions),
        top_energy=inside_largest(magnitude[None]),
    )


def mask_controls(
    maps: Float[np.ndarray, "N F T"],
    masks: Float[np.ndarray, "C F T"],
    correct: Bool[np.ndarray, " N"],
    arrays: AnalysisArrays,
    analysis: AnalysisConfig,
    controls: ControlsConfig,
    generator: Generator,
) -> list[ControlDraws]:
    """Draws of the energy ratio of one member's N recordings; those that are not `correct` are NaN.

    `maps` are >= 0, `masks` are R (Eq. 1). Recordings of an emotion whose mask is zero are NaN, too.
    """
    counted = correct & maps.any((1, 2))
    ratios = {name: _empty(name, len(maps), controls, len(masks)) for name in EnergyRatios._fields}
    for emotion in np.unique(arrays.emotion[counted]):
        instead = draw_masks(int(emotion), maps, counted, arrays.emotion, masks, controls, generator)
        mask = np.asarray(binarise(masks[emotion], analysis.mask_threshold))
        for row in np.flatnonzero(correct & (arrays.emotion == emotion) & arrays.magnitude.any((1, 2))):
            magnitude = arrays.magnitude[row, :, : arrays.n_frames[row]]
            for name, values in energy_ratios(magnitude, mask, instead, generator)._asdict().items():
                ratios[name][row] = values
    observed = ratios.pop("observed")[:, 0]
    return [
        ControlDraws("energy_ratio", name, observed, draws, tested=name != "top_energy")
        for name, draws in ratios.items()
    ]


def draw_masks(
    emotion: int,
    maps: Float[np.ndarray, "N F T"],
    counted: Bool[np.ndarray, " N"],
    emotions: Int[np.ndarray, " N"],
    masks: Float[np.ndarray, "C F T"],
    controls: ControlsConfig,
    generator: Generator,
) -> MaskDraws:
    """Draws in the place of the mask R of `emotion`, out of `masks`.

    `counted` says which of the `maps` masks are summed from, `emotions` what they show.
    """
    pool = np.flatnonzero(counted)
    n_own = int((counted & (emotions == emotion)).sum())
    weights = np.zeros((controls.permutations, len(maps)), np.float32)
    for row in weights:
        row[generator.choice(pool, n_own, replace=False)] = 1
    n_emotions, n_bins, _ = masks.shape
    return MaskDraws(
        random_blobs=random_fields(masks[emotion], controls.permutations, generator),
        another_emotion=np.roll(masks, -1 - emotion, axis=0)[: n_emotions - 1],
        shuffled_emotions=np.tensordot(weights, maps, axes=1),
        time_share=generator.random(controls.shifts),
        bin_shift=generator.integers(n_bins, size=controls.shifts),
    )


def _empty(name: str, n_recordings: int, controls: ControlsConfig, n_emotions: int) -> Float[np.ndarray, "N draws"]:
    widths = {"observed": 1, "top_energy": 1, "another_emotion": n_emotions - 1}
    widths |= dict.fromkeys(("time_shift", "frequency_shift"), controls.shifts)
    return np.full((n_recordings, widths.get(name, controls.permutations)), np.nan)
