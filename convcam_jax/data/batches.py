"""Batches of recordings whose total length hardly varies, so that one length of strip serves them all.

The recordings of a set are sorted by length and cut into strata; every batch gets one recording of each stratum, drawn
anew in every epoch. Each recording is seen once per epoch, and all batches have the same number of recordings, give or
take one.
"""

from collections.abc import Collection, Mapping

import jax
import numpy as np
from jax import Array

from convcam_jax.kernels.packing import slot_columns

ABSENT = -1
# Strips of sets that are gone through once are made a multiple of so many columns long, a few per cent more than they
# need, so that the sets of both genders often share a compiled program.
_STRIP_COLUMNS = 64
# How much longer than needed a strip may be so that a program of several seconds' compilation is shared.
_LONGEST_SHARED = 1.25


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
    n_frames: np.ndarray, indices: np.ndarray, batch_size: int, multiple_of: int = 1
) -> tuple[np.ndarray, int]:
    """Strata of the recordings `indices [n]`, gone through once in as few batches of at most `batch_size` as can be.

    `n_frames [N]` is that of all recordings; the number of batches is made a multiple of `multiple_of`. Also returns
    the length of strip for a batch, a column of the strata.
    """
    n_steps = -(-len(indices) // (batch_size * multiple_of)) * multiple_of
    strata = stratify(n_frames, indices, n_steps, -(-len(indices) // n_steps))
    return strata, -(-strip_columns(n_frames, strata) // _STRIP_COLUMNS) * _STRIP_COLUMNS


def shared_strata(
    n_frames: np.ndarray, sets: Mapping[str, np.ndarray], own: Collection[str], n_steps: int
) -> tuple[dict[str, np.ndarray], int]:
    """Strata of some of several sets, of the shape that all sets can share, and with it a compiled program.

    Where that shape is much longer than the own sets need, it is theirs alone.

    Args:
      n_frames: `[N]` of all recordings.
      sets: the indices `[n]` of each set's recordings, by its name.
      own: names of the sets that are wanted.
      n_steps: batches of each set.

    Returns:
      For each of `own` `[n_strata, n_steps]`, all of the same shape, and the length of strip for a batch of any.
    """
    alone = _strata_of_one_shape(n_frames, {name: sets[name] for name in own}, n_steps)
    strata, n_columns = _strata_of_one_shape(n_frames, sets, n_steps)
    if n_columns > _LONGEST_SHARED * alone[1]:
        return alone
    return {name: strata[name] for name in own}, n_columns


def _strata_of_one_shape(
    n_frames: np.ndarray, sets: Mapping[str, np.ndarray], n_steps: int
) -> tuple[dict[str, np.ndarray], int]:
    n_strata = -(-max(map(len, sets.values())) // n_steps)
    strata = {name: stratify(n_frames, indices, n_steps, n_strata) for name, indices in sets.items()}
    return strata, max(strip_columns(n_frames, of_set) for of_set in strata.values())


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
