"""Masks, metrics and contours of all members' maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.attribution.methods import INPUT_METHODS
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import AnalysisArrays, Dataset, analysis_arrays
from convcam_jax.measures.analysis import analyse, contours, correct_predictions, explanation_placement, placed_maps
from convcam_jax.measures.result_tables import contour_table, metrics_table, recording_views
from convcam_jax.measures.views import MaskSet, RecordingView
from convcam_jax.representations.features import bin_frequencies_hz, frame_times_s
from convcam_jax.settings.config import Config
from convcam_jax.stages.attribution import load_explanations
from convcam_jax.stages.workdir import read_csv, write_arrays, write_csv
from convcam_jax.training.ensemble import Member


class GenderMaps(NamedTuple):
    """The maps of one gender's members.

    Attributes:
      gender: its name.
      seeds: `[S]` of the members.
      chosen: index of the chosen member in `seeds`.
      utterances: the N recordings.
      arrays: what the metrics need of them.
      maps: `[S, N, F, T]`, placed on the grid of the CQT.
      raw_maps: for each recording, the chosen member's map of the last convolution `[H, W]` >= 0, or None if there is
        none.
      correct: `[S, N]` bool.
    """

    gender: str
    seeds: Sequence[int]
    chosen: int
    utterances: Sequence[Utterance]
    arrays: AnalysisArrays
    maps: np.ndarray
    raw_maps: Sequence[np.ndarray | None]
    correct: np.ndarray

    def first_members(self, count: int) -> tuple[Member, ...]:
        """So many members, or all if there are fewer: the chosen one first, then by seed."""
        chosen = self.seeds[self.chosen]
        seeds = [chosen, *sorted(seed for seed in self.seeds if seed != chosen)]
        return tuple(Member(self.gender, int(seed)) for seed in seeds[:count])


class Analysed(NamedTuple):
    """What tables and figures are made of, besides the files written before."""

    metrics: pd.DataFrame
    masks: MaskSet
    views: dict[str, RecordingView]


def ensemble_maps(config: Config, dataset: Dataset, workdir: Path) -> list[GenderMaps]:
    """The maps of the trained members, placed as the config has it."""
    explanations, members = load_explanations(workdir), read_csv(workdir / "members.csv")
    placement = explanation_placement(config)
    on_input = config.cam.method in INPUT_METHODS
    result = []
    for gender in dataset.genders():
        tested = dataset.indices(gender, "test")
        utterances = [dataset.utterances[i] for i in tested]
        arrays = analysis_arrays(utterances, [dataset.features[i] for i in tested], config)
        seeds = explanations[f"{gender}_seeds"].tolist()
        chosen = seeds.index(members.query("gender == @gender and chosen")["seed"].item())
        signed = explanations[f"{gender}_signed_maps"]
        maps = np.asarray(placed_maps(signed, arrays.n_frames, placement))
        correct = correct_predictions(explanations[f"{gender}_logits"], arrays.emotion)
        raw_maps = [None] * len(tested) if on_input else list(np.maximum(signed[chosen], 0))
        result.append(GenderMaps(gender, seeds, chosen, utterances, arrays, maps, raw_maps, correct))
    return result


def analyse_maps(config: Config, genders: Sequence[GenderMaps], workdir: Path) -> Analysed:
    """Write `metrics.csv`, `masks.npz`, `maps.npz` and `contours.csv`.

    `masks.npz` holds, for each gender, `GENDER_R [S, C, F, T]` (Eq. 1) and `GENDER_R_hat [C, F, T]` (Eq. 2).
    """
    bin_hz = bin_frequencies_hz(config.features)
    time_s = frame_times_s(config.corpus.max_frames, config.features)
    emotions = config.corpus.emotions
    tables: list[pd.DataFrame] = []
    views: dict[str, RecordingView] = {}
    masks: dict[str, np.ndarray] = {}
    for own in genders:
        analysis = analyse(own.maps, own.correct, own.arrays, bin_hz, len(emotions), config.analysis)
        masks[f"{own.gender}_R"] = np.asarray(analysis.masks)
        masks[f"{own.gender}_R_hat"] = np.asarray(analysis.ensemble_masks)
        tables.append(metrics_table(own.gender, own.seeds, own.utterances, own.arrays, own.correct, analysis.metrics))
        chosen_maps = own.maps[own.chosen]
        lines = contours(chosen_maps, own.arrays, bin_hz, config.analysis.trajectory_threshold)
        views |= recording_views(own.utterances, own.arrays, chosen_maps, own.raw_maps, lines, bin_hz, time_s)
    metrics = pd.concat(tables, ignore_index=True)
    write_csv(workdir / "metrics.csv", metrics)
    write_csv(workdir / "contours.csv", contour_table(views))
    axes = {"frequency_hz": bin_hz, "time_s": time_s}
    write_arrays(workdir / "masks.npz", {**masks, "emotions": np.array(emotions), **axes})
    write_arrays(workdir / "maps.npz", {**{name: view.map for name, view in views.items()}, **axes})
    best = {own.gender: masks[f"{own.gender}_R"][own.chosen] for own in genders}
    summed = {own.gender: masks[f"{own.gender}_R_hat"] for own in genders}
    return Analysed(metrics, MaskSet(best, summed, emotions, bin_hz, time_s), views)
