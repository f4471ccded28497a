"""What the figures are drawn from, besides the tables of a run."""

from typing import NamedTuple

import numpy as np


class RecordingView(NamedTuple):
    """One test recording as its gender's chosen member sees it; n is its number of CQT frames.

    cqt: magnitude [F, n]. map: activation map, scaled to the CQT [F, n], 0..1. raw_map: map of the last convolution
    [H, W], >= 0, or None where it is not known. f0_hz, voiced: fundamental frequency and voicing [n]. trajectory_hz: c
    of Eq. 9 [n], used where voiced. envelope: Q of Eq. 7 [n], 0..1. contour: q of Eq. 6 [n], 0..1. time_s: centres of
    the frames [n]. bin_hz: centres of the bins [F].
    """

    recording: str
    emotion: str
    gender: str
    cqt: np.ndarray
    map: np.ndarray
    raw_map: np.ndarray | None
    f0_hz: np.ndarray
    voiced: np.ndarray
    trajectory_hz: np.ndarray
    envelope: np.ndarray
    contour: np.ndarray
    time_s: np.ndarray
    bin_hz: np.ndarray


class MaskSet(NamedTuple):
    """Emotional masks per gender.

    best: R of the chosen member (Eq. 1) [C, F, T]; summed: the sum over all members (Eq. 2) [C, F, T]; emotions: the C
    names; bin_hz [F]; time_s [T].
    """

    best: dict[str, np.ndarray]
    summed: dict[str, np.ndarray]
    emotions: tuple[str, ...]
    bin_hz: np.ndarray
    time_s: np.ndarray
