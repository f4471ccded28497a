"""How alike maps of one recording are, pair by pair.

Axes: S map; F frequency bin; n frames. Pairs come in the order of `itertools.combinations`: (0, 1), (0, 2), ...
"""

from itertools import combinations

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata
from skimage.metrics import structural_similarity

# The side of the square that the structural similarity is averaged over: scikit-image's. Its authors weigh 11 x 11.
SSIM_CELLS = 7


def rank_correlations(maps: Float[np.ndarray, "S F n"]) -> Float[np.ndarray, " pairs"]:
    """Spearman's correlation over the cells of each pair of maps.

    NaN for a map that has the same value everywhere.
    """
    ranks = rankdata(maps.reshape(len(maps), -1), axis=1)
    # Of a map without differences 0 is divided by 0.
    with np.errstate(invalid="ignore"):
        correlations = np.corrcoef(ranks)
    return np.atleast_2d(correlations)[np.triu_indices(len(maps), 1)]


def structural_similarities(maps: Float[np.ndarray, "S F n"]) -> Float[np.ndarray, " pairs"]:
    """Structural similarity (Wang et al. 2004) of each pair of maps >= 0, mean over 7 x 7 cells.

    Each is divided by its maximum: the two constants of the measure presuppose values that reach 1, and a map whose
    maximum lay behind the recording would be alike to any other because it is small.
    NaN for a map that has the same value everywhere, and for maps of fewer than 7 bins or frames.
    """
    values = np.asarray(maps, float)
    peaks = values.max((1, 2), keepdims=True)
    return np.array([_similarity(*pair) for pair in combinations(values / np.where(peaks > 0, peaks, 1), 2)], float)


def _similarity(one: Float[np.ndarray, "F n"], other: Float[np.ndarray, "F n"]) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0 or min(one.shape) < SSIM_CELLS:
        return np.nan
    return float(structural_similarity(one, other, win_size=SSIM_CELLS, data_range=1.0))
