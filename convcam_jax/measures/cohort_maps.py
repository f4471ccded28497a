"""The maps of one cohort's members, as they are measured and checked."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.arrays import AnalysisArrays, analysis_arrays, emotion_indices
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort, Member
from convcam_jax.measures.analysis import analyse, contours
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.result_tables import metrics_table, recording_views
from convcam_jax.measures.views import GridAxes, MaskSet, RecordingView
from convcam_jax.representations.features import Features
from convcam_jax.representations.frame_f0 import frame_f0
from convcam_jax.representations.representation import Representation


class CohortMaps(NamedTuple):
    """The maps of one cohort's members on its N test recordings.

    Attributes:
      cohort: whose they are.
      seeds: `[S]` of the members.
      chosen: index of the chosen member in `seeds`.
      utterances: the N recordings.
      arrays: what the metrics need of them.
      maps: placed on the grid of the inputs.
      raw_maps: for each recording, the chosen member's map of the explained convolution `[H, W]` >= 0, or None if there
        is none.
      correct: whether a member classified a recording correctly.
      logits: the members' answers.
    """

    cohort: Cohort
    seeds: Sequence[int]
    chosen: int
    utterances: Sequence[Utterance]
    arrays: AnalysisArrays
    maps: Float[np.ndarray, "S N F T"]
    raw_maps: Sequence[np.ndarray | None]
    correct: Bool[np.ndarray, "S N"]
    logits: Float[np.ndarray, "S N C"]


def first_members(of_cohort: CohortMaps, cohort_maps: Iterable[CohortMaps], count: int) -> tuple[Member, ...]:
    """So many members of a cohort, or all if there are fewer: of the same seeds in all folds of the group.

    The seeds that are chosen in the most of these folds come first, then they go by number: with one fold the chosen
    member is the first.
    """
    chosen = Counter(other.seeds[other.chosen] for other in cohort_maps if other.cohort.group == of_cohort.cohort.group)
    seeds = sorted(of_cohort.seeds, key=lambda seed: (-chosen[seed], seed))
    return tuple(Member(*of_cohort.cohort, int(seed)) for seed in seeds[:count])


class Analysed(NamedTuple):
    """What is measured on all members' maps.

    Attributes:
      metrics: the table of `metrics.csv`.
      masks: of all cohorts, the chosen members' and summed over all.
      views: what figures show of each test recording.
      member_masks: masks R `[S, C, F, T]` (Eq. 1) of each cohort's members.
    """

    metrics: pd.DataFrame
    masks: MaskSet
    views: dict[str, RecordingView]
    member_masks: dict[Cohort, np.ndarray]


def tested_arrays(
    dataset: Dataset, cohort: Cohort, representation: Representation, analysis: AnalysisConfig, corpus: CorpusConfig
) -> AnalysisArrays:
    """What the metrics need of a cohort's test recordings, F0 read as the analysis has it."""
    tested = dataset.indices(cohort, "test")
    features = [dataset.features[i] for i in tested]
    emotion = emotion_indices([dataset.utterances[i] for i in tested], corpus.emotions)
    return measured_arrays(features, emotion, representation, analysis, corpus.max_frames)


def measured_arrays(
    features: Sequence[Features],
    emotion: Int[np.ndarray, " N"],
    representation: Representation,
    analysis: AnalysisConfig,
    max_frames: int,
) -> AnalysisArrays:
    """The same of N recordings from their features and the indices of their emotions."""
    reading = analysis.f0_reading, analysis.isolated_voiced_frame
    f0 = [frame_f0(own, representation.frame_times_s(own.n_frames), *reading) for own in features]
    return analysis_arrays(features, f0, emotion, max_frames)


def analyse_cohorts(
    cohort_maps: Collection[CohortMaps], emotions: tuple[str, ...], analysis: AnalysisConfig, axes: GridAxes
) -> Analysed:
    """Metrics, masks and contours of all members' maps."""
    tables: list[pd.DataFrame] = []
    views: dict[str, RecordingView] = {}
    masks: dict[Cohort, np.ndarray] = {}
    summed: dict[Cohort, np.ndarray] = {}
    for of_cohort in cohort_maps:
        found = analyse(of_cohort.maps, of_cohort.correct, of_cohort.arrays, axes.bin_hz, len(emotions), analysis)
        masks[of_cohort.cohort], summed[of_cohort.cohort] = np.asarray(found.masks), np.asarray(found.ensemble_masks)
        tables.append(
            metrics_table(
                of_cohort.cohort,
                of_cohort.seeds,
                of_cohort.utterances,
                of_cohort.arrays,
                of_cohort.correct,
                found.metrics,
            )
        )
        chosen_maps = of_cohort.maps[of_cohort.chosen]
        lines = contours(chosen_maps, of_cohort.arrays, axes.bin_hz, analysis.trajectory_threshold)
        group = of_cohort.cohort.group
        views |= recording_views(
            group, of_cohort.utterances, of_cohort.arrays, chosen_maps, of_cohort.raw_maps, lines, axes
        )
    best = {own.cohort: masks[own.cohort][own.chosen] for own in cohort_maps}
    mask_set = MaskSet(best, summed, emotions, axes.bin_hz, axes.time_s, axes.edges_hz)
    return Analysed(pd.concat(tables, ignore_index=True), mask_set, views, masks)
