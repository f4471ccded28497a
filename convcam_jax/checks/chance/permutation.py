"""Tests against chance, for statistics of recordings; NumPy and SciPy, no I/O.

Axes: N recording; P draw of a control.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float
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
