"""A finished run's maps measured anew under other analyses; nothing is trained or explained."""

import dataclasses
from pathlib import Path

import pandas as pd

from convcam_jax.figures.ablation import mean_changes
from convcam_jax.measures.cohort_maps import analyse_cohorts
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.result_tables import with_chosen
from convcam_jax.paper import ablation
from convcam_jax.stages.beginning import open_workdir, write_beginning
from convcam_jax.stages.finished_run import EarlierRun, load_earlier_run
from convcam_jax.stages.record import run_record
from convcam_jax.stages.run import EXPLANATIONS, Run
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.files import sha256_of
from convcam_jax.system.formats import read_csv, write_csv, write_figure, write_table
from convcam_jax.system.progress import say


def begin(settings: RunSettings, earlier: EarlierRun) -> Run:
    """The earlier run; opens the workdir as `beginning.begin` does.

    Raises:
      UserError: the corpus is not that of the earlier run, or the workdir holds another run. Nothing is written then.
    """
    run = load_earlier_run(earlier, settings.cache_dir)
    record = run_record(dataclasses.replace(earlier.config, experiment="ablation"), list(run.dataset.utterances))
    record["maps_sha256"] = sha256_of(earlier.folder / EXPLANATIONS)
    open_workdir(settings.workdir, record)
    write_beginning(settings.workdir, record, run.dataset, [])
    return run


def measure(run: Run, analysis: AnalysisConfig) -> pd.DataFrame:
    """The metrics table of the run's maps under another analysis."""
    other = Run(dataclasses.replace(run.config, analysis=analysis), run.workdir, run.cache_dir, run.dataset)
    # Only the thresholds count where maps are measured; a constant rest spares compiling it anew for every analysis.
    thresholds = ablation.protocols(analysis)["published"]
    return analyse_cohorts(other.cohort_maps, run.config.corpus.emotions, thresholds, run.axes).metrics


def ablate(run: Run) -> pd.DataFrame:
    """The table of `ablation.csv`: `ablation.differences` of all variants."""
    members, emotions = read_csv(run.workdir / "members.csv"), run.config.corpus.emotions
    bases = ablation.protocols(run.config.analysis)
    variants = ablation.variants(bases)
    measured: dict[AnalysisConfig, pd.DataFrame] = {}

    def cells(analysis: AnalysisConfig) -> pd.DataFrame:
        key = ablation.measuring(analysis)
        if key not in measured:
            say(f"measuring with {analysis.map_placement}, {analysis.f0_reading}, {analysis.isolated_voiced_frame}")
            measured[key] = measure(run, key)
        return ablation.all_cells(measured[key], with_chosen(members, analysis), analysis, emotions)

    base_cells = {name: cells(analysis) for name, analysis in bases.items()}
    return pd.concat([ablation.differences(v, cells(v.analysis), base_cells[v.base]) for v in variants])


def present(table: pd.DataFrame, workdir: Path) -> None:
    """Write `ablation.csv`, its summary as `tables/ablation.csv` and `.md`, and `figures/ablation.png`."""
    write_csv(workdir / "ablation.csv", table)
    summary = ablation.summary(table)
    write_table(workdir, "ablation", summary)
    write_figure(workdir / "figures" / "ablation.png", mean_changes, summary)
