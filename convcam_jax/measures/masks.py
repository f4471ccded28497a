"""Masks of the emotions: sums of activation maps over recordings and members (paper, Eq. 1, 2 and 11).

The paper leaves open which maps are summed. Here they are those of the other analyses: each divided by its own maximum
on the whole grid, and zero behind its end. So every recording counts alike but those whose maximum lies behind their
end (`placement.normalise_and_crop`), which count for less. Table 5 cannot decide it: of its cells, male fear is the
only one whose maps are all known, and there Eq. 10 and 11 give 97 % where 93 % is printed.
Axes: S member, N utterance, C class (emotion), F frequency bin, T time frame.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Int


def emotion_masks(
    maps: Float[Array, "N F T"], emotion_index: Int[Array, " N"], correct: Bool[Array, " N"], n_emotions: int
) -> Float[Array, "C F T"]:
    """R of one member: the sum of the maps of each emotion's correctly classified recordings (Eq. 1).

    `emotion_index` in 0..n_emotions - 1. An emotion without any correctly classified recording has a mask of zeros.
    """
    counted = jnp.where(correct[:, None], jax.nn.one_hot(emotion_index, n_emotions, dtype=maps.dtype), 0)
    return jnp.einsum("nc,nft->cft", counted, maps, precision=lax.Precision.HIGHEST)


def ensemble_masks(member_masks: Float[Array, "S C F T"]) -> Float[Array, "C F T"]:
    """R-hat: the sum of the masks over the members (Eq. 2)."""
    return jnp.sum(member_masks, axis=0)


def binarise(mask: Float[ArrayLike, "F T"], threshold: float) -> Bool[Array, "F T"]:
    """P: where `mask` reaches `threshold` (beta, 0..1) times its maximum (Eq. 11).

    A mask that is zero everywhere gives no cell at all, where Eq. 11 to the letter would give every cell: there is no
    mask, and `metrics.energy_ratio` answers NaN.
    """
    peak = jnp.max(mask)
    return (jnp.asarray(mask) >= threshold * peak) & (peak > 0)
