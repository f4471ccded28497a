"""A run begins in its workdir, or goes on there."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from convcam_jax.corpora.sounds.sound_remarks import highest_file_rate_hz
from convcam_jax.data.dataset import Dataset, fold_table, sound_table, utterance_table
from convcam_jax.figures.fonts import remark_on_letters
from convcam_jax.settings.config import Config
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.ensemble.pretrained import check_weights
from convcam_jax.stages.preparation import find_corpus, load_dataset
from convcam_jax.stages.record import (
    CONFIG_FILE,
    HIGHEST_FILE_RATE,
    changed_surroundings,
    check_config,
    check_shared,
    check_workdir,
    explains_otherwise,
    read_record,
    run_record,
    with_precision,
    write_record,
)
from convcam_jax.stages.run import MODELS, Run
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import RecordingError, UserError, counted_by_kind
from convcam_jax.system.files import remove_partial
from convcam_jax.system.formats import as_csv, write_csv
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.process.lock import locked
from convcam_jax.system.progress import counted, say
from convcam_jax.system.text import visible
from convcam_jax.training import checkpoints

FOLDS = "folds.csv"
_SKIPPED, _SKIPPED_COLUMNS = "skipped.csv", ["recording", "kind", "problem"]


def begin(settings: RunSettings) -> Run:
    """Read the corpus, open the workdir, and write the files of `write_beginning`.

    Of several processes the first one writes, and the others have to have the same run.

    Raises:
      UserError: there is something wrong with the corpus or the network's weights, or the workdir holds another run.
        Nothing is written then. Or the first process has another run than this one.
    """
    workdir = settings.workdir
    config = with_precision(settings.config, workdir)
    check_ahead(workdir, config)
    config, utterances, unnamed = find_corpus(config, settings.cache_dir)
    record = run_record(config, utterances)
    if is_first_process():
        open_workdir(workdir, record)
    dataset, unreadable = load_dataset(utterances, config, settings.cache_dir, left_out=unnamed)
    if is_first_process():
        check_folds(workdir, fold_table(dataset))
        learned = {i for indices in dataset.sets("train").values() for i in indices.tolist()}
        sounds = [dataset.sounds[i] for i in learned]
        highest = highest_file_rate_hz(sounds, config.representation.sample_rate_hz)
        write_beginning(workdir, {**record, HIGHEST_FILE_RATE: highest}, dataset, [*unnamed, *unreadable])
    wait_for_all("begun")
    if not is_first_process():
        config = _shared_config(settings, config, record, dataset)
    say(f"{counted(len(dataset.utterances), 'recording')}, {_tested(dataset)} of them for the test")
    return Run(config, workdir, settings.cache_dir, dataset, record["begun"])


def _shared_config(settings: RunSettings, config: Config, record: dict[str, Any], dataset: Dataset) -> Config:
    """The config of a process beside the first one, in whose precision it trains where its flags leave that open."""
    workdir, precision = settings.workdir, settings.config.train.precision
    check_shared(workdir, {**record, "config": record["config"] | {"train.precision": precision}})
    _say_what_changed(workdir, record)
    check_folds(workdir, fold_table(dataset))
    return replace(config, train=with_precision(settings.config, workdir).train)


def check_ahead(workdir: Path, config: Config) -> None:
    """See to it, before a corpus is read, that a run may begin or go on in `workdir` and has its file of weights.

    Raises:
      UserError: the folder holds another run, or other files, or its path is one in which no networks can be kept, or
        the file of weights is missing or does not fit.
    """
    checkpoints.check_folder(workdir)
    check_config(workdir, config)
    if not (workdir / CONFIG_FILE).exists():
        check_weights(config.make_network("float32"))


def runs_inside(configs: Mapping[Path, Config]) -> dict[Path, Config]:
    """The configs of runs by their folders, all of one precision.

    All of them are asked whether they may begin or go on before the first one does, as each may take hours; each has to
    be `locked` as long as it runs.

    Raises:
      UserError: another program has one of the folders, it holds another run, or a file of weights is missing.
    """
    with ExitStack() as locks:
        for folder in configs:
            locks.enter_context(locked(folder))
        runs = {folder: with_precision(config, *configs) for folder, config in configs.items()}
        for folder, config in runs.items():
            check_ahead(folder, config)
    return runs


def open_workdir(workdir: Path, record: dict[str, Any]) -> None:
    """See to it that a run with this `record` may begin or go on in the workdir, see `check_workdir`.

    What is another one than when the run in the workdir, if there is one, began, is said. Nothing is written.

    Raises:
      UserError: the folder holds a run of another config or version, or other files.
    """
    check_workdir(workdir, record)
    _say_what_changed(workdir, record)


def _say_what_changed(workdir: Path, record: dict[str, Any]) -> None:
    if (workdir / CONFIG_FILE).exists() and (changes := changed_surroundings(read_record(workdir), record)):
        say(f"what is made from now on may differ in its last digits from what is there: {', '.join(changes)}")


def check_folds(workdir: Path, folds: pd.DataFrame) -> None:
    """See to it that a run that goes on has the recordings and the split that it began with.

    folds: the table of `folds.csv`. It follows from the config and the corpus; but `prosody.f0_floor_hz`, which may
    change, says what is too short, and another version of the program may divide otherwise.

    Raises:
      UserError: they are others.
    """
    path = workdir / FOLDS
    if path.is_file() and path.read_bytes() != as_csv(folds).encode():
        raise UserError(
            f"{path}: has other recordings, or divides them otherwise, than the run would now, by another "
            "prosody.f0_floor_hz or version of the program perhaps; choose another --workdir, or remove the file if it "
            "was damaged"
        )


def write_beginning(
    workdir: Path, record: dict[str, Any], dataset: Dataset, problems: Sequence[RecordingError]
) -> None:
    """Write `config.json`, `utterances.csv`, `sounds.csv`, `folds.csv`, and `skipped.csv` if there are problems.

    What a killed run left half-written is removed. A run that goes on keeps what its `config.json` says of its
    beginning.
    """
    remove_partial(workdir)
    if (workdir / CONFIG_FILE).exists() and explains_otherwise(read_record(workdir), record):
        _remove_exported(workdir)
    write_record(workdir, record)
    write_csv(workdir / "utterances.csv", utterance_table(dataset))
    write_csv(workdir / FOLDS, fold_table(dataset))
    if dataset.sounds:
        write_csv(workdir / "sounds.csv", sound_table(dataset))
    write_skipped(workdir, problems, len(dataset.utterances))
    if remark := remark_on_letters(_words(dataset)):
        say(remark)


def _remove_exported(workdir: Path) -> None:
    """The models in one file explain as the config has it that it was made with."""
    if (workdir / MODELS).exists():
        remove_earlier(workdir, MODELS)
        say(f"{workdir / MODELS} was of the config before and is removed; --experiment=export writes it again")


def _words(dataset: Dataset) -> set[str]:
    """The user's words that figures show."""
    return {word for u in dataset.utterances for word in (u.recording, u.speaker, u.emotion)} | set(dataset.groups)


def write_skipped(folder: Path, problems: Sequence[RecordingError], n_used: int) -> None:
    """Write `skipped.csv` if there are problems, and say how many there are beside the recordings that are used.

    Where there are none, the file of an earlier start is removed.
    """
    if not problems:
        remove_earlier(folder, _SKIPPED)
        return
    # A name need not be text: a file's may be any bytes.
    rows = [(visible(p.recording), p.kind, visible(p.problem)) for p in problems]
    write_csv(folder / _SKIPPED, pd.DataFrame(rows, columns=_SKIPPED_COLUMNS))
    say(
        f"recordings are left out: {counted_by_kind(problems)}; {n_used} are used; "
        f"{folder / _SKIPPED} says which and why"
    )


def _tested(dataset: Dataset) -> int:
    return sum(len(indices) for indices in dataset.sets("test").values())
