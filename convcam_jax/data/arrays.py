"""What the metrics need of recordings, as arrays."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.representations.features import Features
from convcam_jax.representations.frame_f0 import FrameF0

# NumPy arrays in tables and figures, JAX arrays inside of transformed functions.
AnyArray = Any


class AnalysisArrays(NamedTuple):
    """What the metrics of N recordings need, padded with zeros to T frames.

    magnitude `[N, F, T]`; energy, f0_hz and voiced (bool) `[N, T]`; n_frames and emotion (index) `[N]`.
    """

    magnitude: AnyArray
    energy: AnyArray
    f0_hz: AnyArray
    voiced: AnyArray
    n_frames: AnyArray
    emotion: AnyArray


def analysis_arrays(
    features: Sequence[Features], f0: Sequence[FrameF0], emotion: Int[np.ndarray, " N"], max_frames: int
) -> AnalysisArrays:
    """The arrays of N recordings from their features, their F0 at the frames, and the indices of their emotions."""
    return AnalysisArrays(
        magnitude=stack([f.magnitude for f in features], max_frames),
        energy=stack([f.energy for f in features], max_frames),
        f0_hz=stack([track.f0_hz for track in f0], max_frames),
        voiced=stack([track.voiced for track in f0], max_frames),
        n_frames=n_frames(features),
        emotion=emotion,
    )


def n_frames(features: Sequence[Features]) -> Int[np.ndarray, " N"]:
    """Number of frames of each recording."""
    return np.array([f.n_frames for f in features], dtype=np.int32)


def emotion_indices(utterances: Sequence[Utterance], emotions: Sequence[str]) -> Int[np.ndarray, " N"]:
    """Index of each utterance's emotion in `emotions`."""
    return np.array([list(emotions).index(u.emotion) for u in utterances], dtype=np.int32)


def stack(arrays: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Arrays `[..., n]` as one `[N, ..., width]`, filled up with zeros; floats as float32."""
    kind = np.float32 if arrays[0].dtype.kind == "f" else arrays[0].dtype
    stacked = np.zeros((len(arrays), *arrays[0].shape[:-1], width), dtype=kind)
    for row, array in zip(stacked, arrays, strict=True):
        row[..., : array.shape[-1]] = array
    return stacked
