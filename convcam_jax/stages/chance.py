"""The figures of Tables 3 to 5 against chance, for the chosen members."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from convcam_jax.checks.chance.contour_controls import contour_controls
from convcam_jax.checks.chance.controls import Draws, control_table, readable_cells
from convcam_jax.checks.chance.mask_controls import mask_controls
from convcam_jax.checks.chance.verdicts import control_verdicts
from convcam_jax.figures.controls import against_chance
from convcam_jax.paper.published import STATISTICS_TABLES
from convcam_jax.paper.tables import table_metric
from convcam_jax.representations.features import bin_frequencies_hz
from convcam_jax.settings.config import Config
from convcam_jax.stages.measures import Analysed, GenderMaps
from convcam_jax.stages.workdir import write_csv, write_figure, write_table


def compare_with_chance(config: Config, genders: Sequence[GenderMaps], analysed: Analysed, workdir: Path) -> None:
    """Write `controls.csv`, tables and figures `controls_table3` to `controls_table5`, and the table `verdicts`."""
    generator = np.random.default_rng(config.controls.seed)
    draws = [_draws(config, own, analysed.masks.best[own.gender], generator) for own in genders]
    recordings = [_chosen_rows(analysed.metrics, own) for own in genders]
    table = control_table(recordings, draws, config.corpus.emotions, config.controls)
    write_csv(workdir / "controls.csv", table)
    for number in STATISTICS_TABLES:
        metric = table_metric(number, config.analysis)
        cells = table[(table["metric"] == metric) & (table["level"] != "recording")]
        write_table(workdir, f"controls_table{number}", cells, readable_cells(cells))
        write_figure(workdir / "figures" / f"controls_table{number}.png", against_chance, table, metric)
    verdicts = control_verdicts(table, config.controls.false_discovery_rate)
    write_table(workdir, "verdicts", verdicts, verdicts[["about", "above_chance", "sentence"]])


def _draws(config: Config, own: GenderMaps, masks: np.ndarray, generator: np.random.Generator) -> list[Draws]:
    maps, correct, n = own.maps[own.chosen], own.correct[own.chosen], config.controls.permutations
    of_masks = mask_controls(maps, masks, correct, own.arrays, config.analysis, n, generator)
    bin_hz = bin_frequencies_hz(config.features)
    return of_masks + contour_controls(maps, own.arrays, bin_hz, config.analysis, n, generator)


def _chosen_rows(metrics: pd.DataFrame, own: GenderMaps) -> pd.DataFrame:
    """The rows of the gender's chosen member, in the order of its recordings."""
    rows = metrics[(metrics["gender"] == own.gender) & (metrics["seed"] == own.seeds[own.chosen])]
    return rows.set_index("recording").loc[[u.recording for u in own.utterances]].reset_index()
