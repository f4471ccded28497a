"""Signed Grad-CAM maps and logits of a group of members on all their test recordings, as one program."""

from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from convcam_jax.batches import ABSENT
from convcam_jax.cam import Score, grad_cam
from convcam_jax.ensemble import member_mesh, over_members
from convcam_jax.packing import pack, unpack
from convcam_jax.simplenet import SimpleNet, last_convolution_shape
from convcam_jax.training import Params, Recordings

Target = Literal["truth", "predicted"]


class Explanations(NamedTuple):
    """Of members S and their recordings N: `signed_maps [S, N, H, W]` in front of ReLU (Eq. 5), `logits [S, N, C]`."""

    signed_maps: np.ndarray
    logits: np.ndarray


def explain_batch(
    params: Params,
    recordings: Recordings,
    batch: Array,
    model: SimpleNet,
    n_columns: int,
    target: Target,
    score: Score,
) -> tuple[Array, Array]:
    """Signed maps `[B, H, W]` and logits `[B, C]` of one member for a batch of recordings `[B]` (or `ABSENT`)."""
    n_frames = jnp.where(batch == ABSENT, 0, recordings.n_frames[batch])
    strip = pack(recordings.spectrograms[batch], n_frames, n_columns)
    variables = {"params": params}
    on_strip: Any = model.apply(variables, strip, method=SimpleNet.activations)
    width = last_convolution_shape(*recordings.spectrograms.shape[1:])[1]
    activations = unpack(on_strip.values, strip, on_strip.silence, width)

    def classify(one: Array) -> Array:
        return model.apply(variables, one[None], method=SimpleNet.classify_activations)[0]

    logits = jax.vmap(classify)(activations)
    targets = recordings.emotion[batch] if target == "truth" else logits.argmax(-1)
    maps = jax.vmap(lambda values, label: grad_cam(classify, values, label, score))(activations, targets)
    return maps, logits


def explain_member(
    params: Params,
    recordings: Recordings,
    batches: Array,
    model: SimpleNet,
    n_columns: int,
    target: Target,
    score: Score,
) -> tuple[Array, Array]:
    """Signed maps `[n_steps, B, H, W]` and logits `[n_steps, B, C]` of one member for `batches [n_steps, B]`."""
    explain = partial(explain_batch, model=model, n_columns=n_columns, target=target, score=score)
    return jax.lax.map(lambda batch: explain(params, recordings, batch), batches)


def explain_group(
    params: Params,
    recordings: Recordings,
    strata: np.ndarray,
    model: SimpleNet,
    n_columns: int,
    target: Target,
    score: Score,
) -> Explanations:
    """Explanations of a group whose members share their recordings.

    Args:
      params: parameters `[S, ...]`.
      recordings: all recordings of the run.
      strata: `[n_strata, n_steps]` indices of the recordings to explain, or `ABSENT`.
      model: the network.
      n_columns: length of the strip for one batch, a column of `strata`.
      target: which class is explained.
      score: which of its outputs is differentiated.

    Returns:
      Explanations with N recordings in ascending order of their indices.
    """
    explain = partial(explain_member, model=model, n_columns=n_columns, target=target, score=score)
    n_members = len(jax.tree.leaves(params)[0])
    program = over_members(explain, member_mesh(n_members), (True, False, False))
    batches = strata.T
    maps, logits = program(params, recordings, batches)
    order = recording_order(batches)
    return Explanations(_flatten(maps)[:, order], _flatten(logits)[:, order])


def recording_order(batches: np.ndarray) -> np.ndarray:
    """Where in the flattened `batches` the recordings stand, in ascending order of their indices."""
    return np.argsort(batches.ravel(), kind="stable")[np.count_nonzero(batches == ABSENT) :]


def _flatten(per_batch: Array) -> np.ndarray:
    """`[S, n_steps, n_strata, ...]` as `[S, n_steps * n_strata, ...]`."""
    array = np.asarray(per_batch)
    return array.reshape(len(array), -1, *array.shape[3:])
