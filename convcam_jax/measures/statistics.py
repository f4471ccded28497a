"""Statistics of results: intervals over seeds, and the cells of the paper's Tables 3 to 5."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from convcam_jax.data.members import Member

# The columns by which tables name a member.
MEMBER = list(Member._fields)
CELL_STATISTICS = ("min", "max", "mean", "range")
# Stands for 1, whose Fisher z is infinite.
_HIGHEST_CORRELATION = 1 - 1e-6
_FEWEST_RANKED = 3
_LEAST_PAIRS = 3
# Up to here all orders of the values, 8! of them, are gone through; what is assumed of many is far off for so few.
_MOST_PERMUTED = 8


class Interval(NamedTuple):
    """A mean with the limits of its confidence interval; n is the number of values it rests on."""

    mean: float
    low: float
    high: float
    n: int

    def columns(self, name: str) -> dict[str, float]:
        """Mean and limits as the columns of a table.

        >>> Interval(2.0, 1.0, 3.0, 5).columns("gain")
        {'gain': 2.0, 'gain_low': 1.0, 'gain_high': 3.0}
        """
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}


class RankCorrelation(NamedTuple):
    """Spearman's correlation, and its p-value, two-sided, against none."""

    rho: float
    p_value: float


def mean_interval(values: Iterable[float]) -> Interval:
    """Mean of the finite values and Student's 95 % t interval of that mean (n - 1 degrees of freedom).

    The interval says where the mean over many more seeds would lie, not where a single seed would. One value has no
    interval (low and high are NaN); no value has no mean either. Same unit in and out.

    >>> mean, low, high, n = mean_interval([1.0, 3.0])
    >>> print(f"{mean} {low:.3f} {high:.3f} {n}")
    2.0 -10.706 14.706 2
    """
    finite = np.asarray([value for value in values if np.isfinite(value)], dtype=float)
    n = len(finite)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(finite.mean())
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1)
    half_width = float(t_quantile(n) * finite.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half_width, mean + half_width, n)


def prediction_interval(values: Iterable[float]) -> Interval:
    """Mean of the finite values with Student's 95 % prediction interval of one more: where a single seed would lie.

    Its half-width is t times the standard deviation times sqrt(1 + 1/n). One value has no interval.

    >>> mean, low, high, n = prediction_interval([1.0, 3.0])
    >>> print(f"{mean} {low:.3f} {high:.3f} {n}")
    2.0 -20.008 24.008 2
    """
    interval = mean_interval(values)
    half_width = (interval.high - interval.mean) * np.sqrt(interval.n + 1)
    return interval._replace(low=interval.mean - half_width, high=interval.mean + half_width)


def jackknife_interval(value: float, left_out: Float[np.ndarray, " P"]) -> Interval:
    """A statistic with 95 % limits from its values with each of P speakers, or other units, left out in turn.

    The jackknife of Tukey (Efron and Stein, The jackknife estimate of variance, Annals of Statistics 9, 1981), and
    Student's t of a degree of freedom less than there are units. Of one unit there are no limits.
    """
    n = len(left_out)
    if n < 2:
        return Interval(value, np.nan, np.nan, n)
    error = np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum())
    half_width = float(t_quantile(n) * error)
    return Interval(value, value - half_width, value + half_width, n)


def mean_over_speakers(values: Float[np.ndarray, " N"], speakers: Sequence[str]) -> Interval:
    """Mean of the finite values of N recordings, with limits that tell where it would lie for other speakers.

    The speakers are left out one by one (`jackknife_interval`), since a speaker's recordings are no independent values;
    n is their number. NaN without a value.
    """
    finite = np.isfinite(values)
    known, of_speaker = np.asarray(values, float)[finite], np.asarray(speakers)[finite]
    names = np.unique(of_speaker)
    left_out = (
        np.array([known[of_speaker != name].mean() for name in names]) if len(names) > 1 else np.empty(len(names))
    )
    return jackknife_interval(float(known.mean()) if len(known) else np.nan, left_out)


def mean_over_pairs(values: Float[np.ndarray, " N"], pairs: Int[np.ndarray, "N 2"]) -> Interval:
    """Mean of the finite values of N pairs of networks, with limits that tell where it would lie for other networks.

    pairs: the networks' numbers. They are left out one by one (`jackknife_interval`), each with its pairs, since pairs
    that share one are no independent values; n is the number of pairs. No limits of fewer than three pairs, nor where a
    network is in all of them. NaN without a value.
    """
    finite = np.isfinite(values)
    known, of_pair = np.asarray(values, float)[finite], pairs[finite]
    kept = [(of_pair != network).all(axis=1) for network in np.unique(of_pair)]
    if len(known) < _LEAST_PAIRS or not all(others.any() for others in kept):
        return Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan, len(known))
    left_out = np.array([known[others].mean() for others in kept])
    return jackknife_interval(float(known.mean()), left_out)._replace(n=len(known))


