"""Layer-wise relevance propagation by rules that differ between layers (Kohlbrenner et al., IJCNN 2020)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.layers import LayerParts, with_layer_rule
from convcam_jax.attribution.propagation.rules import in_proportion
from convcam_jax.attribution.score import target_score


def by_kind(layer: LayerParts) -> Array:
    """Flat in the first layer, by what raises a value in other convolutions, epsilon in dense layers."""
    if layer.ones is not None:
        return in_proportion(layer.results, layer.ones)
    return in_proportion(layer.results, layer.values if layer.is_dense else layer.raised)


def composite_lrp(explained: Explained) -> Float[Array, "B F T"]:
    """LRP of Kohlbrenner et al., IJCNN 2020, arXiv:1910.09840; `EpsilonPlusFlat` of the package zennit.

    By the flat rule all cells that a node of the first layer sees have the same share, silent ones too.
    """
    changed = with_layer_rule(explained.classify, by_kind)

    def score(ones: Array) -> Array:
        return target_score(changed(explained.spectrograms, ones), explained.targets, explained.score).sum()

    ones = jnp.broadcast_to(explained.present, explained.spectrograms.shape).astype(explained.spectrograms.dtype)
    return jnp.where(explained.present, jax.grad(score)(ones), 0)


METHOD = Method(
    level="input",
    explain=composite_lrp,
    description="relevance of y by shares of aw in dense layers, (aw)⁺ in convolutions, equal ones in the first layer",
    source="Kohlbrenner et al., IJCNN 2020, arXiv:1910.09840",
    sign="both",
    sums_over="silence",
)
