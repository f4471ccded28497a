"""The recordings of a run: utterances with their features, the groups that models are for, the folds of the split."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Int

from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.arrays import emotion_indices, n_frames
from convcam_jax.data.members import Cohort
from convcam_jax.data.recordings import Recordings
from convcam_jax.representations.features import Features
from convcam_jax.representations.representation import Representation
from convcam_jax.splits.protocol import ONLY_FOLD, Fold
from convcam_jax.system.namespaces import ATTRIBUTE


class Dataset(NamedTuple):
    """The utterances of a run in one order: their features, the group of each, and the folds they are split into.

    `sounds`: what is told of the sound of each; empty where that is not known.
    """

    utterances: tuple[Utterance, ...]
    features: tuple[Features, ...]
    groups: tuple[str, ...]
    folds: tuple[Fold, ...]
    sounds: tuple[SoundFacts, ...] = ()

    def cohorts(self) -> tuple[Cohort, ...]:
        """The groups in the order of the alphabet, each with the folds in which it has recordings for the test."""
        tested = {
            Cohort(group, fold.name)
            for fold in self.folds
            for group, split in zip(self.groups, fold.split_of, strict=True)
            if split == "test"
        }
        cohorts = (Cohort(group, fold.name) for group in sorted(set(self.groups)) for fold in self.folds)
        return tuple(cohort for cohort in cohorts if cohort in tested)

    def indices(self, cohort: Cohort, split: str) -> Int[np.ndarray, " n"]:
        """Indices of the cohort's utterances for training, validation or the test, ascending."""
        [fold] = [fold for fold in self.folds if fold.name == cohort.fold]
        pairs = zip(self.groups, fold.split_of, strict=True)
        return np.flatnonzero([pair == (cohort.group, split) for pair in pairs])

    def tested_utterances(self, cohort: Cohort) -> list[Utterance]:
        """The cohort's utterances for the test, in the order of their indices."""
        return [self.utterances[i] for i in self.indices(cohort, "test")]

    def sets(self, split: str) -> dict[Cohort, Int[np.ndarray, " _"]]:
        """The indices of every cohort, see `indices`."""
        return {cohort: self.indices(cohort, split) for cohort in self.cohorts()}


def network_inputs(
    dataset: Dataset, emotions: Sequence[str], representation: Representation, max_frames: int
) -> Recordings:
    """All recordings as the network sees them, filled up with zeros to `max_frames`."""
    magnitudes = [f.magnitude for f in dataset.features]
    return as_recordings(magnitudes, emotion_indices(dataset.utterances, emotions), representation, max_frames)


def as_recordings(
    magnitudes: Sequence[np.ndarray], emotion: Int[np.ndarray, " N"], representation: Representation, max_frames: int
) -> Recordings:
    """Recordings as the network sees them, from magnitudes `[F, n]` and the indices of their emotions."""
    # One after another: as a list they would take twice the memory of the array.
    spectrograms = np.zeros((len(magnitudes), len(magnitudes[0]), max_frames), dtype=np.float32)
    for spectrogram, magnitude in zip(spectrograms, magnitudes, strict=True):
        spectrogram[:, : magnitude.shape[1]] = representation.scaled(magnitude.astype(np.float64))
    return Recordings(
        spectrograms=jnp.asarray(spectrograms),
        n_frames=jnp.asarray([magnitude.shape[1] for magnitude in magnitudes], dtype=jnp.int32),
        emotion=jnp.asarray(emotion),
    )


def utterance_table(dataset: Dataset) -> pd.DataFrame:
    """The table of `utterances.csv`: what is known of every recording, its group, its frames, and how it is split.

    What else a corpus tells of them stands in columns `attribute/NAME`. With one fold `split` says for what the
    recording is; with several `test_fold` says where it is tested ("" where nowhere), and `fold_table` has the rest.
    Where recordings are parts of files it says which (`start_s`, `end_s`).
    """
    table = pd.DataFrame(dataset.utterances).drop(columns=["path", "attributes", "channel"])
    if not any(u.source.is_part for u in dataset.utterances):
        table = table.drop(columns=["start_s", "end_s"])
    attributes = pd.DataFrame([dict(u.attributes) for u in dataset.utterances], index=table.index)
    table = table.join(attributes.add_prefix(ATTRIBUTE))
    table = table.assign(group=dataset.groups, n_frames=n_frames(dataset.features))
    if [fold.name for fold in dataset.folds] == [ONLY_FOLD]:
        return table.assign(split=dataset.folds[0].split_of)
    tested = [[fold.name for fold in dataset.folds if fold.split_of[i] == "test"] for i in range(len(table))]
    return table.assign(test_fold=[", ".join(names) for names in tested])


def sound_table(dataset: Dataset) -> pd.DataFrame:
    """The table of `sounds.csv`: what is told of each recording's sound, see `SoundFacts`."""
    recordings = [u.recording for u in dataset.utterances]
    return pd.DataFrame(dataset.sounds, index=pd.Index(recordings, name="recording")).reset_index()


def fold_table(dataset: Dataset) -> pd.DataFrame:
    """The table of `folds.csv`: what each recording is for in each fold."""
    recordings = [u.recording for u in dataset.utterances]
    frames = [
        pd.DataFrame({"recording": recordings, "group": dataset.groups, "fold": fold.name, "split": fold.split_of})
        for fold in dataset.folds
    ]
    return pd.concat(frames, ignore_index=True)
