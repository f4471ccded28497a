"""Tests against chance and intervals over speakers, for statistics of recordings; NumPy and SciPy, no I/O.

Axes: N recording; P draw of a control; B resample of the speakers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int
from numpy.typing import NDArray

from convcam_jax.measures.metric_table import Better

# The metrics are computed in single precision; a draw this close to the observed value is a tie, and ties count.
_RELATIVE_TIE = 1e-5


class Test(NamedTuple):
    """One-sided test of an observed value against `n` draws of a control; p is NaN where there is nothing to test."""

    p: float
    n: int


def permutation_test(observed: float, draws: Float[np.ndarray, " P"], better: Better) -> Test:
    """Test with p = (1 + k) / (1 + n), where k of the n finite draws are at least as good as `observed`.

    One-sided: a small p says that the observed value is better than chance. p is never 0 (Phipson and Smyth 2010).

    >>> permutation_test(3.0, np.array([1.0, 2.0, 3.0, 4.0]), "higher")
    Test(p=0.6, n=4)
    """
    finite = np.asarray(draws, float)[np.isfinite(draws)]
    if not np.isfinite(observed) or len(finite) == 0:
        return Test(np.nan, len(finite))
    margin = _RELATIVE_TIE * abs(observed)
    as_good = finite >= observed - margin if better == "higher" else finite <= observed + margin
    return Test(float((1 + as_good.sum()) / (1 + len(finite))), len(finite))


def false_discovery(p: Sequence[float] | Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Values q of Benjamini and Hochberg (1995) for p-values; NaN stays NaN and counts as no test."""
    values = np.asarray(p, float)
    q = np.full(values.shape, np.nan)
    tested = np.isfinite(values)
    if tested.any():
        q[tested] = scipy.stats.false_discovery_control(values[tested], method="bh")
    return q


def quantile_limits(values: NDArray) -> tuple[float, float]:
    """The quantiles between which the middle 95 % of the finite values lie; NaN, NaN without a value."""
    finite = np.asarray(values, float)[np.isfinite(values)]
    if len(finite) == 0:
        return np.nan, np.nan
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def mean_of_draws(draws: Float[np.ndarray, "N P"]) -> Float[np.ndarray, " P"]:
    """Mean over the recordings, without those that are NaN; NaN where no recording has a value."""
    finite = np.isfinite(draws)
    counts = finite.sum(0)
    sums = np.where(finite, draws, 0.0).sum(0, dtype=float)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def speaker_weights(speakers: Sequence[str], resamples: int, generator: np.random.Generator) -> Int[np.ndarray, "B N"]:
    """How often each recording counts in resamples of the speakers with replacement (cluster bootstrap).

    As many speakers as there are, drawn with replacement; a speaker's recordings come and go together (Davison and
    Hinkley 1997, section 3.8).
    """
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return counts[:, index]


def mean_limits(
    values: Float[np.ndarray, " N"], speakers: Sequence[str], resamples: int, generator: np.random.Generator
) -> tuple[float, float]:
    """Limits of the mean of the finite values over resamples of their N speakers.

    NaN, NaN where they have fewer than two speakers: resamples of one would give an interval without width.
    """
    finite = np.isfinite(values)
    own = np.asarray(speakers)[finite]
    if len(np.unique(own)) < 2:
        return np.nan, np.nan
    weights = speaker_weights(own.tolist(), resamples, generator)
    return quantile_limits(weights @ np.asarray(values, float)[finite] / weights.sum(1))
