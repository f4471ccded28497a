"""Deletion and insertion curves of the test recordings."""

import itertools

import numpy as np
import pandas as pd

from convcam_jax.checks.faithfulness.curve_tables import area_summary, area_verdicts, areas, curve_table
from convcam_jax.checks.faithfulness.member_curves import OwnMaps, explained_labels, member_curves
from convcam_jax.data.recordings import subset
from convcam_jax.figures.checks import faithfulness as figures
from convcam_jax.measures.cohort_maps import CohortMaps, first_members
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import read_csv, write_csv, write_figure, write_table
from convcam_jax.system.progress import counted, say

_TABLE = "faithfulness.csv"


def check(run: Run) -> None:
    """Write `faithfulness.csv`, unless the config leaves it out."""
    remove_earlier(run.workdir, _TABLE)
    if run.config.faithfulness.seeds == 0:
        return
    tables = [table for own in run.cohort_maps for table in _tables(run, own)]
    write_csv(run.workdir / _TABLE, pd.concat(tables, ignore_index=True))


def _tables(run: Run, of_cohort: CohortMaps) -> list[pd.DataFrame]:
    """The tables of one cohort's members that are checked."""
    config, tables = run.config, []
    recordings = subset(run.recordings, run.dataset.indices(of_cohort.cohort, "test"))
    for members, variables in run.trained(first_members(of_cohort, run.cohort_maps, config.faithfulness.seeds)):
        say(f"deletion and insertion with {counted(len(members), 'member')} ({of_cohort.cohort})")
        rows = [list(of_cohort.seeds).index(member.seed) for member in members]
        labels = explained_labels(config.attribution.target, of_cohort.arrays.emotion, of_cohort.logits[rows])
        explained = OwnMaps(np.array([member.seed for member in members]), of_cohort.maps[rows], labels)
        batch_size, n_steps = config.train.batch_size, config.faithfulness.steps
        first = _tested_before(run, of_cohort)
        found = member_curves(variables, explained, recordings, run.network, batch_size, n_steps, first)
        tables += [curve_table(of_cohort, row, probability) for row, probability in zip(rows, found, strict=True)]
    return tables


def _tested_before(run: Run, of_cohort: CohortMaps) -> int:
    """How many recordings the earlier folds of the cohort's group test."""
    of_group = [other for other in run.cohort_maps if other.cohort.group == of_cohort.cohort.group]
    return sum(len(other.utterances) for other in itertools.takewhile(lambda other: other is not of_cohort, of_group))


def present(run: Run) -> None:
    """Areas, tables and figures of `faithfulness.csv`, if there is one."""
    remove_earlier(run.workdir, "faithfulness_areas.csv", "tables/faithfulness*", "figures/faithfulness.png")
    if run.config.faithfulness.seeds == 0:
        return
    table = read_csv(run.workdir / _TABLE)
    by_recording = areas(table)
    write_csv(run.workdir / "faithfulness_areas.csv", by_recording)
    write_table(run.workdir, "faithfulness", area_summary(by_recording))
    verdicts = area_verdicts(by_recording, run.config.controls.false_discovery_rate)
    write_table(run.workdir, "faithfulness_verdicts", verdicts)
    write_figure(run.workdir / "figures" / "faithfulness.png", figures.mean_curves, table)
