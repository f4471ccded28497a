"""The energy ratio (Eq. 10 and 11, Table 5) by chance: masks of equal area that are moved, exchanged or made at random.

The ratio belongs to an emotion's mask, so masks are drawn: draw number b is one mask for all recordings of an emotion,
and covers as many cells in each of them as the real mask does, to the cell. Recordings are cut to their frames, whose
numbers differ, so this is NumPy and not a program for padded arrays.

A mask is a sum that holds the map of the recording it is applied to, which alone makes it hold more of that recording's
energy than other masks. So masks without regard to emotion are not drawn for given recordings: those of each speaker
exchange their emotions, and each is seen inside the mask of those that have the same one then, itself among them.
Axes: N recording; P draw; S shift that is drawn; C emotion; F frequency bin; T time frame; n frames of one recording.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.random import Generator

from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.chance.controls import UNTESTED, ControlDraws, unmoved_by
from convcam_jax.checks.chance.random_masks import largest_cells, random_fields
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.masks import binarise

# Stands for the emotion of a recording that is left out.
NO_EMOTION = -1


class MaskDraws(NamedTuple):
    """What takes the place of one emotion's mask.

    Attributes:
      random_blobs: random fields with the mask's power spectrum.
      another_emotion: masks R of the C - 1 other emotions, zero for one without.
      time_share: shifts in time, in 0..1 of the recording.
      bin_shift: shifts in frequency, in bins.
    """

    random_blobs: Float[np.ndarray, "P F T"]
    another_emotion: Float[np.ndarray, "others F T"]
    time_share: Float[np.ndarray, " S"]
    bin_shift: Int[np.ndarray, " S"]


class EnergyRatios(NamedTuple):
    """Energy ratio of one recording inside its emotion's mask, inside drawn masks, and of its strongest cells."""

    observed: Float[np.ndarray, " 1"]
    random_blobs: Float[np.ndarray, " P"]
    time_shift: Float[np.ndarray, " S"]
    frequency_shift: Float[np.ndarray, " S"]
    another_emotion: Float[np.ndarray, " others"]
    top_energy: Float[np.ndarray, " 1"]


def energy_ratios(
    magnitude: Float[np.ndarray, "F n"], mask: Bool[np.ndarray, "F T"], instead: MaskDraws, generator: Generator
) -> EnergyRatios:
    """Energy ratios of one recording that is not silent; `mask` is that of its emotion."""
    n_frames = magnitude.shape[1]
    share = _energy_shares(magnitude)
    in_recording = mask[:, :n_frames]

    def inside(cells: np.ndarray) -> np.ndarray:
        return cells.reshape(len(cells), -1) @ share

    def inside_largest(values: np.ndarray) -> np.ndarray:
        cut = values[:, :, :n_frames].reshape(len(values), -1)
        ratios = inside(largest_cells(cut, int(in_recording.sum()), generator))
        return np.where(values.any((1, 2)), ratios, np.nan)

    shifts = (instead.time_share * n_frames).astype(int)
    in_time = {int(s): inside(np.roll(in_recording, s, axis=1)[None])[0] for s in np.unique(shifts)}
    in_frequency = {int(s): inside(np.roll(in_recording, s, axis=0)[None])[0] for s in np.unique(instead.bin_shift)}
    return EnergyRatios(
        observed=inside(in_recording[None]),
        random_blobs=inside_largest(instead.random_blobs),
        time_shift=np.array([in_time[int(s)] for s in shifts]),
        frequency_shift=np.array([in_frequency[int(s)] for s in instead.bin_shift]),
        another_emotion=inside_largest(instead.another_emotion),
        top_energy=inside_largest(magnitude[None]),
    )


