"""How much of a map lies where the evidence is: scores of one map against the cells that are known to carry a cue.

Pure functions of one recording's map `[F, n]` >= 0 (any scale) and truth `[F, n]` bool, of which some cells are true.
Cells of equal value have no order. All scores but the average precision are means over all orders of them, so a map
that is the same everywhere, or zero, scores what chance does; its average precision is the share of true cells, a
little less than the mean over all orders.

Arras, Osman and Samek, "CLEVR-XAI: a benchmark dataset for the ground truth evaluation of neural network explanations",
Information Fusion 81, 2022 (relevance mass and relevance rank accuracy); Zhang et al., "Top-down neural attention by
excitation backprop", IJCV 126, 2018 (pointing game).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import fft

Map = Float[np.ndarray, "F n"]
Truth = Bool[np.ndarray, "F n"]

# Sums over cells in different orders differ by less than this share.
_ROUNDING = 1e-9


class RelevanceScores(NamedTuple):
    """Scores in 0..1; 1 is a map that marks the truth alone, or first."""

    relevance_mass: float
    relevance_rank: float
    pointing: float
    average_precision: float


SCORES = RelevanceScores._fields


def relevance_mass(own_map: Map, truth: Truth) -> float:
    """Share of the map's sum that lies in the truth (Arras et al. 2022, relevance mass accuracy)."""
    inside, outside = (float(own_map[cells].sum(dtype=np.float64)) for cells in (truth, ~truth))
    return inside / (inside + outside) if inside + outside > 0 else float(truth.mean())


def relevance_rank(own_map: Map, truth: Truth) -> float:
    """Share of the k highest cells that lie in the truth of k cells (Arras et al. 2022, relevance rank accuracy)."""
    n_true = int(truth.sum())
    lowest = np.partition(own_map.ravel(), -n_true)[-n_true]
    above, level = own_map > lowest, own_map == lowest
    n_from_level = n_true - int(above.sum())
    return float((truth[above].sum() + n_from_level * truth[level].mean()) / n_true)


def pointing(own_map: Map, truth: Truth) -> float:
    """Whether the highest cell lies in the truth; of several highest ones, the share that does (Zhang et al. 2018)."""
    return float(truth[own_map == own_map.max()].mean())


def average_precision(own_map: Map, truth: Truth) -> float:
    """Area under the precision-recall curve of the map as a detector of the truth's cells.

    The sum over the map's distinct values of the recall gained there times the precision, as scikit-learn's
    `average_precision_score`, whose checks of its arguments take ten times as long as the computation.
    """
    order = np.argsort(own_map, axis=None)[::-1]
    values, marks = own_map.ravel()[order], truth.ravel()[order]
    last_of_value = np.flatnonzero(np.append(values[:-1] != values[1:], True))
    found = np.cumsum(marks)[last_of_value]
    precision = found / (last_of_value + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / truth.sum())


def relevance_scores(own_map: Map, truth: Truth) -> RelevanceScores:
    """All scores of a map of finite values >= 0, of any scale, against the cells that are known to be right.

    Raises:
      ValueError: the map or the truth is none, or both have other shapes.
    """
    if truth.dtype != bool or not truth.any() or truth.shape != own_map.shape:
        raise ValueError("the truth must be an array of bool in the map's shape, of which some cells are true")
    if not (np.isfinite(own_map).all() and (own_map >= 0).all()):
        raise ValueError("the map must have finite values of 0 or more; of a signed map give the positive part")
    return RelevanceScores(
        relevance_mass(own_map, truth),
        relevance_rank(own_map, truth),
        pointing(own_map, truth),
        average_precision(own_map, truth),
    )


def chance_scores(truth: Truth) -> RelevanceScores:
    """Expected scores of a map whose values are shuffled over the cells: the share of true cells.

    The mean average precision over all orders of n cells, k of them true, is
    (H + (k - 1) / (n - 1) * (n - H)) / n with H = 1 + 1/2 + ... + 1/n, a little more than the share. The mean over all
    circular shifts of a map is the share as well, for all scores but the average precision.
    """
    n, k = truth.size, int(truth.sum())
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    precision = (harmonic + (k - 1) / (n - 1) * (n - harmonic)) / n
    return RelevanceScores(k / n, k / n, k / n, precision)


def shift_p_value(own_map: Map, truth: Truth) -> float:
    """Share of the map's circular shifts along both axes whose relevance mass is at least the map's own.

    All F * n shifts are counted, the map itself included, so p is at least 1 / (F * n). A map that is the same
    everywhere has p = 1.
    """
    values, marks = own_map.astype(np.float64), truth.astype(np.float64)
    masses = fft.irfft2(fft.rfft2(values) * np.conj(fft.rfft2(marks)), s=values.shape)
    return float(np.mean(masses >= masses[0, 0] - _ROUNDING * values.sum()))
