"""A finished run's maps measured anew under other analyses; nothing is trained or explained."""

import dataclasses
import hashlib
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset
from convcam_jax.figures.ablation import mean_changes
from convcam_jax.measures.analysis import analyse
from convcam_jax.measures.result_tables import metrics_table, with_chosen
from convcam_jax.paper import ablation
from convcam_jax.representations.cache import corpus_hash
from convcam_jax.representations.features import bin_frequencies_hz
from convcam_jax.settings.config import AnalysisConfig, Config
from convcam_jax.settings.overrides import restore
from convcam_jax.stages.attribution import EXPLANATIONS, load_explanations
from convcam_jax.stages.measures import ensemble_maps
from convcam_jax.stages.preparation import find_corpus, load_dataset, run_record, write_beginning
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.workdir import (
    CONFIG_FILE,
    check_workdir,
    read_csv,
    read_json,
    write_csv,
    write_figure,
    write_table,
)
from convcam_jax.system.errors import UserError
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
    try:
        record = read_json(folder / CONFIG_FILE)
        config, corpus_sha256 = restore(record["config"]), str(record["corpus_sha256"])
    except (ValueError, KeyError, TypeError, OSError, UserError) as error:
        raise UserError(f"{folder / CONFIG_FILE}: cannot be read as the config of a run ({error})") from error
    if config.experiment != "paper":
        raise UserError(f"{flag}={folder}: is a run of {config.experiment}; give one of the experiment paper")
    corpus = dataclasses.replace(config.corpus, data_dir=data_dir or config.corpus.data_dir)
    return Source(folder, dataclasses.replace(config, corpus=corpus), corpus_sha256)


def begin(settings: RunSettings, source: Source) -> Dataset:
    """The recordings of the source run; opens the workdir as `prepare.begin` does.

    Raises:
      UserError: the corpus is not that of the source run, or the workdir holds another run. Nothing is written then.
    """
    utterances, unnamed = find_corpus(source.config, settings.cache_dir)
    check_corpus(source, utterances)
    record = run_record(dataclasses.replace(source.config, experiment="ablation"), utterances)
    record["maps_sha256"] = hashlib.sha256((source.folder / EXPLANATIONS).read_bytes()).hexdigest()
    check_workdir(settings.workdir, record)
    dataset, unreadable = load_dataset(utterances, source.config, settings.cache_dir)
    check_recordings(source, dataset)
    write_beginning(settings.workdir, record, dataset, [*unnamed, *unreadable])
    return dataset


def check_corpus(source: Source, utterances: list[Utterance], flag: str = "--from_workdir") -> None:
    """Raise UserError unless the utterances are those of the source run."""
    if corpus_hash(utterances) != source.corpus_sha256:
        raise UserError(f"{flag}={source.folder}: the corpus is not the one of that run; give it as --data_dir")


def check_recordings(source: Source, dataset: Dataset) -> None:
    """Raise UserError unless the source run has explained just the test set of its config."""
    explanations = load_explanations(source.folder)
    for gender in dataset.genders():
        tested = [dataset.utterances[i].recording for i in dataset.indices(gender, "test")]
        if tested != explanations[f"{gender}_recordings"].tolist():
            raise UserError(
                f"{source.folder / EXPLANATIONS}: its {gender} recordings are not the test set of its config"
            )


def measure(source: Source, dataset: Dataset, analysis: AnalysisConfig) -> pd.DataFrame:
    """The metrics table of the source run's maps under another analysis."""
    config = dataclasses.replace(source.config, analysis=analysis)
    bin_hz = bin_frequencies_hz(config.features)
    # Only the thresholds count in `analyse`; a constant rest spares compiling it anew for every analysis.
    thresholds = ablation.protocols(analysis)["published"]
    tables = []
    for own in ensemble_maps(config, dataset, source.folder):
        result = analyse(own.maps, own.correct, own.arrays, bin_hz, len(config.corpus.emotions), thresholds)
        tables.append(metrics_table(own.gender, own.seeds, own.utterances, own.arrays, own.correct, result.metrics))
    return pd.concat(tables, ignore_index=True)


def ablate(source: Source, dataset: Dataset) -> pd.DataFrame:
    """The table of `ablation.csv`: `ablation.differences` of all variants."""
    members, emotions = read_csv(source.folder / "members.csv"), source.config.corpus.emotions
    bases = ablation.protocols(source.config.analysis)
    variants = ablation.variants(bases)
    measured: dict[AnalysisConfig, pd.DataFrame] = {}

    def cells(analysis: AnalysisConfig) -> pd.DataFrame:
        key = ablation.measuring(analysis)
        if key not in measured:
            say(f"measuring with {analysis.map_placement}, {analysis.f0_reading}, {analysis.isolated_voiced_frame}")
            measured[key] = measure(source, dataset, key)
        return ablation.all_cells(measured[key], with_chosen(members, analysis), analysis, emotions)

    base_cells = {name: cells(analysis) for name, analysis in bases.items()}
    return pd.concat([ablation.differences(v, cells(v.analysis), base_cells[v.base]) for v in variants])


def present(table: pd.DataFrame, workdir: Path) -> None:
    """Write `ablation.csv`, its summary as `tables/ablation.csv` and `.md`, and `figures/ablation.png`."""
    write_csv(workdir / "ablation.csv", table)
    summary = ablation.summary(table)
    write_table(workdir, "ablation", summary)
    write_figure(workdir / "figures" / "ablation.png", mean_changes, summary)
