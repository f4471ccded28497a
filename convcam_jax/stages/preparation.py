"""From a corpus's folder to utterances with features and splits."""

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from convcam_jax.corpora.synthetic import speech
from convcam_jax.corpora.utterances import (
    EMODB_SPEAKER_GENDERS,
    HOW_TO_GET_EMODB,
    HOW_TO_LIST,
    Utterance,
    find_listed_utterances,
    find_utterances,
    select,
    without_longer_than,
)
from convcam_jax.data.dataset import Dataset, utterance_table
from convcam_jax.representations.cache import corpus_hash, load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.splits.per_cell import assign
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.workdir import CONFIG_FILE, check_workdir, write_csv, write_json
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.files import remove_partial
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.progress import say


def find_corpus(config: Config, cache_dir: Path) -> tuple[list[Utterance], list[RecordingError]]:
    """The utterances of the config's corpus, before features are known, and the problems of those left out."""
    corpus = config.corpus
    if corpus.name != "synthetic" and not corpus.data_dir:
        raise UserError(f"--data_dir: missing; {HOW_TO_LIST if corpus.name == 'listed' else HOW_TO_GET_EMODB}")
    if corpus.name == "synthetic":
        rate_hz = config.features.sample_rate_hz
        folder = cache_dir / speech.folder_name(config.synthetic, rate_hz)
        speech.write_corpus(config.synthetic, folder, rate_hz)
        found = find_utterances(folder, speech.speaker_genders(config.synthetic), corpus.on_error)
    elif corpus.name == "listed":
        found = find_listed_utterances(Path(corpus.data_dir), corpus.on_error)
    else:
        found = find_utterances(Path(corpus.data_dir), EMODB_SPEAKER_GENDERS, corpus.on_error)
    return select(found[0], corpus), found[1]


def load_dataset(utterances: list[Utterance], config: Config, cache_dir: Path) -> tuple[Dataset, list[RecordingError]]:
    """Features and splits of the utterances, without those that are too long; and the problems of those left out."""
    computed, problems = load_or_compute(utterances, config.features, cache_dir / "features", config.corpus.on_error)
    lengths = {recording: features.cqt.shape[1] for recording, features in computed.items()}
    usable = without_longer_than([u for u in utterances if u.recording in computed], lengths, config.corpus.max_frames)
    if not usable:
        raise UserError(
            f"config field corpus.max_frames: no recording is as short as {config.corpus.max_frames} frames"
        )
    n_longer = len(computed) - len(usable)
    if n_longer:
        say(f"recordings left out as longer than corpus.max_frames ({config.corpus.max_frames} frames): {n_longer}")
    splits = assign(usable, config.split)
    return Dataset(tuple(usable), splits, tuple(computed[u.recording] for u in usable)), problems


def begin(settings: RunSettings) -> Dataset:
    """Read the corpus, open the workdir, and write `config.json`, `utterances.csv` and `skipped.csv`.

    Of several processes the first one writes.

    Raises:
      UserError: there is something wrong with the corpus, or the workdir holds another run. Nothing is written then.
    """
    config, workdir = settings.config, settings.workdir
    utterances, unnamed = find_corpus(config, settings.cache_dir)
    record = run_record(config, utterances)
    check_workdir(workdir, record)
    dataset, unreadable = load_dataset(utterances, config, settings.cache_dir)
    if is_first_process():
        write_beginning(workdir, record, dataset, [*unnamed, *unreadable])
    wait_for_all("begun")
    say(f"{len(dataset.utterances)} recordings, {dataset.splits.count('test')} of them for the test")
    return dataset


def run_record(config: Config, utterances: list[Utterance]) -> dict[str, Any]:
    """What `config.json` holds: the config, a hash of the corpus, the time now (UTC), and the surroundings."""
    begun = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"config": flatten(config), "corpus_sha256": corpus_hash(utterances), "begun": begun, **surroundings()}


def write_beginning(
    workdir: Path, record: dict[str, Any], dataset: Dataset, problems: Sequence[RecordingError]
) -> None:
    """Write `config.json` unless it is there, `utterances.csv`, and `skipped.csv` if there are problems.

    What a killed run left half-written is removed.
    """
    remove_partial(workdir)
    if not (workdir / CONFIG_FILE).exists():
        write_json(workdir / CONFIG_FILE, record)
    write_csv(workdir / "utterances.csv", utterance_table(dataset))
    if problems:
        rows = [(p.recording, p.problem) for p in problems]
        write_csv(workdir / "skipped.csv", pd.DataFrame(rows, columns=["recording", "problem"]))
        say(f"{len(problems)} recordings are left out; {workdir / 'skipped.csv'} says why")


def surroundings() -> dict[str, Any]:
    """Versions of Python and of the packages in use, and the device."""
    names = sorted(m.metadata["Name"] for m in importlib.metadata.distributions() if m.metadata["Name"])
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "devices": f"{jax.device_count()} x {device.device_kind} ({device.platform})",
        "packages": {name: importlib.metadata.version(name) for name in names},
    }
