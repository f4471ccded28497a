"""What recordings are compared with by methods that need a baseline."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.attribution.method import Explained

# Standard deviation of the blur, in bins and frames, and how far it reaches.
BLUR_CELLS, BLUR_REACH = 5.0, 15


def baseline_of(explained: Explained) -> Float[Array, "B F T"]:
    """The baselines of a batch by `explained.baseline`, zero behind the recordings."""
    spectrograms = explained.spectrograms
    if explained.baseline == "mean":
        spectrum = mean_spectrum(explained.references)
        return jnp.where(explained.present, spectrum[None, :, None], 0)
    if explained.baseline == "blurred":
        return jnp.where(explained.present, blurred(spectrograms), 0)
    return jnp.zeros_like(spectrograms)


def evenly_spread(n_recordings: int, most: int) -> Int[np.ndarray, " R"]:
    """Indices of at most so many recordings, spread evenly over all."""
    return np.linspace(0, n_recordings - 1, min(most, n_recordings)).round().astype(int)


def sounding_frames(references: Float[Array, "R F T"]) -> Bool[Array, "R T"]:
    """The frames of other recordings up to the last one that is not zero."""
    has_sound = (references != 0).any(1)
    return jnp.flip(jnp.cumsum(jnp.flip(has_sound, 1), 1), 1) > 0


def mean_spectrum(references: Float[Array, "R F T"]) -> Float[Array, " F"]:
    """The mean of each bin over all frames of other recordings."""
    return references.sum((0, 2)) / jnp.maximum(sounding_frames(references).sum(), 1)


def blurred(spectrograms: Float[Array, "B F T"]) -> Float[Array, "B F T"]:
    """Recordings blurred by a Gaussian kernel along both axes, as if they were silent beyond the grid.

    Fong and Vedaldi, ICCV 2017 (section 4.1), compare with a blurred input.
    """
    distance = np.arange(-BLUR_REACH, BLUR_REACH + 1) / BLUR_CELLS
    weights = np.exp(-np.square(distance) / 2)
    kernel = jnp.asarray(weights / weights.sum(), jnp.float32)

    def along_last(rows: Float[Array, "B P Q"]) -> Float[Array, "B P Q"]:
        each_row = jax.vmap(jax.vmap(lambda row: jnp.convolve(row, kernel, mode="same", precision="highest")))
        return each_row(jnp.pad(rows, ((0, 0), (0, 0), (BLUR_REACH, BLUR_REACH))))[..., BLUR_REACH:-BLUR_REACH]

    return along_last(along_last(spectrograms).swapaxes(1, 2)).swapaxes(1, 2)
