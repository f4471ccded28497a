"""Signed maps of several attribution methods at once, as one program that serves several sets of recordings."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from convcam_jax.config import CamConfig, CamMethod
from convcam_jax.ensemble import member_mesh, over_members
from convcam_jax.explaining import by_recording, explain_batch
from convcam_jax.simplenet import SimpleNet
from convcam_jax.training import Params, Recordings


class MethodMaps(NamedTuple):
    """Of members S and recordings N: `signed_maps` by method, `[S, N, H, W]` or `[S, N, F, T]`; `logits [S, N, C]`."""

    signed_maps: dict[CamMethod, np.ndarray]
    logits: np.ndarray


def explain_by_methods(
    params: Params,
    recordings: Recordings,
    strata: np.ndarray,
    model: SimpleNet,
    n_columns: int,
    methods: tuple[CamMethod, ...],
    cam: CamConfig,
) -> MethodMaps:
    """Explanations of members `[S]` that share their recordings; see `explaining.explain_group`.

    `cam` says which class and which of its outputs are explained.
    """
    n_members = len(jax.tree.leaves(params)[0])
    batches = strata.T
    maps, logits = _program(n_members, model, n_columns, methods, cam)(params, recordings, batches)
    return MethodMaps({m: by_recording(maps[m], batches) for m in methods}, by_recording(logits, batches))


# Kept, so that JAX compiles it only once for all sets of recordings of the same shape.
@cache
def _program(
    n_members: int, model: SimpleNet, n_columns: int, methods: tuple[CamMethod, ...], cam: CamConfig
) -> Callable[..., Any]:
    def one_member(params: Params, recordings: Recordings, batches: Array) -> tuple[dict[str, Array], Array]:
        def explain(batch: Array) -> tuple[dict[str, Array], Array]:
            cams = {method: dataclasses.replace(cam, method=method) for method in methods}
            by_method = {m: explain_batch(params, recordings, batch, model, n_columns, cams[m]) for m in methods}
            return {method: maps for method, (maps, _) in by_method.items()}, by_method[methods[0]][1]

        return jax.lax.map(explain, batches)

    return over_members(one_member, member_mesh(n_members), (True, False, False))
