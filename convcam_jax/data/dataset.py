"""The recordings of a run as arrays: what the network sees of all of them, what the analysis needs of the test set."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.representations.features import Features, frame_times_s, scale_cqt
from convcam_jax.representations.frame_f0 import frame_f0
from convcam_jax.settings.config import Config
from convcam_jax.training.member import Recordings


class Dataset(NamedTuple):
    """The utterances of a run with their splits and features, in one order."""

    utterances: tuple[Utterance, ...]
    splits: tuple[str, ...]
    features: tuple[Features, ...]

    def indices(self, gender: str, split: str) -> NDArray[np.int64]:
        """Indices of the utterances of a gender and split, ascending."""
        pairs = zip(self.utterances, self.splits, strict=True)
        return np.flatnonzero([(u.gender, s) == (gender, split) for u, s in pairs])

    def genders(self) -> tuple[str, ...]:
        """The genders that have recordings, in alphabetical order."""
        return tuple(sorted({u.gender for u in self.utterances}))


# NumPy arrays in tables and figures, JAX arrays inside of transformed functions.
AnyArray = Any


class AnalysisArrays(NamedTuple):
    """What the metrics of N recordings need, padded with zeros to T frames.

    cqt `[N, F, T]` magnitude; energy, f0_hz and voiced (bool) `[N, T]`; n_frames and emotion (index) `[N]`.
    """

    cqt: AnyArray
    energy: AnyArray
    f0_hz: AnyArray
    voiced: AnyArray
    n_frames: AnyArray
    emotion: AnyArray


def n_frames(features: Sequence[Features]) -> NDArray[np.int32]:
    """Number of CQT frames of each recording."""
    return np.array([f.cqt.shape[1] for f in features], dtype=np.int32)


def network_inputs(dataset: Dataset, config: Config) -> Recordings:
    """All recordings as the network sees them, in the scale of the config, filled up with zeros to `max_frames`."""
    emotion = emotion_indices(dataset.utterances, config.corpus.emotions)
    return as_recordings([f.cqt for f in dataset.features], emotion, config)


def as_recordings(magnitudes: Sequence[np.ndarray], emotion: np.ndarray, config: Config) -> Recordings:
    """Recordings as the network sees them, from their CQT magnitudes `[F, n]` and the indices of their emotions."""
    spectrograms = [scale_cqt(magnitude.astype(np.float64), config.features.scale) for magnitude in magnitudes]
    return Recordings(
        spectrograms=jnp.asarray(_stack(spectrograms, config.corpus.max_frames)),
        n_frames=jnp.asarray([magnitude.shape[1] for magnitude in magnitudes], dtype=jnp.int32),
        emotion=jnp.asarray(emotion),
    )


def analysis_arrays(utterances: Sequence[Utterance], features: Sequence[Features], config: Config) -> AnalysisArrays:
    """What the metrics need of some recordings, F0 read as the config has it."""
    width = config.corpus.max_frames
    f0 = [frame_f0(f, frame_times_s(f.cqt.shape[1], config.features), config.analysis) for f in features]
    return AnalysisArrays(
        cqt=_stack([f.cqt for f in features], width),
        energy=_stack([f.energy for f in features], width),
        f0_hz=_stack([track.f0_hz for track in f0], width),
        voiced=_stack([track.voiced for track in f0], width),
        n_frames=n_frames(features),
        emotion=emotion_indices(utterances, config.corpus.emotions),
    )


def emotion_indices(utterances: Sequence[Utterance], emotions: Sequence[str]) -> NDArray[np.int32]:
    """Index of each utterance's emotion in `emotions`."""
    return np.array([list(emotions).index(u.emotion) for u in utterances], dtype=np.int32)


def utterance_table(dataset: Dataset) -> pd.DataFrame:
    """The table of `utterances.csv`."""
    table = pd.DataFrame(dataset.utterances).drop(columns="path")
    return table.assign(n_frames=n_frames(dataset.features), split=dataset.splits)


def _stack(arrays: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Arrays `[..., n]` as one `[N, ..., width]`, filled up with zeros; floats as float32."""
    kind = np.float32 if arrays[0].dtype.kind == "f" else arrays[0].dtype
    stacked = np.zeros((len(arrays), *arrays[0].shape[:-1], width), dtype=kind)
    for row, array in zip(stacked, arrays, strict=True):
        row[..., : array.shape[-1]] = array
    return stacked
