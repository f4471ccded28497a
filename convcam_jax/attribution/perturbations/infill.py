"""What would be heard in a stretch of a recording if it went on as other recordings do.

A stretch is hidden, the other recordings, stretched in time to the recording's length, that are most like the rest of
it are found, and their mean is put there, as loud as they are. Exemplars that fill gaps of sound: Smaragdis, Raj and
Shashanka, "Missing data imputation for spectral audio signals", MLSP 2009, do so with a model made of spectra.
Axes: R other recording; W stretch, one centred at each frame; S = 2 `HALF` + 1 frames of a stretch.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.attribution.baseline import sounding_frames
from convcam_jax.attribution.method import Explained

# Frames on each side of a stretch's centre; beyond them `MARGIN` frames are not compared, either.
HALF, MARGIN = 3, 1
N_NEAREST = 16


class Infill(NamedTuple):
    """Of one recording, what would be in each stretch, and which frames of it lie in the recording."""

    values: Float[Array, "W F S"]
    present: Bool[Array, "W S"]


def stretched(
    references: Float[Array, "R F T"], lengths: Int[Array, " R"], n_frames: Int[Array, ""]
) -> Float[Array, "R F T"]:
    """Other recordings, `lengths` frames long, interpolated to `n_frames` frames and zero behind them."""
    frames = jnp.arange(references.shape[2])
    last = jnp.maximum(lengths, 1)[:, None] - 1
    position = (frames[None] + 0.5) * lengths[:, None] / jnp.maximum(n_frames, 1) - 0.5
    position = jnp.clip(position, 0, last)
    before = jnp.floor(position).astype(int)
    share = (position - before)[:, None, :]
    left, right = (
        jnp.take_along_axis(references, index[:, None, :], axis=2) for index in (before, jnp.minimum(before + 1, last))
    )
    return jnp.where(frames[None, None] < n_frames, left * (1 - share) + right * share, 0)


def infill(
    spectrogram: Float[Array, "F T"],
    n_frames: Int[Array, ""],
    references: Float[Array, "R F T"],
    lengths: Int[Array, " R"],
) -> Infill:
    """What would be in each stretch of a recording; of the same recording among the others nothing is taken.

    Recordings are compared, and averaged, by square roots, for which loud cells count less.
    """
    others = stretched(references, lengths, n_frames)
    roots, energy = jnp.sqrt(others), jnp.square(others).sum(1)
    frames = jnp.arange(spectrogram.shape[1])
    distances = jnp.square(roots - jnp.sqrt(spectrogram)[None]).sum(1)
    is_itself = (references == spectrogram[None]).all((1, 2))
    n_nearest = min(N_NEAREST, len(references))

    def fill(centre: Array) -> tuple[Array, Array]:
        seen = (jnp.abs(frames - centre) > HALF + MARGIN) & (frames < n_frames)
        distance = jnp.where(seen[None], distances, 0).sum(1)
        closeness, nearest = lax.top_k(-jnp.where(is_itself, jnp.inf, distance), n_nearest)
        counts = jnp.isfinite(closeness).astype(roots.dtype)
        share = counts / jnp.maximum(counts.sum(), 1)
        own = jnp.where(seen, jnp.square(spectrogram).sum(0), 0).sum()
        theirs = share @ jnp.where(seen[None], energy[nearest], 0).sum(1)
        inside = centre + jnp.arange(-HALF, HALF + 1)
        within = (inside >= 0) & (inside < n_frames)
        mean = jnp.square(jnp.tensordot(share, roots[nearest][:, :, inside], 1))
        level = share @ energy[nearest][:, inside] * own / jnp.where(theirs > 0, theirs, 1)
        found = jnp.square(mean).sum(0)
        loud = mean * jnp.sqrt(level / jnp.where(found > 0, found, 1))[None]
        return jnp.where(within[None], loud, 0), within

    return Infill(*lax.map(fill, frames))


def infill_batch(explained: Explained) -> Infill:
    """The infill of every recording of a batch, each array with an axis B in front."""
    references = explained.references
    lengths = sounding_frames(references).sum(1)

    def one(recording: tuple[Array, Array]) -> Infill:
        spectrogram, n_frames = recording
        return infill(spectrogram, n_frames, references, lengths)

    return lax.map(one, (explained.spectrograms, explained.n_frames))
