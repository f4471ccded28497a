"""Filling: which missing sound a class's score rests on, by what it loses where the sound is put in.

Axes: W stretch, one centred at each frame; S frames of a stretch.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Shaped

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.perturbations.infill import HALF, N_NEAREST, infill_batch
from convcam_jax.attribution.score import target_score


def placed(stretch: Shaped[Array, "B F S"], centre: Int[Array, ""], n_frames: int) -> Shaped[Array, "B F n_frames"]:
    """Frames of a stretch at their places, zero elsewhere."""
    wide = jnp.zeros((*stretch.shape[:2], n_frames + 2 * HALF), stretch.dtype)
    return lax.dynamic_update_slice_in_dim(wide, stretch, centre, axis=2)[:, :, HALF : HALF + n_frames]


def filling(explained: Explained) -> Float[Array, "B F T"]:
    """What the score loses where a stretch is filled, on the cells that are louder then: >= 0.

    A stretch's loss is divided among its cells by how much each is changed; a cell gets the mean over the stretches
    that cover it, of the change that is made by the one it is the centre of.
    """
    spectrograms, n_frames = explained.spectrograms, explained.spectrograms.shape[2]
    values, present = infill_batch(explained)

    def score_of(inputs: Array) -> Array:
        return target_score(explained.classify(inputs), explained.targets, explained.score)

    whole = score_of(spectrograms)

    def loss_per_change(centre: Array) -> Array:
        inside = placed(present[:, centre][:, None, :], centre, n_frames)
        filled = jnp.where(inside, placed(values[:, centre], centre, n_frames), spectrograms)
        change = jnp.abs(filled - spectrograms).sum((1, 2))
        return jax.nn.relu(whole - score_of(filled)) / jnp.where(change > 0, change, 1)

    lost = lax.map(loss_per_change, jnp.arange(n_frames)).T
    lost = jnp.where(explained.present[:, 0], lost, 0)
    # As many stretches cover a frame as have their centre, which lies in the recording, near it.
    near = jnp.ones(2 * HALF + 1)
    total, count = (
        jax.vmap(lambda row: jnp.convolve(row, near, mode="same", precision="highest"))(
            jnp.pad(rows, ((0, 0), (HALF, HALF)))
        )[:, HALF:-HALF]
        for rows in (lost, explained.present[:, 0].astype(lost.dtype))
    )
    missing = jax.nn.relu(jnp.moveaxis(values[:, :, :, HALF], 1, 2) - spectrograms)
    return jnp.where(explained.present, (total / jnp.maximum(count, 1))[:, None, :] * missing, 0)


METHOD = Method(
    level="input",
    explain=filling,
    description=f"ReLU(x̂ - x) ∘ what y loses where 7 frames are filled with x̂, made of {N_NEAREST} other recordings",
    source="this project (docs/evidence.md, Missing sound)",
    sign=">= 0",
)
