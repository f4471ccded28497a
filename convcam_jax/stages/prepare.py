"""From a corpus's folder to utterances with features and splits."""

import sys
from pathlib import Path

import pandas as pd

from convcam_jax.config import Config
from convcam_jax.corpus import synthetic
from convcam_jax.corpus.utterances import (
    EMODB_SPEAKER_GENDERS,
    Utterance,
    find_listed_utterances,
    find_utterances,
    select,
    without_longer_than,
)
from convcam_jax.dataset import Dataset
from convcam_jax.errors import RecordingError, UserError
from convcam_jax.feature_cache import load_or_compute
from convcam_jax.split import assign


def find_corpus(config: Config, cache_dir: Path) -> tuple[list[Utterance], list[RecordingError]]:
    """The utterances of the config's corpus, before features are known, and the problems of those left out."""
    corpus = config.corpus
    if corpus.name == "synthetic":
        folder = cache_dir / f"synthetic-{config.synthetic.seed}-{config.synthetic.speakers_per_gender}"
        folder = folder.with_name(f"{folder.name}-{config.synthetic.texts}")
        synthetic.write_corpus(config.synthetic, folder, config.features.sample_rate_hz)
        found = find_utterances(folder, synthetic.speaker_genders(config.synthetic), corpus.on_error)
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
    splits = assign(usable, config.split)
    return Dataset(tuple(usable), splits, tuple(computed[u.recording] for u in usable)), problems


def problem_table(problems: list[RecordingError]) -> pd.DataFrame:
    """The recordings that were left out, and why."""
    return pd.DataFrame([(p.recording, p.problem) for p in problems], columns=["recording", "problem"])


def say(text: str) -> None:
    """Tell the user what is going on, apart from the results."""
    print(text, file=sys.stderr, flush=True)
