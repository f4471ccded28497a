"""Deletion and insertion curves of ONE recording in the domain of the network's input.

Petsiuk, Das and Saenko, "RISE: Randomized input sampling for explanation of black-box models", BMVC 2018. A map ranks
the cells of the spectrogram. Deletion replaces the first of them by a fill and watches the class's probability fall;
insertion begins with the fill and puts the first cells back. Only the F x n_frames cells of the recording take part.
Axes: B recording of a batch; F frequency bin; T time frame; L fill; O order; P share of cells.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key
from scipy.ndimage import gaussian_filter

from convcam_jax.attribution.baseline import BLUR_CELLS

CURVES = ("deletion", "insertion")
FILLS = ("zeros", "blurred")
ORDERS = ("map", "shifted_map", "random", "energy")


def shares(n_steps: int) -> Float[np.ndarray, " P"]:
    """Shares of the cells, `n_steps` + 1 of them evenly from 0 to 1."""
    return np.arange(n_steps + 1) / n_steps


def cell_ranks(scores: Float[Array, "F T"], n_frames: Int[Array, ""] | int, key: Key[Array, ""]) -> Int[Array, "F T"]:
    """Rank of each cell of the recording, 0 for the highest of `scores`; cells behind it come last.

    Equal scores are put in random order; so are all cells, where all scores are equal.
    """
    inside = jnp.broadcast_to(jnp.arange(scores.shape[1]) < n_frames, scores.shape)
    chance = jax.random.permutation(key, scores.size)
    # The last key counts first.
    order = jnp.lexsort((chance, -scores.ravel(), ~inside.ravel()))
    return jnp.argsort(order).reshape(scores.shape)


def first_cells(
    ranks: Int[Array, "B F T"], share: Float[Array, ""] | float, n_frames: Int[Array, " B"]
) -> Bool[Array, "B F T"]:
    """Which cells belong to the first `share` (0..1) of each recording's F x n_frames cells, rounded."""
    n_cells = jnp.round(share * ranks.shape[-2] * jnp.asarray(n_frames, float))
    return ranks.astype(float) < n_cells[..., None, None]


def curves(
    probability: Callable[[Array], Array],
    spectrograms: Float[Array, "B F T"],
    fills: Float[Array, "L B F T"],
    ranks: Int[Array, "O B F T"],
    n_frames: Int[Array, " B"],
    steps: Float[Array, " P"],
) -> Float[Array, "2 L O P B"]:
    """Deletion and insertion with every fill and every order, of B recordings that the network takes together.

    Args:
      probability: `[B]` of each recording's class, from inputs `[B, F, T]`.
      spectrograms: the network's inputs.
      fills: what is put in place of a cell.
      ranks: those of `cell_ranks` in every order.
      n_frames: of the recordings.
      steps: shares of cells, rising from 0 to 1.

    Returns:
      The probability at each share of cells deleted (0) and inserted (1).
    """
    between = steps[1:-1]

    def at(index: Array) -> Array:
        fill, first = fills[index[0]], first_cells(ranks[index[1]], between[index[2]], n_frames)
        deleted, inserted = jnp.where(first, fill, spectrograms), jnp.where(first, spectrograms, fill)
        return jnp.stack([probability(deleted), probability(inserted)])

    shape = (len(fills), len(ranks), len(between))
    inner = lax.map(at, jnp.indices(shape).reshape(3, -1).T).reshape(*shape, 2, -1)
    # Nothing and everything deleted is the same in every order.
    ends = (*shape[:2], 1, spectrograms.shape[0])
    original = jnp.broadcast_to(probability(spectrograms), ends)
    filled = jnp.broadcast_to(lax.map(probability, fills)[:, None, None], ends)
    deletion = jnp.concatenate([original, inner[..., 0, :], filled], axis=2)
    insertion = jnp.concatenate([filled, inner[..., 1, :], original], axis=2)
    return jnp.stack([deletion, insertion])


def blurred_within(spectrogram: Float[np.ndarray, "F T"], n_frames: int) -> Float[np.ndarray, "F T"]:
    """The recording's part under a Gaussian of 5 cells, its edge repeated beyond it; zero behind it.

    Petsiuk et al. blur by a Gaussian of 5 pixels; here that is 5 semitones and 154 ms.
    """
    result = np.zeros_like(spectrogram)
    result[:, :n_frames] = gaussian_filter(spectrogram[:, :n_frames], BLUR_CELLS, mode="nearest")
    return result


def shifted(
    scores: Float[np.ndarray, "F T"], n_frames: int, generator: np.random.Generator
) -> Float[np.ndarray, "F T"]:
    """The recording's part of a map moved around circularly, at random along both axes: as smooth, elsewhere.

    Along an axis of n cells the map is moved by n / 4 to 3 n / 4 of them.
    """
    result = np.zeros_like(scores)
    in_recording = scores[:, :n_frames]
    moves = [generator.integers(n // 4, 3 * n // 4 + 1) for n in in_recording.shape]
    result[:, :n_frames] = np.roll(in_recording, moves, axis=(0, 1))
    return result
