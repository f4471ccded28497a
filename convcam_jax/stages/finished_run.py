"""A finished run, read again with its recordings: what ablation and the report start from."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from convcam_jax.data.dataset import Dataset
from convcam_jax.representations.cache import corpus_hash
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten, restore
from convcam_jax.stages.preparation import find_corpus, load_dataset
from convcam_jax.stages.record import CONFIG_FILE, read_record
from convcam_jax.stages.references import REFERENCES
from convcam_jax.stages.run import EXPLANATIONS, Run, load_explanations
from convcam_jax.stages.stage import changed_file, outdated, read_finished
from convcam_jax.system.errors import UserError

# The stages of the experiment `paper` without which there is nothing to start from.
_NEEDED = ("explanations", "members")
# The stage whose files the experiment `report` writes, too.
_REPORT = "report"
# What is read of the files that they have written, of every run.
_READ = (EXPLANATIONS, "members.csv")


class EarlierRun(NamedTuple):
    """A finished run of the experiment `paper`, and the flag by which its folder was given."""

    folder: Path
    config: Config
    corpus_sha256: str
    flag: str


def read_earlier_run(folder: Path, data_dir: str, flag: str = "--from_workdir") -> EarlierRun:
    """The run in `folder`, given as `flag`; its corpus is looked for in `data_dir`, unless that is empty.

    Raises:
      UserError: there is no finished run of the experiment `paper`, or a file of it is not what the run has written.
    """
    if not folder.is_dir():
        raise UserError(f"{flag}={folder}: there is no such folder; give a finished run of the experiment paper")
    for name in (CONFIG_FILE, *_READ):
        if not (folder / name).is_file():
            raise UserError(f"{flag}={folder}: {name} is missing; give a finished run of the experiment paper")
    record = read_record(folder)
    config = restored_config(folder, record)
    if config.experiment != "paper":
        raise UserError(f"{flag}={folder}: is a run of {config.experiment}; give one of the experiment paper")
    _check_finished(folder, config, flag)
    corpus = dataclasses.replace(config.corpus, data_dir=data_dir or config.corpus.data_dir)
    return EarlierRun(folder, dataclasses.replace(config, corpus=corpus), str(record["corpus_sha256"]), flag)


def _check_finished(folder: Path, config: Config, flag: str) -> None:
    """Raise UserError where the run was stopped while it was made, made again with another config, or changed since."""
    finished = read_finished(folder)
    other = outdated(finished, flatten(config))
    _refuse_unmade(folder, [name for name in _NEEDED if name not in finished or name in other], flag)
    written = {
        name: own for stage in _NEEDED for name, own in finished[stage].files.items() if name in (*_READ, REFERENCES)
    }
    _check_files(folder, written, flag)


def _refuse_unmade(folder: Path, stages: Sequence[str], flag: str) -> None:
    if stages:
        raise UserError(
            f"{flag}={folder}: was stopped before {', '.join(stages)} had been made by its config; "
            "give the run's command again, which goes on, or a finished run"
        )


def check_up_to_date(earlier: EarlierRun) -> None:
    """Raise UserError where any stage of a run was made by another config than the run has now."""
    _refuse_unmade(earlier.folder, outdated(read_finished(earlier.folder), flatten(earlier.config)), earlier.flag)


def check_written(earlier: EarlierRun) -> None:
    """Raise UserError where a file of a finished run is not what the run has written.

    Those of its report do not count, which may have been made again.
    """
    for stage, record in read_finished(earlier.folder).items():
        if stage != _REPORT:
            _check_files(earlier.folder, record.files, earlier.flag)


def never_made(folder: Path, stages: Iterable[str]) -> list[str]:
    """Those of the names of stages, but the report's, which the run in `folder` was stopped before."""
    finished = read_finished(folder)
    return [name for name in stages if name not in finished and name != _REPORT]


def files_of_stages(folder: Path) -> set[str]:
    """What the finished stages of the run in `folder` have written, by its paths there."""
    return {name for own in read_finished(folder).values() for name in own.files}


def _check_files(folder: Path, written: Mapping[str, str], flag: str) -> None:
    if changed := changed_file(folder, written):
        raise UserError(
            f"{flag}={folder}: {changed} is not as the run has written it; give the run's command again, which makes "
            "it anew, or put back what was there"
        )


def restored_config(folder: Path, record: Mapping[str, Any]) -> Config:
    """The config in the `record` that `config.json` of a folder holds.

    Raises:
      UserError: it is none.
    """
    try:
        return restore(record["config"])
    except (ValueError, KeyError, TypeError, UserError) as error:
        raise UserError(f"{folder / CONFIG_FILE}: cannot be read as the config of a run ({error})") from error


def load_earlier_run(earlier: EarlierRun, cache_dir: Path) -> Run:
    """The earlier run, with its recordings.

    Raises:
      UserError: the corpus is not that of the run.
    """
    utterances = find_corpus(earlier.config, cache_dir).utterances
    if corpus_hash(utterances) != earlier.corpus_sha256:
        raise UserError(
            f"{earlier.flag}={earlier.folder}: the corpus is not the one of that run, or another version of the "
            "program gave its recordings other names; give it as --data_dir, or make the run again in another folder"
        )
    dataset, _ = load_dataset(utterances, earlier.config, cache_dir)
    _check_recordings(earlier, dataset)
    return Run(earlier.config, earlier.folder, cache_dir, dataset)


def _check_recordings(earlier: EarlierRun, dataset: Dataset) -> None:
    """Raise UserError unless the earlier run has explained just the test sets of its config."""
    explanations = load_explanations(earlier.folder / EXPLANATIONS)
    for cohort in dataset.cohorts():
        tested = [u.recording for u in dataset.tested_utterances(cohort)]
        if cohort not in explanations or tested != explanations[cohort].recordings.tolist():
            raise UserError(
                f"{earlier.folder / EXPLANATIONS}: its recordings ({cohort}) are not the test set of its config "
                "in this version of the program; make the run again in another folder"
            )
