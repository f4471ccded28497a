"""Maps of networks that should not explain alike, measured beside those of the trained members: `sanity.csv`.

Axes: S member; N recording; H, W rows and columns of the explained convolution; F frequency bin; T time frame.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from convcam_jax.attribution.placement import Placement, place, placed_maps
from convcam_jax.checks.sanity.randomisation import MapComparison, compare_maps
from convcam_jax.checks.sanity.sanity_tables import ANOTHER_SEED, SHUFFLED_LABELS, TRAINED
from convcam_jax.measures.analysis import analyse
from convcam_jax.measures.cohort_maps import CohortMaps
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.result_tables import metrics_table


class Compared(NamedTuple):
    """Members of one cohort, and the signed maps of other networks on the same recordings.

    Attributes:
      rows: of the members in their cohort's arrays.
      condition: what the other networks are.
      depth: how many of their layers are randomised, from the top; None where they were trained.
      other_seeds: of the other networks where they are not the members' own.
      signed_maps: theirs, `[S, N, H, W]` or, of a method whose maps lie there, on the grid of the input.
    """

    rows: Sequence[int]
    condition: str
    depth: int | None
    other_seeds: Sequence[int | None]
    signed_maps: Float[np.ndarray, "S N height width"]


def themselves(rows: Sequence[int], trained: np.ndarray) -> Compared:
    """Members beside themselves; `trained` are the signed maps of all members of the cohort."""
    return Compared(rows, TRAINED, 0, [None] * len(rows), trained[list(rows)])


def another_seed(rows: Sequence[int], seeds: Sequence[int], trained: np.ndarray) -> Compared:
    """Members beside the next one of the cohort's two or more `seeds`; `trained` are the signed maps of all.

    Of two, the one pair that there is counts once.
    """
    rows = list(rows)[:1] if len(seeds) == 2 else rows
    others = [(row + 1) % len(seeds) for row in rows]
    return Compared(rows, ANOTHER_SEED, None, [seeds[other] for other in others], trained[others])


def shuffled(rows: Sequence[int], seed: int, signed_maps: np.ndarray) -> Compared:
    """Members beside one network, of signed maps `[N, ...]`, that was trained on shuffled labels."""
    everywhere = np.broadcast_to(signed_maps, (len(rows), *signed_maps.shape))
    return Compared(rows, SHUFFLED_LABELS, None, [seed] * len(rows), everywhere)


def compare(
    of_cohort: CohortMaps,
    trained: np.ndarray,
    all_compared: Iterable[Compared],
    placement: Placement,
    bin_hz: Float[np.ndarray, " F"],
    analysis: AnalysisConfig,
) -> tuple[pd.DataFrame, dict[str, Float[np.ndarray, "N F T"]]]:
    """One cohort's part of `sanity.csv`, and the maps of the chosen member's others by the name of the condition.

    `trained` are the signed maps of all members, in the form that `placement` brings to the grid. The masks are those
    of the recordings that the trained member classified correctly, in every condition.
    """
    trained_on_grid = np.asarray(_on_grid(trained, placement))
    tables: list[pd.DataFrame] = []
    chosen_maps: dict[str, np.ndarray] = {}
    for compared in all_compared:
        rows = list(compared.rows)
        maps = np.asarray(placed_maps(compared.signed_maps, of_cohort.arrays.n_frames, placement))
        signed = np.asarray(_on_grid(compared.signed_maps, placement))
        correct = of_cohort.correct[rows]
        metrics = analyse(maps, correct, of_cohort.arrays, bin_hz, of_cohort.logits.shape[-1], analysis).metrics
        seeds = [of_cohort.seeds[row] for row in rows]
        table = metrics_table(of_cohort.cohort, seeds, of_cohort.utterances, of_cohort.arrays, correct, metrics)
        likeness = _likeness((of_cohort.maps[rows], maps), (trained_on_grid[rows], signed), of_cohort.arrays.n_frames)
        tables.append(_with_condition(table, compared).join(pd.DataFrame(likeness)))
        if of_cohort.chosen in rows:
            chosen_maps.setdefault(compared.condition, maps[rows.index(of_cohort.chosen)])
    return pd.concat(tables, ignore_index=True), chosen_maps


def _likeness(
    maps: tuple[np.ndarray, np.ndarray], signed_maps: tuple[np.ndarray, np.ndarray], n_frames: np.ndarray
) -> list[MapComparison]:
    """Of two networks' maps `[S, N, F, T]`, and of them without the ReLU, one recording of a member after the other."""
    return [
        compare_maps(
            (maps[0][s, i, :, :n], maps[1][s, i, :, :n]), (signed_maps[0][s, i, :, :n], signed_maps[1][s, i, :, :n])
        )
        for s in range(len(maps[0]))
        for i, n in enumerate(n_frames)
    ]


@jax.jit
def _on_grid(signed_maps: Float[Array, "S N height width"], placement: Placement) -> Float[Array, "S N F T"]:
    """Signed maps on the inputs' grid."""
    return jax.vmap(jax.vmap(place, (0, None)), (0, None))(signed_maps, placement)


def _with_condition(table: pd.DataFrame, compared: Compared) -> pd.DataFrame:
    """The rows of the metrics, of one member after the other, with what they were compared with."""
    other_seeds = np.repeat(np.array(compared.other_seeds, object), len(table) // len(compared.other_seeds))
    table = table.assign(condition=compared.condition, depth=compared.depth, other_seed=other_seeds)
    return table.astype({"depth": "Int64", "other_seed": "Int64"})
