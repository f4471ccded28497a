"""Signed maps and logits of a group of members on all their test recordings, as one program."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import PartitionSpec

from convcam_jax.attribution.grad_cam import score_gradient
from convcam_jax.attribution.methods import INPUT_METHODS, NODE_METHODS, score_cam
from convcam_jax.data.batches import ABSENT, by_recording
from convcam_jax.kernels.packing import Strip, pack, unpack
from convcam_jax.networks.simplenet import (
    Activations,
    SimpleNet,
    last_convolution_shape,
    map_placement,
    pool_last_convolution,
)
from convcam_jax.settings.config import CamConfig
from convcam_jax.training.ensemble import member_and_recording_mesh
from convcam_jax.training.member import Params, Recordings, compiler_options


class Explanations(NamedTuple):
    """Of members S and their recordings N: `signed_maps [S, N, H, W]` in front of ReLU (Eq. 5), `logits [S, N, C]`.

    There are signed maps for each way of explaining; those of `attribution.INPUT_METHODS` are `[S, N, F, T]`.
    """

    signed_maps: tuple[np.ndarray, ...]
    logits: np.ndarray


def explain_batch(
    params: Params,
    offset_weights: Array,
    recordings: Recordings,
    batch: Array,
    model: SimpleNet,
    n_columns: int,
    cam: CamConfig,
) -> tuple[Array, Array]:
    """Signed maps `[B, H, W]` or `[B, F, T]` and logits `[B, C]` of one member.

    `offset_weights` are those of its parameters, for Grad-CAM alone; `batch [B]` are recordings (indices, or `ABSENT`).
    """
    n_frames = jnp.where(batch == ABSENT, 0, recordings.n_frames[batch])
    spectrograms, emotion = recordings.spectrograms[batch], recordings.emotion[batch]
    strip = pack(spectrograms, n_frames, n_columns)
    on_strip: Any = model.apply({"params": params}, strip, method=SimpleNet.activations)
    grid = spectrograms.shape[1], spectrograms.shape[2]
    if cam.method == "gradcam":
        return _grad_cam_on_strip(params, offset_weights, on_strip, strip, emotion, model, grid, cam)
    activations = unpack(on_strip.values, strip, on_strip.silence, last_convolution_shape(*grid)[1])
    return _explain_activations(params, activations, spectrograms, n_frames, emotion, model, n_columns, cam)


def _explain_activations(
    params: Params,
    activations: Array,
    spectrograms: Array,
    n_frames: Array,
    emotion: Array,
    model: SimpleNet,
    n_columns: int,
    cam: CamConfig,
) -> tuple[Array, Array]:
    """The same by any method, from the activations `[B, H, W, K]`."""
    variables = {"params": params}

    def classify_activations(one: Array) -> Array:
        return model.apply(variables, one[None], method=SimpleNet.classify_activations)[0]

    def classify_spectrograms(several: Array) -> Array:
        logits: Any = model.apply(variables, several, n_frames, n_columns)
        return logits

    logits = jax.vmap(classify_activations)(activations)
    targets = emotion if cam.target == "truth" else logits.argmax(-1)
    if cam.method in INPUT_METHODS:
        maps = INPUT_METHODS[cam.method](classify_spectrograms, spectrograms, targets, cam.score)
    elif cam.method == "scorecam":
        placement = map_placement("receptive_field", (spectrograms.shape[1], spectrograms.shape[2]))
        maps = score_cam(classify_spectrograms, spectrograms, activations, targets, placement, cam.score)
    else:
        explain = NODE_METHODS[cam.method]
        maps = jax.vmap(lambda own, label: explain(classify_activations, own, label, cam.score))(activations, targets)
    return maps, logits


def _grad_cam_on_strip(
    params: Params,
    offset_weights: Array,
    on_strip: Activations,
    strip: Strip,
    emotion: Array,
    model: SimpleNet,
    grid: tuple[int, int],
    cam: CamConfig,
) -> tuple[Array, Array]:
    """Signed maps `[B, H, W]` as by `cam.grad_cam`, and logits `[B, C]`, without the activations of every recording.

    Max-pooling hands the gradient of a pooled value on to one node, so the sum over the nodes (Eq. 4) is the sum over
    what is pooled, which is the derivative by an offset that is added to a whole channel of it.
    """
    height, width = last_convolution_shape(*grid)
    pooled = pool_last_convolution(on_strip, strip, grid)

    def classify(one: Array, offset: Array) -> Array:
        operands = one[None], offset[None], offset_weights
        return model.apply({"params": params}, *operands, method=SimpleNet.classify_with_offsets)[0]

    no_offset = jnp.zeros(pooled.shape[-1])
    logits = jax.vmap(classify, in_axes=(0, None))(pooled, no_offset)
    targets = emotion if cam.target == "truth" else logits.argmax(-1)
    sums = jax.vmap(lambda one, label: score_gradient(partial(classify, one), no_offset, label, cam.score))
    weights = sums(pooled, targets) / (height * width)
    # The activations of all recordings by the weights of each, of which those of the own recording are taken: one
    # product, cheap for batches as small as these.
    by_weights = unpack(on_strip.values @ weights.T, strip, on_strip.silence @ weights.T, width)
    own = jnp.arange(len(weights))
    return by_weights[own, :, :, own], logits


def explain_member(
    params: Params,
    recordings: Recordings,
    batches: Array,
    model: SimpleNet,
    n_columns: int,
    cams: tuple[CamConfig, ...],
) -> tuple[tuple[Array, ...], Array]:
    """Maps as of `explain_batch` for each of `cams`, and logits, of one member.

    Each array has an axis for `batches [n_steps, B]` in front.
    """
    offset_weights: Any = model.apply({"params": params}, method=SimpleNet.offset_weights)

    def explain(batch: Array) -> tuple[tuple[Array, ...], Array]:
        explained = [explain_batch(params, offset_weights, recordings, batch, model, n_columns, cam) for cam in cams]
        return tuple(maps for maps, _ in explained), explained[0][1]

    return jax.lax.map(explain, batches)


def explain_group(
    params: Params,
    recordings: Recordings,
    strata: np.ndarray,
    model: SimpleNet,
    n_columns: int,
    cams: tuple[CamConfig, ...],
) -> Explanations:
    """Explanations of a group whose members share their recordings.

    Args:
      params: parameters `[S, ...]`.
      recordings: all recordings of the run.
      strata: `[n_strata, n_steps]` indices of the recordings to explain, or `ABSENT`.
      model: the network.
      n_columns: length of the strip for one batch, a column of `strata`.
      cams: how, and which class and which of its outputs are explained; there may be several ways.

    Returns:
      Explanations with N recordings in ascending order of their indices.
    """
    batches = strata.T
    n_members = len(jax.tree.leaves(params)[0])
    several, logits = _program(n_members, len(batches), model, n_columns, cams)(params, recordings, batches)
    signed_maps = tuple(by_recording(np.asarray(maps), batches) for maps in several)
    return Explanations(signed_maps, by_recording(np.asarray(logits), batches))


# Kept, so that JAX compiles it only once for all parameters and all sets of recordings of the same shape.
@cache
def _program(
    n_members: int, n_batches: int, model: SimpleNet, n_columns: int, cams: tuple[CamConfig, ...]
) -> Callable[..., Any]:
    explain = partial(explain_member, model=model, n_columns=n_columns, cams=cams)
    divided = jax.shard_map(
        jax.vmap(explain, in_axes=(0, None, None)),
        mesh=member_and_recording_mesh(n_members, n_batches),
        in_specs=(PartitionSpec("member"), PartitionSpec(), PartitionSpec("recording")),
        out_specs=PartitionSpec("member", "recording"),
        check_vma=False,
    )
    return jax.jit(divided, compiler_options=compiler_options(model))
