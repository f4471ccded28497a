"""Batches of recordings whose total length hardly varies, so that one length of strip serves them all.

The recordings of a set are sorted by length and cut into strata; every batch gets one recording of each stratum, drawn
anew in every epoch. Each recording is seen once per epoch, and all batches have the same number of recordings, give or
take one.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jax import Array

from convcam_jax.packing import slot_columns

ABSENT = -1
# Strips of sets that are gone through once are made a multiple of so many columns long, a few per cent more than they
# need, so that different sets often share a compiled program.
_STRIP_COLUMNS = 64


def stratify(n_frames: np.ndarray, indices: np.ndarray, n_steps: int, n_strata: int) -> np.ndarray:
    """Strata of recordings of similar length.

    Args:
      n_frames: `[N]` frames of all recordings.
      indices: `[n]` the recordings of the set.
      n_steps: batches per epoch.
      n_strata: recordings per batch, at least n / n_steps.

    Returns:
      `[n_strata, n_steps]` indices, `ABSENT` where there is no recording left.
    """
    if len(indices) > n_steps * n_strata:
        raise ValueError(f"{len(indices)} recordings do not fit in {n_steps} batches of {n_strata}")
    strata = np.full(n_steps * n_strata, ABSENT, dtype=np.int32)
    strata[: len(indices)] = indices[np.argsort(-n_frames[indices], kind="stable")]
    return strata.reshape(n_strata, n_steps)


def fixed_strata(
    n_frames: np.ndarray, sets: Sequence[np.ndarray], batch_size: int, multiple_of: int = 1
) -> tuple[list[np.ndarray], int]:
    """Strata of each of some sets of recordings, gone through once in as few batches as can be.

    Args:
      n_frames: `[N]` of all recordings.
      sets: the indices `[n]` of each set's recordings.
      batch_size: recordings in a batch, at most.
      multiple_of: the number of a set's batches is made a multiple of it.

    Returns:
      For each set `[B, n_steps]` with B common to all, and the length of strip for a batch, a column of any: sets with
      as many batches share a compiled program.
    """
    steps = [-(-len(indices) // (batch_size * multiple_of)) * multiple_of for indices in sets]
    n_strata = max(-(-len(indices) // n_steps) for indices, n_steps in zip(sets, steps, strict=True))
    strata = [stratify(n_frames, indices, n_steps, n_strata) for indices, n_steps in zip(sets, steps, strict=True)]
    n_columns = max(strip_columns(n_frames, own) for own in strata)
    return strata, -(-n_columns // _STRIP_COLUMNS) * _STRIP_COLUMNS


def strip_columns(n_frames: np.ndarray, strata: np.ndarray) -> int:
    """A length of strip that suffices for every batch that can be drawn from `strata [n_strata, n_steps]`."""
    frames = np.where(strata == ABSENT, 0, n_frames[strata])
    return int(slot_columns(frames).max(axis=1).sum())


def strata_to_explain(
    n_frames: np.ndarray, sets: Sequence[np.ndarray], batch_size: int
) -> tuple[list[np.ndarray], int]:
    """As `fixed_strata`, in batches that can be divided over the devices of this process."""
    return fixed_strata(n_frames, sets, batch_size, jax.local_device_count())


def recording_order(batches: np.ndarray) -> np.ndarray:
    """Where in the flattened `batches` the recordings stand, in ascending order of their indices."""
    return np.argsort(batches.ravel(), kind="stable")[np.count_nonzero(batches == ABSENT) :]


def by_recording(per_batch: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """`[S, n_steps, n_strata, ...]` as `[S, N, ...]`, by ascending index in `batches [n_steps, n_strata]`."""
    return per_batch.reshape(len(per_batch), -1, *per_batch.shape[3:])[:, recording_order(batches)]


def draw_batches(key: Array, strata: Array) -> Array:
    """The batches of one epoch `[n_steps, n_strata]` from `strata [n_strata, n_steps]`."""
    keys = jax.random.split(key, len(strata))
    return jax.vmap(jax.random.permutation)(keys, strata).T
