"""Maps of trained networks and of networks with random weights by several methods, on the grid of the inputs.

Axes: S member; N recording; C class; H, W rows and columns of the explained convolution; F frequency bin; T time frame.
"""

from collections.abc import Sequence
from typing import NamedTuple, get_args

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.placement import MapPlacement, placed_maps, placement_of
from convcam_jax.checks.evidence.scoring import NOT_PLACED, HeldOut, MemberMaps
from convcam_jax.data.recordings import Recordings
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.networks.geometry import Geometry
from convcam_jax.networks.network import Network, Variables

PLACEMENTS: tuple[MapPlacement, ...] = get_args(MapPlacement)


class Pair(NamedTuple):
    """Signed maps `[S, N, H, W]`, or `[S, N, F, T]`, of trained networks, and of as many with random weights."""

    trained: np.ndarray
    random: np.ndarray


class EvidenceMaps(NamedTuple):
    """Of one cohort: its test recordings, the members' seeds, the trained networks' logits, and maps by method."""

    test: HeldOut
    seeds: Int[np.ndarray, " S"]
    logits: Float[np.ndarray, "S N C"]
    maps: dict[str, Pair]


def concatenated(parts: Sequence[Variables]) -> Variables:
    """Variables of members one after the other, from those of several `[S, ...]`."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def explain_pairs(
    variables: Variables,
    recordings: Recordings,
    strata: Int[np.ndarray, "n_strata n_steps"],
    network: Network,
    layout: int,
    configs: Sequence[AttributionConfig],
    references: Float[Array, "R F T"] | None,
) -> tuple[dict[str, Pair], Float[np.ndarray, "S N C"]]:
    """Maps by every method and the trained networks' logits.

    `variables` `[2 S, ...]` are those of trained networks, then of as many with random weights; `strata` holds the
    recordings, `layout` is the network's for a batch, and `references` are what they are compared with, as in
    `explain_members`.
    """
    explained = explain_members(variables, recordings, strata, network, layout, tuple(configs), references)
    n_members = len(explained.logits) // 2
    pairs = {
        config.method: Pair(signed[:n_members], signed[n_members:])
        for config, signed in zip(configs, explained.signed_maps, strict=True)
    }
    return pairs, explained.logits[:n_members]


def placed_pairs(
    maps: dict[str, Pair], n_frames: Int[np.ndarray, " N"], geometry: Geometry, grid: tuple[int, int]
) -> list[MemberMaps]:
    """All methods' maps on the grid (F, T), in every placement where there is a choice.

    `geometry` is that of the explained layer's nodes.
    """
    result = []
    for method, pair in maps.items():
        level = METHODS[method].level
        on_nodes = level != "input"
        for kind in PLACEMENTS if on_nodes else PLACEMENTS[:1]:
            placement = placement_of(level, kind, geometry, grid)
            trained, random = (np.asarray(placed_maps(signed, n_frames, placement)) for signed in pair)
            result.append(MemberMaps(method, kind if on_nodes else NOT_PLACED, trained, random))
    return result


def learned_table(history: pd.DataFrame) -> pd.DataFrame:
    """Of every member the epoch that was kept and the accuracies then, from `history.csv`: part of evidence_members."""
    best = history.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True])
    best = best.groupby(MEMBER).first().reset_index()
    columns = [*MEMBER, "epoch", "train_accuracy", "validation_accuracy"]
    return best[columns].rename(columns={"epoch": "best_epoch"})
