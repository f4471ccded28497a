"""What would be heard in a strip of a recording if it went on as other recordings do.

A strip, some frames or some bins, is hidden, and other recordings, stretched in time to the recording's length and
moved up or down by some bins, as voices differ in pitch, are put there: their mean, weighted by how like they are to
the rest of it, as loud as they are: the regression of Nadaraya and of Watson (1964) of the strip on the rest. By a
model of spectra, Smaragdis et al., "Missing data imputation for spectral audio signals", MLSP 2009, fill gaps of sound.
Axes: R other recording; K shift; W strip, one centred at each frame, or bin; S = 2 `HALF` + 1 frames, or bins, of one.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.attribution.baseline import sounding_frames
from convcam_jax.attribution.method import Explained
from convcam_jax.kernels.stretching import stretched

# Bins and frames on each side of a strip's centre; beyond them `MARGIN` are not compared, either.
HALF, MARGIN = 3, 1
# By how many bins other recordings are moved.
MOST_BINS = 3
SHIFTS_BINS = tuple(range(-MOST_BINS, MOST_BINS + 1))
# A recording that is farther than the nearest one by this share of its distance counts 1/e as much.
BANDWIDTH = 0.3

# A recording that differs by no more than this share of the squares is the same one, rounded or coded otherwise.
SAME = 1e-3

# What a strip is some of.
Cut = Literal["frames", "bins"]


class Infill(NamedTuple):
    """Of one recording, what would be in each strip, and which places of it lie in the recording."""

    values: Float[Array, "W rows columns"]  # F x S of frames, S x T of bins
    present: Bool[Array, "W S"]


def infill(
    spectrogram: Float[Array, "F T"],
    n_frames: Int[Array, ""],
    references: Float[Array, "R F T"],
    lengths: Int[Array, " R"],
    cut: Cut,
) -> Infill:
    """What would be in each strip of a recording; of the same recording among the others nothing is taken.

    Recordings are compared, and averaged, by square roots, for which loud cells count less.
    """
    # Noise that is added to magnitudes, as metrics of explanations do, makes some negative, which have no roots.
    spectrogram, references = jax.nn.relu(spectrogram), jax.nn.relu(references)
    n_bins, n_columns = spectrogram.shape
    # The axis that is not cut.
    other, length = (-2, n_frames) if cut == "frames" else (-1, n_bins)
    is_itself = are_same(references, spectrogram)
    roots = jnp.sqrt(jax.vmap(stretched, (0, 0, None))(references, lengths, n_frames))
    # Of silence around the others.
    padded = jnp.pad(roots, ((0, 0), (HALF + MOST_BINS, HALF + MOST_BINS), (HALF, HALF)))

    def part(first_bin: Array | int, first_frame: Array | int, shape: tuple[int, int]) -> Array:
        """A part of all others, with as many bins more above and below it as they are moved by."""
        rows, columns = shape
        start = (0, HALF + first_bin, HALF + first_frame)
        return lax.dynamic_slice(padded, start, (len(padded), rows + 2 * MOST_BINS, columns))

    distances, energy = compared(part(0, 0, (n_bins, n_columns)), jnp.sqrt(spectrogram), other)
    own_energy = jnp.square(spectrogram).sum(other)
    places = jnp.arange(len(own_energy))

    def fill(centre: Array) -> tuple[Array, Array]:
        seen = (jnp.abs(places - centre) > HALF + MARGIN) & (places < length)
        share = shares(jnp.where(seen[None, None], distances, 0).sum(2), is_itself)
        mean_energy = jnp.tensordot(share, energy, 2)
        gain = gain_of(jnp.where(seen, own_energy, 0).sum(), jnp.where(seen, mean_energy, 0).sum())
        inside = centre + jnp.arange(-HALF, HALF + 1)
        within = (inside >= 0) & (inside < length)
        if cut == "frames":
            nearby = part(0, centre - HALF, (n_bins, len(inside)))
        else:
            nearby = part(centre - HALF, 0, (len(inside), n_columns))
        means = jnp.tensordot(share, nearby, 1)
        mean = jnp.square(sum(moved(own, by) for own, by in zip(means, SHIFTS_BINS, strict=True)))
        found = jnp.square(mean).sum(other)
        loudness = jnp.sqrt(mean_energy[inside] * gain / jnp.where(found > 0, found, 1))
        return mean * jnp.expand_dims(jnp.where(within, loudness, 0), other), within

    return Infill(*lax.map(fill, places))


def are_same(references: Float[Array, "R F T"], spectrogram: Float[Array, "F T"]) -> Bool[Array, " R"]:
    """Which other recordings are this one, all >= 0.

    As they are: stretched from its last sound to all of its frames, one that ends in silence would differ from itself.
    """
    # Of sums of squares of roots, the recording's own is the sum of its cells.
    differing = jnp.square(jnp.sqrt(references) - jnp.sqrt(spectrogram)[None]).sum((1, 2))
    return differing <= SAME * spectrogram.sum()


def compared(
    others: Float[Array, "R rows T"], spectrogram: Float[Array, "F T"], other: int
) -> tuple[Float[Array, "K R L"], Float[Array, "K R L"]]:
    """Squared distances of others, moved by each shift, from one, and their energy, both summed over the axis `other`.

    All are square roots; the others have `MOST_BINS` rows more at either end.
    """

    def compare(first: Array) -> tuple[Array, Array]:
        one = lax.dynamic_slice_in_dim(others, first, len(spectrogram), axis=1)
        return jnp.square(one - spectrogram[None]).sum(other), jnp.square(jnp.square(one)).sum(other)

    # One shift after another, since all others moved by all shifts at once would take that many times the memory.
    return lax.map(compare, MOST_BINS - jnp.asarray(SHIFTS_BINS))


def moved(cells: Float[Array, "*R rows columns"], by_bins: int) -> Float[Array, "*R fewer columns"]:
    """The inner ones of the rows, moved up by at most `MOST_BINS`, which is how many are left out at either end."""
    first = MOST_BINS - by_bins
    return cells[..., first : first + cells.shape[-2] - 2 * MOST_BINS, :]


def shares(distances: Float[Array, "K R"], is_itself: Bool[Array, " R"]) -> Float[Array, "K R"]:
    """How much each recording counts, moved by each shift, by its distance: adding up to 1, or 0 if there is none."""
    nearest = jnp.min(distances, where=~is_itself[None], initial=distances.max())
    scale = jnp.maximum(BANDWIDTH * nearest, jnp.finfo(distances.dtype).tiny)
    weights = jnp.where(is_itself[None], 0, jnp.exp(-jax.nn.relu(distances - nearest) / scale))
    return weights / jnp.maximum(weights.sum(), 1)


def gain_of(own_energy: Float[Array, ""], their_energy: Float[Array, ""]) -> Float[Array, ""]:
    """What others' energy is multiplied by; 0 where they are silent, of whom nobody knows how loud they would be."""
    return jnp.where(their_energy > 0, own_energy / jnp.where(their_energy > 0, their_energy, 1), 0)


def infill_batch(explained: Explained, cut: Cut) -> Infill:
    """The infill of every recording of a batch, each array with an axis B in front."""
    references = explained.references
    lengths = sounding_frames(references).sum(1)

    def one(recording: tuple[Array, Array]) -> Infill:
        spectrogram, n_frames = recording
        return infill(spectrogram, n_frames, references, lengths, cut)

    return lax.map(one, (explained.spectrograms, explained.n_frames))
