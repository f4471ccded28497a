"""From a corpus's folder to utterances with features, groups and splits."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.relabelling import relabel
from convcam_jax.corpora.utterances import Utterance, group_of, select, without_longer_than
from convcam_jax.data.dataset import Dataset, fold_table, utterance_table
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.stages.record import CONFIG_FILE, check_workdir, read_record, run_record
from convcam_jax.stages.run import Run
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.files import remove_partial
from convcam_jax.system.formats import write_csv, write_json
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.progress import say

_SKIPPED_COLUMNS = ["recording", "problem"]


def find_corpus(config: Config, cache_dir: Path) -> tuple[list[Utterance], list[RecordingError]]:
    """The utterances of the config's corpus, before features are known, and the problems of those left out."""
    corpus = CORPORA[config.corpus.name]
    found = corpus.find(config.corpus, cache_dir, config.representation.sample_rate_hz)
    utterances, remarks = relabel(found.utterances, config.corpus.emotions, config.corpus.label_changes)
    for remark in remarks:
        say(remark)
    return select(utterances, config.corpus, corpus.speakers), found.problems


def load_dataset(utterances: list[Utterance], config: Config, cache_dir: Path) -> tuple[Dataset, list[RecordingError]]:
    """The usable utterances with features, groups and splits; and the problems of those left out."""
    corpus = config.corpus
    group_by_recording = {u.recording: group_of(u, corpus.models_per) for u in utterances}
    computed, problems = load_or_compute(utterances, config.features, cache_dir / "features", corpus.on_error)
    lengths = {recording: features.magnitude.shape[1] for recording, features in computed.items()}
    found = [u for u in utterances if u.recording in computed]
    usable = without_longer_than(found, lengths, corpus.max_frames)
    if not usable:
        raise UserError(f"config field corpus.max_frames: no recording is as short as {corpus.max_frames} frames")
    longer = [u.recording for u in found if lengths[u.recording] > corpus.max_frames]
    if longer:
        say(f"recordings left out as longer than corpus.max_frames ({corpus.max_frames} frames): {len(longer)}")
    problems += [RecordingError(r, f"{lengths[r]} frames are more than corpus.max_frames") for r in longer]
    groups = [group_by_recording[u.recording] for u in usable]
    folds = config.split.folds(usable, groups)
    return Dataset(tuple(usable), tuple(computed[u.recording] for u in usable), tuple(groups), folds), problems


def begin(settings: RunSettings, counts: Callable[[str], bool] = lambda field: True) -> Run:
    """Read the corpus, open the workdir, and write `config.json`, `utterances.csv`, `folds.csv` and `skipped.csv`.

    Of several processes the first one writes. A workdir that holds a run of another config is refused, unless only
    fields differ that do not count.

    Raises:
      UserError: there is something wrong with the corpus, or the workdir holds another run. Nothing is written then.
    """
    config, workdir = settings.config, settings.workdir
    utterances, unnamed = find_corpus(config, settings.cache_dir)
    record = run_record(config, utterances)
    check_workdir(workdir, record, counts)
    dataset, unreadable = load_dataset(utterances, config, settings.cache_dir)
    if is_first_process():
        write_beginning(workdir, record, dataset, [*unnamed, *unreadable])
    wait_for_all("begun")
    say(f"{len(dataset.utterances)} recordings, {_tested(dataset)} of them for the test")
    return Run(config, workdir, settings.cache_dir, dataset)


def write_beginning(
    workdir: Path, record: dict[str, Any], dataset: Dataset, problems: Sequence[RecordingError]
) -> None:
    """Write `config.json`, `utterances.csv`, `folds.csv`, and `skipped.csv` if there are problems.

    What a killed run left half-written is removed. A run that goes on keeps what its `config.json` says of its
    beginning.
    """
    remove_partial(workdir)
    if (workdir / CONFIG_FILE).exists():
        record = {**read_record(workdir), "config": record["config"]}
    write_json(workdir / CONFIG_FILE, record)
    write_csv(workdir / "utterances.csv", utterance_table(dataset))
    write_csv(workdir / "folds.csv", fold_table(dataset))
    if problems:
        rows = [(p.recording, p.problem) for p in problems]
        write_csv(workdir / "skipped.csv", pd.DataFrame(rows, columns=_SKIPPED_COLUMNS))
        say(f"{len(problems)} recordings are left out; {workdir / 'skipped.csv'} says why")


def _tested(dataset: Dataset) -> int:
    return sum(len(indices) for indices in dataset.sets("test").values())
