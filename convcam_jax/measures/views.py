"""What the figures are drawn from, besides the tables of a run."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from convcam_jax.data.members import Cohort


class GridAxes(NamedTuple):
    """Where the cells of the grid of the inputs lie.

    bin_hz: centres of the bins; edges_hz: the bins' edges, ascending; time_s: centres of the frames.
    """

    bin_hz: Float[np.ndarray, " F"]
    edges_hz: Float[np.ndarray, " F+1"]
    time_s: Float[np.ndarray, " T"]


def cell_edges(centres: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m+1"]:
    """Edges halfway between centres, in s or in Hz; of a single one half a unit around it.

    The first and the last cell are symmetric about their centres.
    """
    if len(centres) == 1:
        return centres[0] + np.array([-0.5, 0.5])
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])


class RecordingView(NamedTuple):
    """One test recording as its cohort's chosen member sees it; n is its number of frames.

    magnitude: of the representation. map: activation map on the same grid, 0..1. raw_map: map of the explained
    convolution [H, W], >= 0, or None where it is not known. f0_hz, voiced: fundamental frequency and voicing.
    trajectory_hz: c of Eq. 9, used where voiced. envelope: Q of Eq. 7, 0..1. contour: q of Eq. 6, 0..1. time_s,
    bin_hz, edges_hz: as in `GridAxes`.
    """

    recording: str
    emotion: str
    group: str
    magnitude: Float[np.ndarray, "F n"]
    map: Float[np.ndarray, "F n"]
    raw_map: Float[np.ndarray, "H W"] | None
    f0_hz: Float[np.ndarray, " n"]
    voiced: Bool[np.ndarray, " n"]
    trajectory_hz: Float[np.ndarray, " n"]
    envelope: Float[np.ndarray, " n"]
    contour: Float[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    bin_hz: Float[np.ndarray, " F"]
    edges_hz: Float[np.ndarray, " F+1"]


class MaskSet(NamedTuple):
    """Emotional masks of each cohort.

    best: R of the chosen member (Eq. 1) [C, F, T]; summed: the sum over all members (Eq. 2) [C, F, T]; emotions: the C
    names; bin_hz, time_s, edges_hz: as in `GridAxes`.
    """

    best: dict[Cohort, np.ndarray]
    summed: dict[Cohort, np.ndarray]
    emotions: tuple[str, ...]
    bin_hz: Float[np.ndarray, " F"]
    time_s: Float[np.ndarray, " T"]
    edges_hz: Float[np.ndarray, " F+1"]
