"""Filling: which missing sound a class's score rests on, by what it loses where the sound is put in.

Axes: W strip, one centred at each frame, or bin; S frames, or bins, of a strip.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.perturbations.infill import HALF, Cut, infill_batch


class _Filled(NamedTuple):
    """What comes of filling strips of one kind: by place of the axis that is cut, and by cell."""

    lost: Float[Array, "B W"]  # of the score, by change of the strips that cover the place
    counted: Bool[Array, "B W"]  # places that lie in the recording
    missing: Float[Array, "B F T"]  # how much louder a cell is in the strip that it is in the middle of


def filling(explained: Explained) -> Float[Array, "B F T"]:
    """What the score loses where strips are filled, more than anywhere, on the cells that are louder then: >= 0.

    The sum of two maps: of strips of frames, which find a pause, and of strips of bins, which find a band that is
    missing.
    """
    frames, bins = (_strips_filled(explained, cut) for cut in ("frames", "bins"))
    of_frames, of_bins = above_mean((frames.lost, bins.lost), (frames.counted, bins.counted))
    total = of_frames[:, None, :] * frames.missing + of_bins[:, :, None] * bins.missing
    return jnp.where(explained.present, total, 0)


def _strips_filled(explained: Explained, cut: Cut) -> _Filled:
    """A strip's loss is divided by how much it is changed; a place has the mean of the strips that cover it."""
    spectrograms = explained.spectrograms
    values, present = infill_batch(explained, cut)
    # Of a batch [B, F, T], the axis that is cut.
    axis = 2 if cut == "frames" else 1
    n_places = spectrograms.shape[axis]

    whole = explained.score_of(spectrograms)

    def loss_per_change(centre: Array) -> Array:
        # Sound is put in, and none is taken away: what a score loses for that is no evidence that lies in silence.
        filled = jnp.maximum(spectrograms, placed(values[:, centre], centre, n_places, axis))
        change = (filled - spectrograms).sum((1, 2))
        return jax.nn.relu(whole - explained.score_of(filled)) / jnp.where(change > 0, change, 1)

    lost = lax.map(loss_per_change, jnp.arange(n_places)).T
    # Of the places of a strip, the one that it is centred at.
    middle = jnp.moveaxis(lax.index_in_dim(values, HALF, axis + 1, keepdims=False), 1, axis)
    counted = present[:, :, HALF]
    return _Filled(covering(lost, counted), counted, jax.nn.relu(middle - spectrograms))


def above_mean(lost: Sequence[Float[Array, "B _"]], counted: Sequence[Bool[Array, "B _"]]) -> list[Float[Array, "B _"]]:
    """By how much more is lost at each place than at the mean of all that are counted, along either axis: >= 0.

    What is lost wherever sound is put in is no evidence of a place.
    """
    mean = jnp.concatenate(lost, 1).mean(1, keepdims=True, where=jnp.concatenate(counted, 1))
    return [jnp.where(where, jax.nn.relu(own - mean), 0) for own, where in zip(lost, counted, strict=True)]


def covering(lost: Float[Array, "B W"], counted: Bool[Array, "B W"]) -> Float[Array, "B W"]:
    """At each place the mean of what is lost by those of the strips covering it that are counted."""
    near = jnp.ones(2 * HALF + 1)
    total, count = (
        jax.vmap(lambda row: jnp.convolve(row, near, mode="same", precision="highest"))(
            jnp.pad(rows, ((0, 0), (HALF, HALF)))
        )[:, HALF:-HALF]
        for rows in (jnp.where(counted, lost, 0), counted.astype(lost.dtype))
    )
    return total / jnp.maximum(count, 1)


def placed(
    strip: Shaped[Array, "B rows columns"], centre: Int[Array, ""], n_places: int, axis: int
) -> Shaped[Array, "B height width"]:
    """A strip at its place along an axis of `n_places` bins or frames, zero elsewhere."""
    shape = [*strip.shape]
    shape[axis] = n_places + 2 * HALF
    wide = lax.dynamic_update_slice_in_dim(jnp.zeros(shape, strip.dtype), strip, centre, axis)
    return lax.slice_in_dim(wide, HALF, HALF + n_places, axis=axis)


METHOD = Method(
    level="input",
    explain=filling,
    description="Σ ReLU(x̂ - x) ∘ what y loses, above the mean, where 7 frames, and 7 bins, are filled with others' x̂",
    source="this project (docs/evidence.md, Missing sound)",
    sign=">= 0",
    compares=True,
)
