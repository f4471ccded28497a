"""Scores of recordings of which some segments are silenced, for methods that fit a linear model to them.

Segments are `SEGMENTS` bands by parts of a recording's time, equal but for rounding. Axes: M segment; Z coalition, that
is, a choice of segments that sound.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from convcam_jax.attribution.method import Explained

SEGMENTS = (6, 8)
N_SEGMENTS = SEGMENTS[0] * SEGMENTS[1]


def segments_of(spectrograms: Float[Array, "B F T"], n_frames: Int[Array, " B"]) -> Int[Array, "B F T"]:
    """Index of each cell's segment; cells behind the recording are in the last segment of their band."""
    (n_bands, n_parts), (_, n_bins, n_input_frames) = SEGMENTS, spectrograms.shape
    band = jnp.arange(n_bins) * n_bands // n_bins
    frames = jnp.arange(n_input_frames)[None, :]
    part = jnp.minimum(frames * n_parts // jnp.maximum(n_frames, 1)[:, None], n_parts - 1)
    return band[None, :, None] * n_parts + part[:, None, :]


def coalition_scores(
    explained: Explained, segments: Int[Array, "B F T"], coalitions: Float[Array, "Z M"]
) -> Float[Array, "Z B"]:
    """Score of every recording with only the segments of each coalition (1: it sounds; 0: silence, zero)."""
    return lax.map(lambda own: explained.score_of(explained.spectrograms * own[segments]), coalitions)


def segment_maps(
    explained: Explained, segments: Int[Array, "B F T"], values: Float[Array, "M B"]
) -> Float[Array, "B F T"]:
    """Maps in which each cell has the value of its segment, zero behind the recording."""
    maps = jnp.take_along_axis(values.T, segments.reshape(len(segments), -1), axis=1).reshape(segments.shape)
    return jnp.where(explained.present, maps, 0)
