"""A finished run's maps measured anew under other analyses; nothing is trained or explained."""

import dataclasses
import hashlib
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from convcam_jax.data.dataset import Dataset
from convcam_jax.figures.ablation import mean_changes
from convcam_jax.measures.cohort_maps import analyse_cohorts
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.result_tables import with_chosen
from convcam_jax.paper import ablation
from convcam_jax.representations.cache import corpus_hash
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import restore
from convcam_jax.stages.preparation import find_corpus, load_dataset, write_beginning
from convcam_jax.stages.record import CONFIG_FILE, check_workdir, read_record, run_record
from convcam_jax.stages.run import EXPLANATIONS, Run, load_explanations
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_csv, write_csv, write_figure, write_table
from convcam_jax.system.progress import say


class Source(NamedTuple):
    """A finished run of the experiment `paper`."""

    folder: Path
    config: Config
    corpus_sha256: str


def read_source(folder: Path, data_dir: str, flag: str = "--from_workdir") -> Source:
    """The run in `folder`, given as `flag`; its corpus is looked for in `data_dir`, unless that is empty.

    Raises:
      UserError: there is no finished run of the experiment `paper`.
    """
    if not folder.is_dir():
        raise UserError(f"{flag}={folder}: there is no such folder; give a finished run of the experiment paper")
    for name in (CONFIG_FILE, EXPLANATIONS, "members.csv"):
        if not (folder / name).is_file():
            raise UserError(f"{flag}={folder}: {name} is missing; give a finished run of the experiment paper")
    record = read_record(folder)
    try:
        config = restore(record["config"])
    except (ValueError, KeyError, TypeError, UserError) as error:
        raise UserError(f"{folder / CONFIG_FILE}: cannot be read as the config of a run ({error})") from error
    if config.experiment != "paper":
        raise UserError(f"{flag}={folder}: is a run of {config.experiment}; give one of the experiment paper")
    corpus = dataclasses.replace(config.corpus, data_dir=data_dir or config.corpus.data_dir)
    return Source(folder, dataclasses.replace(config, corpus=corpus), str(record["corpus_sha256"]))


def load_source(source: Source, cache_dir: Path, flag: str = "--from_workdir") -> Run:
    """The source run, with its recordings.

    Raises:
      UserError: the corpus is not that of the run.
    """
    utterances, _ = find_corpus(source.config, cache_dir)
    if corpus_hash(utterances) != source.corpus_sha256:
        raise UserError(f"{flag}={source.folder}: the corpus is not the one of that run; give it as --data_dir")
    dataset, _ = load_dataset(utterances, source.config, cache_dir)
    _check_recordings(source, dataset)
    return Run(source.config, source.folder, cache_dir, dataset)


def begin(settings: RunSettings, source: Source) -> Run:
    """The source run; opens the workdir as `preparation.begin` does.

    Raises:
      UserError: the corpus is not that of the source run, or the workdir holds another run. Nothing is written then.
    """
    run = load_source(source, settings.cache_dir)
    record = run_record(dataclasses.replace(source.config, experiment="ablation"), list(run.dataset.utterances))
    record["maps_sha256"] = hashlib.sha256((source.folder / EXPLANATIONS).read_bytes()).hexdigest()
    check_workdir(settings.workdir, record)
    write_beginning(settings.workdir, record, run.dataset, [])
    return run


def _check_recordings(source: Source, dataset: Dataset) -> None:
    """Raise UserError unless the source run has explained just the test sets of its config."""
    explanations = load_explanations(source.folder)
    for cohort in dataset.cohorts():
        tested = [dataset.utterances[i].recording for i in dataset.indices(cohort, "test")]
        if cohort not in explanations or tested != explanations[cohort].recordings.tolist():
            raise UserError(
                f"{source.folder / EXPLANATIONS}: its recordings ({cohort}) are not the test set of its config"
            )


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