def limited(interval: Interval, highest: float = np.inf) -> Interval:
    """An interval cut to what errors and shares can be, 0 to `highest`: that of few values may reach beyond."""
    low, high = np.clip([interval.low, interval.high], 0, highest).tolist()
    return interval._replace(low=low, high=high)


def t_quantile(n: ArrayLike) -> Any:
    """How many standard errors a 95 % t interval of the mean of `n` values reaches to either side; NaN for one."""
    return scipy.stats.t.ppf(0.975, np.asarray(n) - 1)


def fisher_z(correlations: pd.Series) -> pd.Series:
    """Fisher's z, arctanh of correlations in -1..1; those closer to -1 or 1 than 1e-6 count as that close."""
    return np.arctanh(correlations.clip(-_HIGHEST_CORRELATION, _HIGHEST_CORRELATION))


def correlation_interval(correlations: pd.Series) -> Interval:
    """Mean and t interval of correlations on the scale of Fisher's z, brought back by tanh: none leaves -1..1.

    Missing values are left out, as in `mean_interval`. Source: Fisher, Metron 1, 1921.
    """
    return from_fisher_z(mean_interval(fisher_z(correlations)))


def from_fisher_z(in_z: Interval) -> Interval:
    """An interval on the scale of Fisher's z as one of correlations."""
    mean, low, high = np.tanh(in_z[:3]).tolist()
    return Interval(mean, low, high, in_z.n)


def spearman_rho(first: pd.Series, second: pd.Series) -> float:
    """Spearman's rank correlation; NaN of fewer than three pairs, and where one of both is the same everywhere."""
    if len(first) < _FEWEST_RANKED or first.nunique() < 2 or second.nunique() < 2:
        return np.nan
    return float(scipy.stats.spearmanr(first, second).statistic)


def spearman(first: pd.Series, second: pd.Series) -> RankCorrelation:
    """`spearman_rho` with its p-value, which is NaN where that is.

    Of up to eight pairs it is exact, over all orders of the values; of more it is that of Student's t distribution.
    """
    rho = spearman_rho(first, second)
    if np.isnan(rho):
        return RankCorrelation(np.nan, np.nan)
    if len(first) > _MOST_PERMUTED:
        return RankCorrelation(rho, float(scipy.stats.spearmanr(first, second).pvalue))
    ranks, others = scipy.stats.rankdata(first), scipy.stats.rankdata(second)
    # Of ranks in another order nothing but the sum of the products changes.
    exact = scipy.stats.permutation_test(
        (ranks,), lambda own, axis: (own * others).sum(axis), permutation_type="pairings", n_resamples=np.inf
    )
    return RankCorrelation(rho, float(exact.pvalue))


def within(value: float, low: float, high: float) -> bool | None:
    """Whether low <= value <= high; None where one of the three is NaN."""
    if np.isnan([value, low, high]).any():
        return None
    return bool(low <= value <= high)


def chosen_rows(table: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Rows of `table` (with group, fold and seed) that belong to the chosen member of their group and fold."""
    chosen = members.loc[members["chosen"].astype(bool), MEMBER]
    return table.merge(chosen, on=MEMBER, how="inner")


def groups_of(table: pd.DataFrame) -> list[str]:
    """Groups in the table, in the order of the alphabet (female before male, as in the paper)."""
    return sorted(table["group"].unique())


def cell_statistics(metrics: pd.DataFrame, column: str, groups: Sequence[str], emotions: Sequence[str]) -> pd.DataFrame:
    """Min, max, mean and range of `column` per group and emotion over correctly classified recordings.

    metrics: rows of one member per cohort. Returns group, emotion, statistic, value, n_recordings with a row for
    every cell, in the order of `groups`, `emotions` and CELL_STATISTICS; without a recording a cell is NaN,
    n_recordings 0. One recording has no range: the paper's 0 would say that recordings agree.
    """
    correct = metrics.loc[metrics["correct"].astype(bool), ["group", "emotion", column]].dropna()
    cells = correct.groupby(["group", "emotion"])[column].agg(["min", "max", "mean", "count"])
    index = pd.MultiIndex.from_product([groups, emotions], names=["group", "emotion"])
    cells = cells.reindex(index).astype(float)
    cells["range"] = (cells["max"] - cells["min"]).where(cells["count"] > 1)
    counts = cells["count"].fillna(0).astype(int)
    tidy = cells[list(CELL_STATISTICS)].stack().rename("value")
    tidy.index = tidy.index.set_names("statistic", level=2)
    frame = tidy.reset_index()
    frame["n_recordings"] = counts.reindex(pd.MultiIndex.from_frame(frame[["group", "emotion"]])).to_numpy()
    return frame
