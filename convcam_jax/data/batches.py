"""Batches of recordings whose total length hardly varies, so that one layout of the network serves them all.

The recordings of a set are sorted by length and cut into strata; every batch gets one recording of each stratum, drawn
anew in every epoch. Each recording is seen once per epoch, and all batches have the same number of recordings, give or
take one.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Array, Int

from convcam_jax.data.recordings import ABSENT

# What a network needs to know, when it is compiled, of the batches of some strata: `Network.layout` of their frames.
LayoutOf = Callable[[np.ndarray], int]
Name = TypeVar("Name")

# Layouts of sets that are gone through once are made a multiple of so many columns long, a few per cent more than they
# need, so that the sets of several cohorts often share a compiled program.
_LAYOUT_MULTIPLE = 64
# How much longer than needed a layout may be so that a program of several seconds' compilation is shared.
_LONGEST_SHARED = 1.25


def stratify(
    n_frames: Int[np.ndarray, " N"], indices: Int[np.ndarray, " n"], n_steps: int, n_strata: int
) -> Int[np.ndarray, "n_strata n_steps"]:
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


def frames_of(n_frames: Int[np.ndarray, " N"], strata: Int[np.ndarray, "n_strata n_steps"]) -> np.ndarray:
    """Frames of the recordings of strata, 0 where there is none: what `Network.layout` takes."""
    return np.where(strata == ABSENT, 0, n_frames[strata])


def fixed_strata(
    n_frames: Int[np.ndarray, " N"], indices: Int[np.ndarray, " n"], batch_size: int, layout_of: LayoutOf
) -> tuple[Int[np.ndarray, "n_strata n_steps"], int]:
    """Strata of some recordings, gone through once in as few batches of at most `batch_size` as can be.

    `n_frames` is that of all recordings. Also returns the layout for a batch, a column of the strata.
    """
    n_steps = -(-len(indices) // batch_size)
    strata = stratify(n_frames, indices, n_steps, -(-len(indices) // n_steps))
    return strata, -(-layout_of(frames_of(n_frames, strata)) // _LAYOUT_MULTIPLE) * _LAYOUT_MULTIPLE


def shared_strata(
    n_frames: Int[np.ndarray, " N"],
    sets: Mapping[Name, Int[np.ndarray, " _"]],
    names: Collection[Name],
    n_steps: int,
    layout_of: LayoutOf,
) -> tuple[dict[Name, Int[np.ndarray, "n_strata n_steps"]], int]:
    """Strata of some of several sets, of the shape that all sets can share, and with it a compiled program.

    Where that shape is much longer than the wanted sets need, it is theirs alone.

    Args:
      n_frames: of all recordings.
      sets: the indices of each set's recordings, by its name.
      names: of the sets that are wanted.
      n_steps: batches of each set.
      layout_of: the network's.

    Returns:
      Strata for each of `names`, all of the same shape, and the layout for a batch of any.
    """
    alone = strata_of_one_shape(n_frames, {name: sets[name] for name in names}, n_steps, layout_of)
    strata, layout = strata_of_one_shape(n_frames, sets, n_steps, layout_of)
    if layout > _LONGEST_SHARED * alone[1]:
        return alone
    return {name: strata[name] for name in names}, layout


def strata_of_one_shape(
    n_frames: np.ndarray, sets: Mapping[Name, np.ndarray], n_steps: int, layout_of: LayoutOf
) -> tuple[dict[Name, np.ndarray], int]:
    """Strata of all sets, of as many places as the largest one needs, and the layout for a batch of any."""
    n_strata = -(-max(map(len, sets.values())) // n_steps)
    strata = {name: stratify(n_frames, indices, n_steps, n_strata) for name, indices in sets.items()}
    return strata, max(layout_of(frames_of(n_frames, of_set)) for of_set in strata.values())


def steps_per_epoch(sets: Mapping[Name, Int[np.ndarray, " _"]], batch_size: int) -> int:
    """Batches of at most `batch_size` that the largest set needs.

    All members take as many steps, those of a smaller set in smaller batches, so that they can be trained together.
    """
    return -(-max(map(len, sets.values())) // batch_size)


def tested_strata(
    n_frames: Int[np.ndarray, " N"],
    sets: Mapping[Name, Int[np.ndarray, " _"]],
    name: Name,
    batch_size: int,
    layout_of: LayoutOf,
) -> tuple[Int[np.ndarray, "n_strata n_steps"], int]:
    """One set's recordings in batches that can be divided over the devices, and the layout for a batch.

    The other sets' are of the same shape where that is cheap, so that one program explains all.
    """
    n_devices = jax.local_device_count()
    n_steps = n_devices * steps_per_epoch(sets, n_devices * batch_size)
    strata, layout = shared_strata(n_frames, sets, [name], n_steps, layout_of)
    return strata[name], layout


def recording_order(batches: np.ndarray) -> np.ndarray:
    """Where in the flattened `batches` the recordings stand, in ascending order of their indices."""
    return np.argsort(batches.ravel(), kind="stable")[np.count_nonzero(batches == ABSENT) :]


def by_recording(per_batch: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """`[S, n_steps, n_strata, ...]` as `[S, N, ...]`, by ascending index in `batches [n_steps, n_strata]`."""
    return per_batch.reshape(len(per_batch), -1, *per_batch.shape[3:])[:, recording_order(batches)]


def draw_batches(key: Array, strata: Int[Array, "n_strata n_steps"]) -> Int[Array, "n_steps n_strata"]:
    """The batches of one epoch `[n_steps, n_strata]` from `strata [n_strata, n_steps]`."""
    keys = jax.random.split(key, len(strata))
    return jax.vmap(jax.random.permutation)(keys, strata).T
