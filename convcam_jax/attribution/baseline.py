"""What recordings are compared with by methods that need a baseline."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.attribution.method import Explained

# Standard deviation of the blur, in bins and frames, and how far it reaches, which is scipy's four deviations.
BLUR_CELLS, BLUR_REACH = 5.0, 20


def baseline_of(explained: Explained) -> Float[Array, "B F T"]:
    """The baselines of a batch by `explained.baseline`, zero behind the recordings."""
    spectrograms = explained.spectrograms
    if explained.baseline == "mean":
        spectrum = mean_spectrum(explained.references)
        return jnp.where(explained.present, spectrum[None, :, None], 0)
    if explained.baseline == "blurred":
        return jnp.where(explained.present, blurred(spectrograms, explained.n_frames), 0)
    return jnp.zeros_like(spectrograms)


def evenly_spread(n_recordings: int, most: int) -> Int[np.ndarray, " R"]:
    """Indices of at most so many recordings, spread evenly over all."""
    return np.linspace(0, n_recordings - 1, min(most, n_recordings)).round().astype(int)


def sounding_frames(references: Float[Array, "R F T"]) -> Bool[Array, "R T"]:
    """The frames of other recordings up to the last one that is not zero."""
    has_sound = (references != 0).any(1).astype(int)
    return lax.cummax(has_sound, axis=1, reverse=True) > 0


def mean_spectrum(references: Float[Array, "R F T"]) -> Float[Array, " F"]:
    """The mean of each bin over all frames of other recordings."""
    return references.sum((0, 2)) / jnp.maximum(sounding_frames(references).sum(), 1)


def blurred(spectrograms: Float[Array, "B F T"], n_frames: Int[Array, " B"]) -> Float[Array, "B F T"]:
    """Recordings blurred by a Gaussian kernel along both axes, as if their edges went on beyond them.

    Fong and Vedaldi, ICCV 2017 (section 4.1), compare with a blurred input. Deletion and insertion blur alike
    (`checks.faithfulness.curves.blurred_within`).
    """
    n_bins, n_columns = spectrograms.shape[1:]
    rows = blur_weights(n_bins, jnp.asarray(n_bins))
    columns = jax.vmap(lambda length: blur_weights(n_columns, length))(n_frames)
    return jnp.einsum("fg,bgs,bts->bft", rows, spectrograms, columns, precision=lax.Precision.HIGHEST)


def blur_weights(n_cells: int, length: Int[Array, ""]) -> Float[Array, "n_cells n_cells"]:
    """By how much each of the first `length` cells counts in each cell under the kernel; rows sum to 1."""
    offsets = np.arange(-BLUR_REACH, BLUR_REACH + 1)
    kernel = np.exp(-np.square(offsets / BLUR_CELLS) / 2)
    cells = np.arange(n_cells)[:, None]
    reached = jnp.clip(cells + offsets[None], 0, jnp.maximum(length, 1) - 1)
    return jnp.zeros((n_cells, n_cells)).at[cells, reached].add(jnp.asarray(kernel / kernel.sum(), jnp.float32)[None])
