"""Networks that should not explain alike: weights drawn anew from the top down, labels shuffled, and how maps compare.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: a map that hardly changes when the layers above are
randomised, or when the network learned labels without meaning, does not show what the network has learned.
Axes: S member; N recording; F frequency bin; n frames of one recording.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key

from convcam_jax.checks.seeds.map_similarity import rank_correlations, structural_similarities
from convcam_jax.networks.network import Network, Variables
from convcam_jax.training.member import QUICKLY_COMPILED

# Members' keys folded with 0 and 1 are those of their first weights and of their training.
_RANDOMISING = 2
_SHUFFLING = 3


class MapComparison(NamedTuple):
    """How alike two maps of one recording are; NaN where one of them is the same everywhere."""

    rank_correlation: float
    signed_rank_correlation: float
    ssim: float


def fresh_variables(member_key: Key[Array, ""], network: Network, grid: tuple[int, int]) -> Variables:
    """New variables of every layer by the layer's own initialiser, other ones than the member began with.

    `member_key` is that of `ensemble.member_keys`; `grid` is (F, T) of the inputs.
    """
    return network.init(jax.random.fold_in(member_key, _RANDOMISING), grid)


def randomise_from_top(
    variables: Variables, fresh: Variables, layers: Mapping[str, tuple[str, ...]], depth: int
) -> Variables:
    """The variables with those of the `depth` topmost `layers` taken from `fresh`; those below stay (cascading).

    layers: those of `Network.layers`. What a layer has in any collection is exchanged, such as running statistics.
    """
    randomised = {name for names in list(layers.values())[:depth] for name in names}
    return {
        collection: {name: (fresh if name in randomised else variables)[collection][name] for name in own}
        for collection, own in variables.items()
    }


def cascade(
    variables: Variables, member_keys: Key[Array, " S"], network: Network, grid: tuple[int, int]
) -> Iterator[tuple[str, Variables]]:
    """Variables `[S, ...]` of members with more and more layers randomised from the top, and the last one's name."""
    fresh = _draw_program(network, grid)(member_keys)
    for depth, layer in enumerate(network.layers(), start=1):
        yield layer, randomise_from_top(variables, fresh, network.layers(), depth)


@lru_cache(2)
def _draw_program(network: Network, grid: tuple[int, int]) -> Callable[[Array], Variables]:
    """The program that draws the variables of members from their keys `[S]`."""
    draw = partial(fresh_variables, network=network, grid=grid)
    return jax.jit(jax.vmap(draw), compiler_options=QUICKLY_COMPILED)


def shuffled_labels(emotion: Int[np.ndarray, " N"], sets: Sequence[np.ndarray], seed: int) -> Int[np.ndarray, " N"]:
    """Labels permuted within each of `sets`, indices of recordings: each class keeps its number of recordings."""
    generator = np.random.default_rng([seed, _SHUFFLING])
    shuffled = emotion.copy()
    for indices in sets:
        shuffled[indices] = generator.permutation(emotion[indices])
    return shuffled


def compare_maps(
    maps: tuple[Float[np.ndarray, "F n"], Float[np.ndarray, "F n"]],
    signed_maps: tuple[Float[np.ndarray, "F n"], Float[np.ndarray, "F n"]],
) -> MapComparison:
    """Spearman's rank correlation and structural similarity of two maps of one recording.

    Args:
      maps: two maps in 0..1, as they are shown and measured.
      signed_maps: the same two without the ReLU, at any scale: what the ReLU makes zero counts here.
    """
    shown, signed = np.stack(maps), np.stack(signed_maps)
    pairs = rank_correlations(shown), rank_correlations(signed), structural_similarities(shown)
    return MapComparison(*(float(pair[0]) for pair in pairs))
