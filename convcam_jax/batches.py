"""Batches of recordings whose total length hardly varies, so that one length of strip serves them all.

The recordings of a set are sorted by length and cut into strata; every batch gets one recording of each stratum, drawn
anew in every epoch. Each recording is seen once per epoch, and all batches have the same number of recordings, give or
take one.
"""

import jax
import numpy as np
from jax import Array

from convcam_jax.packing import slot_columns

ABSENT = -1
# Strips of sets that are gone through once are made a multiple of so many columns long, a few per cent more than they
# need, so that the sets of both genders often share a compiled program.
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


def with_strata(strata: np.ndarray, n_strata: int) -> np.ndarray:
    """Strata `[..., n, n_steps]` with further ones of `ABSENT` recordings up to `n_strata`."""
    missing = np.full((*strata.shape[:-2], n_strata - strata.shape[-2], strata.shape[-1]), ABSENT, strata.dtype)
    return np.concatenate([strata, missing], axis=-2)


def fixed_strata(
    n_frames: np.ndarray, indices: np.ndarray, batch_size: int, multiple_of: int = 1
) -> tuple[np.ndarray, int]:
    """Strata of the recordings `indices [n]`, gone through once in as few batches of at most `batch_size` as can be.

    `n_frames [N]` is that of all recordings; the number of batches is made a multiple of `multiple_of`. Also returns
    the length of strip for a batch, a column of the strata.
    """
    n_steps = -(-len(indices) // (batch_size * multiple_of)) * multiple_of
    strata = stratify(n_frames, indices, n_steps, -(-len(indices) // n_steps))
    return strata, -(-strip_columns(n_frames, strata) // _STRIP_COLUMNS) * _STRIP_COLUMNS


def strip_columns(n_frames: np.ndarray, strata: np.ndarray) -> int:
    """A length of strip that suffices for every batch that can be drawn from `strata [n_strata, n_steps]`."""
    frames = np.where(strata == ABSENT, 0, n_frames[strata])
    return int(slot_columns(frames).max(axis=1).sum())


def strata_to_explain(n_frames: np.ndarray, indices: np.ndarray, batch_size: int) -> tuple[np.ndarray, int]:
    """As `fixed_strata`, in batches that can be divided over the devices of this process."""
    return fixed_strata(n_frames, indices, batch_size, jax.local_device_count())


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
