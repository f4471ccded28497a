"""The figures of Tables 3 to 5 against chance, for the chosen members."""

import numpy as np
import pandas as pd

from convcam_jax.checks.chance.contour_controls import contour_controls
from convcam_jax.checks.chance.control_verdicts import control_verdicts
from convcam_jax.checks.chance.controls import ControlDraws, control_table, readable_cells
from convcam_jax.checks.chance.mask_controls import exchanged_emotions, exchanged_labels, mask_controls
from convcam_jax.figures.checks.controls import against_chance
from convcam_jax.measures.cohort_maps import CohortMaps
from convcam_jax.measures.config import table_metric
from convcam_jax.measures.metric_table import STATISTICS_TABLES
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_csv, write_figure, write_table


def compare_with_chance(run: Run) -> None:
    """Write `controls.csv`, tables and figures `controls_table3` to `controls_table5`, and the table `verdicts`."""
    config = run.config
    generator = np.random.default_rng(config.controls.seed)
    draws = [_draws(run, own, generator) for own in run.cohort_maps]
    recordings = [_chosen_rows(run.analysed.metrics, own) for own in run.cohort_maps]
    table = control_table(recordings, draws, config.corpus.emotions, config.controls.false_discovery_rate)
    write_csv(run.workdir / "controls.csv", table)
    for number in STATISTICS_TABLES:
        metric = table_metric(number, config.analysis)
        cells = table[(table["metric"] == metric.name) & (table["level"] != "recording")]
        note = f"{metric.name}, {metric.cells_in_words}: observed, and mean (limits) of the draws of each control."
        write_table(run.workdir, f"controls_table{number}", cells, readable_cells(cells), note)
        write_figure(run.workdir / "figures" / f"controls_table{number}.png", against_chance, table, metric.name)
    verdicts = control_verdicts(table, config.controls.false_discovery_rate)
    write_table(run.workdir, "verdicts", verdicts, verdicts[["about", "above_chance", "sentence"]])


def _draws(run: Run, of_cohort: CohortMaps, generator: np.random.Generator) -> list[ControlDraws]:
    analysis, controls = run.config.analysis, run.config.controls
    n_largest = max(len(other.utterances) for other in run.cohort_maps if other.cohort.group == of_cohort.cohort.group)
    maps, correct = of_cohort.maps[of_cohort.chosen], of_cohort.correct[of_cohort.chosen]
    of_masks = mask_controls(
        maps, run.analysed.masks.best[of_cohort.cohort], correct, of_cohort.arrays, analysis, controls, generator
    )
    speakers, counted = [u.speaker for u in of_cohort.utterances], correct & maps.any((1, 2))
    labels = exchanged_labels(of_cohort.arrays.emotion, speakers, counted, controls.permutations, generator)
    observed = of_masks[0].observed
    exchanged = exchanged_emotions(maps, labels, of_cohort.arrays, observed, analysis.mask_threshold, generator)
    of_contours = contour_controls(maps, of_cohort.arrays, run.axes.bin_hz, analysis, controls, generator, n_largest)
    return [*of_masks, exchanged, *of_contours]


def _chosen_rows(metrics: pd.DataFrame, of_cohort: CohortMaps) -> pd.DataFrame:
    """The rows of the cohort's chosen member, in the order of its recordings."""
    seed = of_cohort.seeds[of_cohort.chosen]
    rows = metrics[(metrics[MEMBER] == [*of_cohort.cohort, seed]).all(axis=1)]
    return rows.set_index("recording").loc[[u.recording for u in of_cohort.utterances]].reset_index()
