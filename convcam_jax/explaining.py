"""Signed maps and logits of a group of members on all their test recordings, as one program."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from convcam_jax.attribution import INPUT_METHODS, NODE_METHODS, score_cam
from convcam_jax.batches import ABSENT
from convcam_jax.config import CamConfig
from convcam_jax.ensemble import member_mesh, over_members
from convcam_jax.packing import pack, unpack
from convcam_jax.placement import make_placement
from convcam_jax.simplenet import SimpleNet, last_convolution_shape, layers_before_map
from convcam_jax.training import Params, Recordings


class Explanations(NamedTuple):
    """Of members S and their recordings N: `signed_maps [S, N, H, W]` in front of ReLU (Eq. 5), `logits [S, N, C]`.

    The signed maps of `attribution.INPUT_METHODS` are `[S, N, F, T]`.
    """

    signed_maps: np.ndarray
    logits: np.ndarray


def explain_batch(
    params: Params,
    recordings: Recordings,
    batch: Array,
    model: SimpleNet,
    n_columns: int,
    cam: CamConfig,
) -> tuple[Array, Array]:
    """Signed maps `[B, H, W]` or `[B, F, T]` and logits `[B, C]` of one member.

    `batch [B]` are recordings (indices, or `ABSENT`).
    """
    n_frames = jnp.where(batch == ABSENT, 0, recordings.n_frames[batch])
    spectrograms = recordings.spectrograms[batch]
    strip = pack(spectrograms, n_frames, n_columns)
    variables = {"params": params}
    on_strip: Any = model.apply(variables, strip, method=SimpleNet.activations)
    grid = recordings.spectrograms.shape[1], recordings.spectrograms.shape[2]
    nodes = last_convolution_shape(*grid)
    activations = unpack(on_strip.values, strip, on_strip.silence, nodes[1])

    def classify_activations(one: Array) -> Array:
        return model.apply(variables, one[None], method=SimpleNet.classify_activations)[0]

    def classify_spectrograms(several: Array) -> Array:
        logits: Any = model.apply(variables, several, n_frames, n_columns)
        return logits

    logits = jax.vmap(classify_activations)(activations)
    targets = recordings.emotion[batch] if cam.target == "truth" else logits.argmax(-1)
    if cam.method in INPUT_METHODS:
        maps = INPUT_METHODS[cam.method](classify_spectrograms, spectrograms, targets, cam.score)
    elif cam.method == "scorecam":
        placement = make_placement("receptive_field", nodes, grid, layers_before_map())
        maps = score_cam(classify_spectrograms, spectrograms, activations, targets, placement, cam.score)
    else:
        explain = NODE_METHODS[cam.method]
        maps = jax.vmap(lambda own, label: explain(classify_activations, own, label, cam.score))(activations, targets)
    return maps, logits


def explain_member(
    params: Params,
    recordings: Recordings,
    batches: Array,
    model: SimpleNet,
    n_columns: int,
    cam: CamConfig,
) -> tuple[Array, Array]:
    """Maps as of `explain_batch` and logits, each with an axis for `batches [n_steps, B]` in front, of one member."""
    explain = partial(explain_batch, model=model, n_columns=n_columns, cam=cam)
    return jax.lax.map(lambda batch: explain(params, recordings, batch), batches)


def explain_group(
    params: Params,
    recordings: Recordings,
    strata: np.ndarray,
    model: SimpleNet,
    n_columns: int,
    cam: CamConfig,
) -> Explanations:
    """Explanations of a group whose members share their recordings.

    Args:
      params: parameters `[S, ...]`.
      recordings: all recordings of the run.
      strata: `[n_strata, n_steps]` indices of the recordings to explain, or `ABSENT`.
      model: the network.
      n_columns: length of the strip for one batch, a column of `strata`.
      cam: how, and which class and which of its outputs are explained.

    Returns:
      Explanations with N recordings in ascending order of their indices.
    """
    explain = partial(explain_member, model=model, n_columns=n_columns, cam=cam)
    n_members = len(jax.tree.leaves(params)[0])
    program = over_members(explain, member_mesh(n_members), (True, False, False))
    batches = strata.T
    maps, logits = program(params, recordings, batches)
    return Explanations(by_recording(maps, batches), by_recording(logits, batches))


def by_recording(per_batch: Array, batches: np.ndarray) -> np.ndarray:
    """`[S, n_steps, n_strata, ...]` as `[S, N, ...]`, by ascending index in `batches [n_steps, n_strata]`."""
    array = np.asarray(per_batch)
    return array.reshape(len(array), -1, *array.shape[3:])[:, recording_order(batches)]


def recording_order(batches: np.ndarray) -> np.ndarray:
    """Where in the flattened `batches` the recordings stand, in ascending order of their indices."""
    return np.argsort(batches.ravel(), kind="stable")[np.count_nonzero(batches == ABSENT) :]
