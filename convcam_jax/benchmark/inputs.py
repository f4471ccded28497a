"""The inputs that all programs are measured on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from convcam_jax.data.dataset import Dataset, analysis_arrays, network_inputs
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.measures.analysis import simplenet_placement
from convcam_jax.representations.features import bin_frequencies_hz
from convcam_jax.settings.config import Config
from convcam_jax.stages.workdir import read_arrays, write_arrays


class Inputs(NamedTuple):
    """Recordings of one gender, B of them as a batch for the training step, N of them to be explained.

    Attributes:
      batch: `[B, F, T]` recordings of the training set, zero behind their end.
      batch_frames: `[B]`.
      batch_emotion: `[B]`.
      batch_columns: length of the strip that training packs such a batch on.
      full_length: `[B, F, T]` the same recordings, repeated until they fill all frames.
      tested: `[N, F, T]` recordings of the test set.
      n_frames: `[N]`, as all that follow up to `voiced`.
      emotion: `[N]`.
      cqt: `[N, F, T]`.
      energy: `[N, T]`.
      f0_hz: `[N, T]`.
      voiced: `[N, T]`.
      bin_hz: `[F]`.
      placement_frequency: `[F, H]` weights that bring a map's rows to the bins.
      placement_time: `[T, W]` the same for columns and frames.
      wavs: paths of the recordings whose features are computed.
    """

    batch: np.ndarray
    batch_frames: np.ndarray
    batch_emotion: np.ndarray
    batch_columns: np.ndarray
    full_length: np.ndarray
    tested: np.ndarray
    n_frames: np.ndarray
    emotion: np.ndarray
    cqt: np.ndarray
    energy: np.ndarray
    f0_hz: np.ndarray
    voiced: np.ndarray
    bin_hz: np.ndarray
    placement_frequency: np.ndarray
    placement_time: np.ndarray
    wavs: np.ndarray


def choose_batch(n_frames: np.ndarray, indices: np.ndarray, batch_size: int) -> tuple[np.ndarray, int]:
    """A batch as training makes them: one recording from each stratum of similar length, and the length of its strip.

    Args:
      n_frames: `[N]` of all recordings.
      indices: of the training set.
      batch_size: number of strata, at most the number of indices.
    """
    strata = np.array_split(indices[np.argsort(-n_frames[indices], kind="stable")], batch_size)
    batch = np.array([stratum[len(stratum) // 2] for stratum in strata])
    return batch, int(sum(slot_columns(n_frames[stratum].max()) for stratum in strata))


def repeat_until_full(spectrograms: np.ndarray, n_frames: np.ndarray) -> np.ndarray:
    """Spectrograms `[B, F, T]` whose first `n_frames [B]` frames are repeated until all T are filled."""
    frame = np.arange(spectrograms.shape[2]) % n_frames[:, None]
    return np.take_along_axis(spectrograms, frame[:, None, :], axis=2)


def make_inputs(dataset: Dataset, config: Config) -> Inputs:
    """The inputs from a corpus, of its first gender; the wav files are those of both, in turns of length."""
    gender = dataset.genders()[0]
    recordings = network_inputs(dataset, config)
    spectrograms, n_frames = np.asarray(recordings.spectrograms), np.asarray(recordings.n_frames)
    emotion = np.asarray(recordings.emotion)
    trained, tested = dataset.indices(gender, "train"), dataset.indices(gender, "test")
    batch, columns = choose_batch(n_frames, trained, min(config.train.batch_size, len(trained)))
    arrays = analysis_arrays(
        [dataset.utterances[i] for i in tested], [dataset.features[i] for i in tested], config
    )._asdict()
    placement = simplenet_placement(config)
    return Inputs(
        batch=spectrograms[batch],
        batch_frames=n_frames[batch],
        batch_emotion=emotion[batch],
        batch_columns=np.array(columns),
        full_length=repeat_until_full(spectrograms[batch], n_frames[batch]),
        tested=spectrograms[tested],
        **arrays,
        bin_hz=bin_frequencies_hz(config.features),
        placement_frequency=placement.frequency,
        placement_time=placement.time,
        wavs=np.array([str(dataset.utterances[i].path.absolute()) for i in _evenly_by_length(n_frames)]),
    )


def save_inputs(path: Path, inputs: Inputs) -> None:
    """Write the inputs for the programs' processes."""
    write_arrays(path, inputs._asdict())


def load_inputs(path: Path) -> Inputs:
    """Read the inputs."""
    return Inputs(**read_arrays(path))


def _evenly_by_length(n_frames: np.ndarray) -> np.ndarray:
    """All recordings in an order of which every beginning has about the mean length: by a fixed permutation."""
    return np.random.default_rng(0).permutation(len(n_frames))