def _energy_shares(magnitude: Float[np.ndarray, "F n"]) -> Float[np.ndarray, " cells"]:
    """Of the energy of a recording that is not silent, the share of each cell."""
    energy = np.square(magnitude.astype(float)).ravel()
    return energy / energy.sum()


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

    `maps` are >= 0, `masks` are R (Eq. 1). Recordings of an emotion whose mask is zero are NaN, too. The draws in which
    emotions are exchanged are those of `exchanged_emotions`.
    """
    sounds = arrays.magnitude.any((1, 2))
    ratios = {name: _empty(name, len(maps), controls, len(masks)) for name in EnergyRatios._fields}
    unmoved = {name: np.zeros((len(maps), controls.shifts), bool) for name in ("time_shift", "frequency_shift")}
    for emotion in np.unique(arrays.emotion[correct & maps.any((1, 2))]):
        instead = draw_masks(int(emotion), masks, controls, generator)
        mask = np.asarray(binarise(masks[emotion], analysis.mask_threshold))
        for row in np.flatnonzero(correct & (arrays.emotion == emotion) & sounds):
            n_frames = int(arrays.n_frames[row])
            of_recording = energy_ratios(arrays.magnitude[row, :, :n_frames], mask, instead, generator)
            for name, values in of_recording._asdict().items():
                ratios[name][row] = values
            shifts = (instead.time_share * n_frames).astype(int)
            unmoved["time_shift"][row] = unmoved_by(shifts, mask[:, :n_frames], axis=1)
            unmoved["frequency_shift"][row] = unmoved_by(instead.bin_shift, mask[:, :n_frames], axis=0)
    observed = ratios.pop("observed")[:, 0]
    return [
        ControlDraws("energy_ratio", name, observed, draws, unmoved.get(name), tested=name not in UNTESTED)
        for name, draws in ratios.items()
    ]


def draw_masks(
    emotion: int, masks: Float[np.ndarray, "C F T"], controls: ControlsConfig, generator: Generator
) -> MaskDraws:
    """Draws in the place of the mask R of `emotion`, out of `masks`."""
    n_emotions, n_bins, _ = masks.shape
    return MaskDraws(
        random_blobs=random_fields(masks[emotion], controls.permutations, generator),
        another_emotion=np.roll(masks, -1 - emotion, axis=0)[: n_emotions - 1],
        time_share=generator.random(controls.shifts),
        bin_shift=generator.integers(n_bins, size=controls.shifts),
    )


def exchanged_labels(
    emotion: Int[np.ndarray, " N"],
    speakers: Sequence[str],
    counted: Bool[np.ndarray, " N"],
    n_draws: int,
    generator: Generator,
) -> Int[np.ndarray, "N draws"]:
    """The emotions that recordings have really, in the first column, and in `n_draws` draws; NO_EMOTION for others.

    Those that are `counted` in the masks exchange them within each speaker. So maps and sounds may be a speaker's own,
    and speakers may have emotions in whatever shares: every draw has the same.
    """
    labels = np.where(counted, emotion, NO_EMOTION)[:, None].repeat(1 + n_draws, axis=1)
    for speaker in np.unique(speakers):
        of_speaker = counted & (np.asarray(speakers) == speaker)
        labels[of_speaker, 1:] = generator.permuted(labels[of_speaker, 1:], axis=0)
    return labels


def exchanged_emotions(
    maps: Float[np.ndarray, "N F T"],
    labels: Int[np.ndarray, "N draws"],
    arrays: AnalysisArrays,
    observed: Float[np.ndarray, " N"],
    mask_threshold: float,
    generator: Generator,
) -> ControlDraws:
    """Draws in which the recordings of each speaker exchange their emotions (`exchanged_labels`); NaN for silent ones.

    In a draw each is seen inside the mask of all that have its emotion then, of which it is one, as it is of its own.
    Masks of other areas are made comparable by `gains_at_equal_area`. What was observed is treated as the draws are: if
    emotions mean nothing to maps and sounds of a speaker, it is one of them like any other, and p is right, for all
    recordings, for those that have an emotion, and for one recording among the draws that leave it its emotion.
    """
    gains, unchanged = np.full(labels.shape, np.nan), np.zeros(labels.shape, bool)
    for emotion in np.unique(labels[labels != NO_EMOTION]):
        taken = labels == emotion
        sums = np.tensordot(taken.T.astype(np.float32), maps, axes=1)
        inside = sums >= mask_threshold * sums.max((1, 2), keepdims=True)
        # Where one recording has the emotion, its own map is the mask, whichever it is, so that its gain is always 0.
        is_alone = taken[:, 0].sum() == 1
        unchanged |= taken & (is_alone | (taken == taken[:, :1]).all(0))
        for row in np.flatnonzero(taken.any(1) & arrays.magnitude.any((1, 2))):
            n_frames, own = int(arrays.n_frames[row]), taken[row]
            share = _energy_shares(arrays.magnitude[row, :, :n_frames])
            cut, cut_inside = (cells[own, :, :n_frames].reshape(-1, len(share)) for cells in (sums, inside))
            gains[row, own] = 0 if is_alone else gains_at_equal_area(cut, cut_inside, share, generator)
    # The same mask is the same draw, however its sum was rounded.
    gains = np.where(unchanged & (labels == labels[:, :1]), gains[:, :1], gains)
    return ControlDraws(
        "energy_ratio", "shuffled_emotions", observed, gains[:, 1:], unchanged[:, 1:], labels[:, 1:], gains[:, 0]
    )


def gains_at_equal_area(
    values: Float[np.ndarray, "P cells"],
    inside: Bool[np.ndarray, "P cells"],
    share: Float[np.ndarray, " cells"],
    generator: Generator,
) -> Float[np.ndarray, " P"]:
    """How much more of the energy each of P masks holds than all do on average if they are made as large as it is.

    values: the fields that are thresholded; inside: their cells in the mask; share: of the energy. A field's mask is
    made larger and smaller by its largest values; which of equal ones come first is drawn.
    """
    mixed = generator.permutation(len(share))
    largest_first = np.argsort(-values[:, mixed], axis=1)
    on_average = np.append(0.0, share[mixed][largest_first].mean(0).cumsum())
    return inside @ share - on_average[inside.sum(1)]


def _empty(name: str, n_recordings: int, controls: ControlsConfig, n_emotions: int) -> Float[np.ndarray, "N draws"]:
    widths = {"observed": 1, "top_energy": 1, "another_emotion": n_emotions - 1}
    widths |= dict.fromkeys(("time_shift", "frequency_shift"), controls.shifts)
    return np.full((n_recordings, widths.get(name, controls.permutations)), np.nan)
