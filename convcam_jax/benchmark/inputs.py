"""The inputs that all programs are measured on."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import soundfile

from convcam_jax.attribution.explaining import explained_geometry
from convcam_jax.attribution.placement import make_placement
from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.measures.cohort_maps import tested_arrays
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.settings.config import Config
from convcam_jax.system.formats import read_arrays, write_arrays


class Inputs(NamedTuple):
    """Recordings of one cohort, B of them as a batch for the training step, N of them to be explained.

    Attributes:
      batch: `[B, F, T]` recordings of the training set, zero behind their end.
      batch_frames: `[B]`.
      batch_emotion: `[B]`.
      batch_layout: of the network, as training has it for such a batch.
      full_length: `[B, F, T]` the same recordings, repeated until they fill all frames.
      tested: `[N, F, T]` recordings of the test set.
      n_frames: `[N]`, as all that follow up to `voiced`.
      emotion: `[N]`.
      magnitude: `[N, F, T]`.
      energy: `[N, T]`.
      f0_hz: `[N, T]`.
      voiced: `[N, T]`.
      bin_hz: `[F]`.
      placement_frequency: `[F, H]` weights that bring a map's rows to the bins.
      placement_time: `[T, W]` the same for columns and frames.
      wavs: paths of wav files, see `write_wavs`, whose features are computed.
      platform: where networks are computed: `cpu`, `gpu` or `tpu`.
    """

    batch: np.ndarray
    batch_frames: np.ndarray
    batch_emotion: np.ndarray
    batch_layout: np.ndarray
    full_length: np.ndarray
    tested: np.ndarray
    n_frames: np.ndarray
    emotion: np.ndarray
    magnitude: np.ndarray
    energy: np.ndarray
    f0_hz: np.ndarray
    voiced: np.ndarray
    bin_hz: np.ndarray
    placement_frequency: np.ndarray
    placement_time: np.ndarray
    wavs: np.ndarray
    platform: np.ndarray


def choose_batch(n_frames: np.ndarray, indices: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch as training makes them, one recording from each stratum of similar length, and the strata's frames.

    Args:
      n_frames: `[N]` of all recordings.
      indices: of the training set.
      batch_size: number of strata, at most the number of indices.

    Returns:
      `[batch_size]` indices, and the frames `[batch_size, 1]` of the longest recording of each stratum.
    """
    strata = np.array_split(indices[np.argsort(-n_frames[indices], kind="stable")], batch_size)
    batch = np.array([stratum[len(stratum) // 2] for stratum in strata])
    return batch, np.array([[n_frames[stratum].max()] for stratum in strata])


def repeat_until_full(spectrograms: np.ndarray, n_frames: np.ndarray) -> np.ndarray:
    """Spectrograms `[B, F, T]` whose first `n_frames [B]` frames are repeated until all T are filled."""
    frame = np.arange(spectrograms.shape[2]) % n_frames[:, None]
    return np.take_along_axis(spectrograms, frame[:, None, :], axis=2)


def write_wavs(dataset: Dataset, config: Config, n: int, folder: Path) -> list[Path]:
    """Write `n` of the recordings of all cohorts as mono wav files (float32), each at the rate of its own file.

    So all programs are given the same sound where a recording is a part of a file or one of its channels, or its file
    of a format that some of them cannot read.
    """
    paths = []
    # By a fixed permutation, so that every beginning has about the mean length.
    for index in np.random.default_rng(0).permutation(len(dataset.utterances))[:n]:
        source, rate_hz = dataset.utterances[index].source, dataset.sounds[index].file_rate_hz
        recording = read_recording(source, rate_hz, shortest_s(config.prosody), config.corpus.channels)
        buffer = io.BytesIO()
        soundfile.write(buffer, recording.samples, rate_hz, subtype="FLOAT", format="WAV")
        paths.append(folder / f"{index}.wav")
        paths[-1].write_bytes(buffer.getvalue())
    return paths


def make_inputs(dataset: Dataset, config: Config, wavs: Sequence[Path]) -> Inputs:
    """The inputs from a corpus, of its first cohort, and the wav files of `write_wavs`."""
    cohort, corpus = dataset.cohorts()[0], config.corpus
    recordings = network_inputs(dataset, corpus.emotions, config.representation, corpus.max_frames)
    spectrograms, n_frames = np.asarray(recordings.spectrograms), np.asarray(recordings.n_frames)
    trained, tested = dataset.indices(cohort, "train"), dataset.indices(cohort, "test")
    batch, longest = choose_batch(n_frames, trained, min(config.train.batch_size, len(trained)))
    network = config.make_network("float32")
    geometry = explained_geometry(network, config.attribution, config.grid)
    placement = make_placement(config.analysis.map_placement, geometry, config.grid)
    arrays = tested_arrays(dataset, cohort, config.representation, config.analysis, corpus)
    return Inputs(
        batch=spectrograms[batch],
        batch_frames=n_frames[batch],
        batch_emotion=np.asarray(recordings.emotion)[batch],
        batch_layout=np.array(network.layout(longest)),
        full_length=repeat_until_full(spectrograms[batch], n_frames[batch]),
        tested=spectrograms[tested],
        **arrays._asdict(),
        bin_hz=config.representation.frequencies_hz(),
        placement_frequency=placement.frequency,
        placement_time=placement.time,
        wavs=np.array([str(path) for path in wavs], dtype=np.str_),
        platform=np.array(jax.default_backend()),
    )


def save_inputs(path: Path, inputs: Inputs) -> None:
    """Write the inputs for the programs' processes."""
    write_arrays(path, inputs._asdict())


def load_inputs(path: Path) -> Inputs:
    """Read the inputs."""
    return Inputs(**read_arrays(path))
