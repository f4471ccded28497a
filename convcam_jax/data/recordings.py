"""The recordings of a run as one set of arrays, and those of a batch taken from it."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

# In the place of an index: no recording.
ABSENT = -1


class Recordings(NamedTuple):
    """All recordings: `spectrograms` as the network sees them, zero behind `n_frames`; `emotion` is an index."""

    spectrograms: Float[Array, "N F T"]
    n_frames: Int[Array, " N"]
    emotion: Int[Array, " N"]


class Batch(NamedTuple):
    """Recordings that a network takes at once; a place with 0 frames is empty, and must not count in anything."""

    spectrograms: Float[Array, "B F T"]
    n_frames: Int[Array, " B"]

    @property
    def grid(self) -> tuple[int, int]:
        """Bins and frames (F, T)."""
        return self.spectrograms.shape[1], self.spectrograms.shape[2]


def subset(recordings: Recordings, indices: Int[Array | np.ndarray, " n"]) -> Recordings:
    """The recordings of these indices."""
    return Recordings(*(array[indices] for array in recordings))


def take(recordings: Recordings, batch: Int[Array, " B"]) -> Batch:
    """The recordings of a batch, given by their indices or `ABSENT`."""
    n_frames = jnp.where(batch == ABSENT, 0, recordings.n_frames[batch])
    return Batch(recordings.spectrograms[batch], n_frames)
