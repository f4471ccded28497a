"""What the network answers when what the map marks is taken out of ONE recording: selectivity, perturbation, ROAD.

Axes: F frequency bin; T time frame; P share of what is taken out; R square region.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.signal import convolve2d
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Bool, Float, Int, Key

from convcam_jax.attribution.score import Classify
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording, target_logits
from convcam_jax.checks.faithfulness.curves import cell_ranks, first_cells

# Cells along each side of a region: a third of an octave and 123 ms of the default representation.
REGION_CELLS = 4
SELECTIVITY_SHARES = np.linspace(0, 1, 13)
# The first quarter of the regions.
PERTURBED_SHARES = np.linspace(0, 0.25, 9)[1:]
ROAD_SHARES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
# Of a missing cell's eight neighbours, in Rong et al. 2022.
_NEIGHBOURS = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12
_TOLERANCE, _MOST_ITERATIONS = 1e-4, 500


def region_ranks(
    recording: ExplainedRecording, side: int, key: Key[Array, ""]
) -> tuple[Int[Array, "F T"], Int[Array, ""]]:
    """Of each cell the rank of its region, 0 for the largest sum of the map, and how many regions the recording has.

    Regions are squares of `side` cells from the first bin and frame on; those behind the recording come last. Equal
    ones are put in random order, by `key`.
    """
    n_bins, n_frames = recording.spectrogram.shape
    shape = -(-n_bins // side), -(-n_frames // side)
    padding = ((0, shape[0] * side - n_bins), (0, shape[1] * side - n_frames))

    def summed(cells: Array) -> Array:
        return jnp.pad(cells, padding).reshape(shape[0], side, shape[1], side).sum((1, 3)).ravel()

    inside = summed(recording.present.astype(jnp.float32)) > 0
    sums = jnp.where(inside, summed(recording.relevance), -jnp.inf)
    # The last key counts first.
    order = jnp.lexsort((jax.random.permutation(key, sums.size), -sums))
    ranks = jnp.argsort(order).reshape(shape)
    of_cells = jnp.repeat(jnp.repeat(ranks, side, axis=0), side, axis=1)
    return of_cells[:n_bins, :n_frames], inside.sum()


def removal_curve(
    answers: Classify,
    recording: ExplainedRecording,
    fill: Float[Array, "F T"],
    shares: Float[np.ndarray, " P"],
    key: Key[Array, ""],
    side: int = REGION_CELLS,
) -> Float[Array, " P"]:
    """The explained class's logit when a share of the regions, the highest of the map first, is replaced by `fill`.

    `key` orders regions of equal value.
    """
    ranks, n_regions = region_ranks(recording, side, key)
    n_removed = jnp.round(jnp.asarray(shares) * n_regions.astype(float))
    removed = (ranks[None].astype(float) < n_removed[:, None, None]) & recording.present[None]
    versions = jnp.where(removed, fill[None], recording.spectrogram[None])
    return target_logits(answers, versions, recording)


def selectivity(answers: Classify, recording: ExplainedRecording, key: Key[Array, ""]) -> Float[Array, ""]:
    """Area under the logit over the share of regions that are silenced.

    `key` orders regions of equal value. Source: Montavon, Samek and Müller, "Methods for interpreting and understanding
    deep neural networks", Digital Signal Processing 73, 2018.
    """
    curve = removal_curve(answers, recording, jnp.zeros_like(recording.spectrogram), SELECTIVITY_SHARES, key)
    return jnp.trapezoid(curve, jnp.asarray(SELECTIVITY_SHARES))


def region_perturbation(
    answers: Classify, recording: ExplainedRecording, noise: Float[Array, "F T"], key: Key[Array, ""]
) -> Float[Array, ""]:
    """Mean fall of the logit while the first quarter of the regions is replaced by noise.

    `key` orders regions of equal value. Source: Samek et al., "Evaluating the visualization of what a deep neural
    network has learned", IEEE TNNLS 28, 2017 (area over the perturbation curve, most relevant first).
    """
    before = target_logits(answers, recording.spectrogram[None], recording)[0]
    return before - removal_curve(answers, recording, noise, PERTURBED_SHARES, key).mean()


def noisy_linear_imputation(
    spectrogram: Float[Array, "F T"],
    removed: Bool[Array, "F T"],
    present: Bool[Array, "F T"],
    noise: Float[Array, "F T"],
) -> Float[Array, "F T"]:
    """Removed cells as the weighted mean of their eight neighbours, which may be removed too, and noise.

    Side neighbours weigh twice as much as those at the corners; there are none behind the recording. At least one of
    its cells must not be removed.
    """
    removed = removed & present

    def from_neighbours(values: Array) -> Array:
        return convolve2d(values, jnp.asarray(_NEIGHBOURS, values.dtype), mode="same")

    weight = from_neighbours(present.astype(spectrogram.dtype))

    def equations(unknown: Array) -> Array:
        imputed = jnp.where(removed, unknown, 0.0)
        return jnp.where(removed, weight * imputed - from_neighbours(imputed), unknown)

    known = jnp.where(removed | ~present, 0.0, spectrogram)
    given = jnp.where(removed, from_neighbours(known), 0.0)
    imputed, _ = cg(equations, given, tol=_TOLERANCE, maxiter=_MOST_ITERATIONS)
    return jnp.where(removed, imputed + noise, spectrogram)


def road(
    answers: Classify,
    recording: ExplainedRecording,
    noise: Float[Array, "F T"],
    key: Key[Array, ""],
) -> Float[Array, ""]:
    """Share of the shares of imputed cells, the highest of the map first, at which the network still answers the class.

    Over many recordings its mean is the mean accuracy. `key` orders cells of equal value. Source: Rong et al., "A
    consistent and efficient evaluation strategy for attribution methods", ICML 2022 (remove and debias).
    """
    ranks = cell_ranks(recording.relevance, recording.n_frames, key)

    def at(share: Array) -> Array:
        removed = first_cells(ranks[None], share, recording.n_frames[None])[0]
        return noisy_linear_imputation(recording.spectrogram, removed, recording.present, noise)

    versions = jax.vmap(at)(jnp.asarray(ROAD_SHARES, jnp.float32))
    return (answers(versions).argmax(-1) == recording.target).mean()
