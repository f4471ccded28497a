"""Networks that should not explain alike: weights drawn anew from the top down, labels shuffled, and how maps compare.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: a map that hardly changes when the layers above are
randomised, or when the network learned labels without meaning, does not show what the network has learned.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from convcam_jax.checks.seeds.map_similarity import rank_correlations, structural_similarities
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.training.member import Params

# The network's layers from the top, by the names in the tables, with those of its parameters.
LAYERS = {
    "output": "output",
    "dense": "dense",
    "convolution_3": "convolutions_2",
    "convolution_2": "convolutions_1",
    "convolution_1": "convolutions_0",
}
# Members' keys folded with 0 and 1 are those of their first weights and of their training.
_RANDOMISING = 2
_SHUFFLING = 3


class MapComparison(NamedTuple):
    """How alike two maps of one recording are; NaN where one of them is the same everywhere."""

    rank_correlation: float
    signed_rank_correlation: float
    ssim: float


def fresh_params(member_key: Array, model: SimpleNet, shape: tuple[int, int]) -> Params:
    """New weights of every layer by the layer's own initialiser, other ones than the member began with.

    `member_key` is that of `ensemble.member_keys`; `shape` is (F, T) of the inputs.
    """
    key = jax.random.fold_in(member_key, _RANDOMISING)
    return model.init(key, jnp.zeros((1, *shape)), jnp.ones(1, int))["params"]


def randomise_from_top(params: Params, fresh: Params, depth: int) -> Params:
    """The parameters with the `depth` topmost of `LAYERS` taken from `fresh`; those below stay (cascading)."""
    randomised = list(LAYERS.values())[:depth]
    return {layer: (fresh if layer in randomised else params)[layer] for layer in params}


def shuffled_labels(emotion: np.ndarray, sets: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """Labels `[N]` permuted within each of `sets`, indices of recordings: each class keeps its number of recordings."""
    generator = np.random.default_rng([seed, _SHUFFLING])
    shuffled = emotion.copy()
    for indices in sets:
        shuffled[indices] = generator.permutation(emotion[indices])
    return shuffled


def compare_maps(maps: tuple[np.ndarray, np.ndarray], signed_maps: tuple[np.ndarray, np.ndarray]) -> MapComparison:
    """Spearman's rank correlation and structural similarity of two maps of one recording.

    Args:
      maps: two maps `[F, n]` in 0..1, as they are shown and measured.
      signed_maps: the same two without the ReLU, at any scale: what the ReLU makes zero counts here.
    """
    shown, signed = np.stack(maps), np.stack(signed_maps)
    pairs = rank_correlations(shown), rank_correlations(signed), structural_similarities(shown)
    return MapComparison(*(float(pair[0]) for pair in pairs))
