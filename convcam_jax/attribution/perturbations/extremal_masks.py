"""Extremal masks (Fong, Patrick and Vedaldi, ICCV 2019).

Axes: h, w rows and columns of a coarse mask, the latter over the recording's own time.
"""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int

from convcam_jax.attribution.baseline import baseline_of
from convcam_jax.attribution.method import Explained, Method

# Shares of the recording that masks keep; several, for a mask has hardly any values but 0 and 1, which rank no cells.
AREAS = (0.05, 0.1, 0.2)
# A mask is interpolated between so many cells, which makes it smooth: about 8 bins and 8 frames on the paper's grid.
COARSE = (12, 24)
# So many steps that a cell, which a step of Adam changes by about the rate, can cross 0..1 several times. The authors'
# package TorchRay takes 800 steps at a rate of 0.01, which would cost eight times as much.
N_STEPS, RATE = 100, 0.05
# How much the area counts, against a score whose range is made 1: at first next to nothing, at last more than all else.
FIRST_WEIGHT, LAST_WEIGHT = 0.01, 100.0
# Below which gradients, of a score whose range is 1, are taken for noise.
SMALL_GRADIENT = 1e-3
# Cells that differ by no more are alike: so far, against the first weight, noise can move one.
ALIKE = SMALL_GRADIENT / (2 * FIRST_WEIGHT)
# What a score's range is taken for where it is smaller, so that a score that hardly changes asks for nothing.
LEAST_EXTENT = 1e-3


def hat_weights(n_cells: int, n_coarse: int, length: Int[Array, ""] | int) -> Float[Array, "n_cells n_coarse"]:
    """Weights of linear interpolation between coarse cells that divide the first `length` cells; rows sum to 1."""
    positions = jnp.clip((jnp.arange(n_cells) + 0.5) * n_coarse / length - 0.5, 0, n_coarse - 1)
    return jax.nn.relu(1 - jnp.abs(positions[:, None] - jnp.arange(n_coarse)[None, :]))


@partial(jax.vmap, in_axes=(0, None))
def wanted_values(cells: Float[Array, " n_cells"], n_kept: Int[Array, ""]) -> Float[Array, " n_cells"]:
    """What cells of a mask shall be: 1 for the `n_kept` highest, 0 for all others.

    Each shall be the mean of what is for all cells within `ALIKE` of it, 0..1. So those that the score hardly depends
    on, which lie closer together than that, shall all be the same: none is preferred for where it lies or for noise.
    """
    ordered = jnp.sort(cells)
    below, up_to = jnp.searchsorted(ordered, cells - ALIKE, "left"), jnp.searchsorted(ordered, cells + ALIKE, "right")
    n_ones, n_ones_below = (jnp.maximum(rank - (len(cells) - n_kept), 0) for rank in (up_to, below))
    return (n_ones - n_ones_below).astype(cells.dtype) / (up_to - below).astype(cells.dtype)


def optimised_masks(explained: Explained, area: Float[Array, ""]) -> Float[Array, "B h w"]:
    """Of each recording the mask of an area with which the score is highest, by gradient ascent.

    The mask's sorted values shall be 1 on a share `area` of its cells and 0 elsewhere (Eq. 3 and 4 of the paper), but
    for values that are nearly equal, whose order is taken for noise: see `wanted_values`.
    """
    spectrograms, baseline = explained.spectrograms, baseline_of(explained)
    grid = spectrograms.shape[1:]
    n_rows, n_columns = (min(own) for own in zip(COARSE, grid, strict=True))
    n_cells = n_rows * n_columns
    n_kept = jnp.round(n_cells * area).astype(int)
    extent = jnp.abs(explained.score_of(spectrograms) - explained.score_of(baseline))

    def loss(masks: Array, weight: Array) -> Array:
        mixed = baseline + on_grid(masks, explained) * (spectrograms - baseline)
        cells = masks.reshape(-1, n_cells)
        misses = jnp.square(cells - wanted_values(lax.stop_gradient(cells), n_kept)).mean(1)
        # Times the cells, so that the gradients' size does not depend on how many there are.
        return n_cells * (weight * misses - explained.score_of(mixed) / jnp.maximum(extent, LEAST_EXTENT)).sum()

    optimizer = optax.adam(RATE, eps=SMALL_GRADIENT)

    def step(state: tuple[Array, optax.OptState], weight: Array) -> tuple[tuple[Array, optax.OptState], None]:
        masks, moments = state
        updates, moments = optimizer.update(jax.grad(loss)(masks, weight), moments)
        return (jnp.clip(masks + updates, 0, 1), moments), None

    start = jnp.full((len(spectrograms), n_rows, n_columns), 0.5, spectrograms.dtype)
    weights = jnp.geomspace(FIRST_WEIGHT, LAST_WEIGHT, N_STEPS, dtype=spectrograms.dtype)
    (masks, _), _ = lax.scan(step, (start, optimizer.init(start)), weights)
    return masks


def on_grid(masks: Float[Array, "B h w"], explained: Explained) -> Float[Array, "B F T"]:
    """Coarse masks on the grid of the input, each over its recording's own frames."""
    n_bins, n_frames = explained.spectrograms.shape[1:]
    rows = hat_weights(n_bins, masks.shape[1], n_bins)
    lengths = jnp.maximum(explained.n_frames, 1)
    columns = jax.vmap(lambda length: hat_weights(n_frames, masks.shape[2], length))(lengths)
    return jnp.einsum("fh,bhw,btw->bft", rows, masks, columns, precision=lax.Precision.HIGHEST)


def extremal_masks(explained: Explained) -> Float[Array, "B F T"]:
    """The mean of the masks of Fong, Patrick and Vedaldi, ICCV 2019, of several areas: 0..1.

    What a mask does not keep is the baseline. Their smooth masks are maxima of kernels around cells; here they are
    interpolated between cells, and an optimizer that is given fewer steps takes larger ones.
    """
    several = lax.map(lambda area: optimised_masks(explained, area), jnp.asarray(AREAS))
    return jnp.where(explained.present, on_grid(several.mean(0), explained), 0)


METHOD = Method(
    level="input",
    explain=extremal_masks,
    description="mean of masks M of 5, 10 and 20 % of the recording, each with the highest y(b + M ∘ (x - b))",
    source="Fong, Patrick and Vedaldi, ICCV 2019, arXiv:1910.08485, Eq. 3",
    sign=">= 0",
)
