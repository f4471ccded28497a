"""What claims are made of: the rows of numbers that they are about, and predicates on a row's values by emotion.

A row has no value for an emotion without a correctly classified recording. Where an emotion that it is about is not
there, a predicate gives None (undecided). "Lowest", "highest" and "all" are of the emotions that have a value, as the
paper's own are of those of which it has enough recordings.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import pandas as pd

from convcam_jax.corpora.config import GENDERS
from convcam_jax.measures.config import table_metric
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS

Verdict = bool | None
Predicate = Callable[[pd.Series], Verdict]
Statistic = Literal["min", "max", "mean", "range", "share"]

# The metrics that the figures in the text are of: those that the authors printed.
PRINTED_Q, PRINTED_F0 = ((table_metric(number, PUBLISHED_ANALYSIS).name,) for number in (3, 4))
# Rows that are not of a printed table, by their names: Table 5 without `SET_ASIDE`, ...
TABLE_5_SET_ASIDE = "Table 5 without the speakers set aside"
# ... and the share (per cent) of correctly classified recordings in which something holds, per emotion and over "all".
HIGHER_WHERE_VOICED = "recordings with a higher q where voiced"
CLOSER_THAN_A_CONSTANT = "recordings with q closer to Q than a constant"
ALL_EMOTIONS = "all"
# The speakers whose recordings section 3.3.3 leaves out of a range, by gender and emotion.
SET_ASIDE = {
    ("female", "anger"): "16",
    ("female", "boredom"): "08",
    ("male", "boredom"): "10",
    ("male", "neutral"): "15",
}


class Row(NamedTuple):
    """One row of Table 3, 4 or 5, or of the numbers that `table` names; the groups of the paper are genders."""

    table: int | str
    group: str
    statistic: Statistic


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim.

    quote: the paper's words. reading: what is tested, in plain words, where the quote leaves it open. predicate: takes
    a row's values per emotion (none is NaN). metrics: which its tables must be made of, if the claim names figures.
    minimum_recordings: emotions with fewer correct recordings are left out, where the paper leaves them out. One has no
    range whatever is said here: "only one recording ... cannot be the basis for any conclusions" (section 3.3.2).
    """

    id: str
    section: str
    quote: str
    reading: str
    rows: tuple[Row, ...]
    predicate: Predicate
    metrics: tuple[str, ...] = ()
    minimum_recordings: int = 1


def both_genders(table: int | str, statistic: Statistic) -> tuple[Row, ...]:
    """The row of this statistic for either gender."""
    return tuple(Row(table, gender, statistic) for gender in GENDERS)


def lowest_in(*emotions: str) -> Predicate:
    """These emotions have lower values than every other one."""
    return lambda row: _all_below(row, emotions, [other for other in row.index if other not in emotions])


def highest_in(*emotions: str) -> Predicate:
    """These emotions have higher values than every other one."""
    return lambda row: _all_below(row, [other for other in row.index if other not in emotions], emotions)


def below(lower: Sequence[str], higher: Sequence[str]) -> Predicate:
    """Each of `lower` has a lower value than each of `higher`."""
    return lambda row: _all_below(row, lower, higher)


def between(emotion: str, low: float, high: float) -> Predicate:
    """The emotion's value lies in [low, high]."""
    return lambda row: bool(low <= row[emotion] <= high) if emotion in row else None


def all_between(low: float, high: float) -> Predicate:
    """The values of all emotions lie in [low, high]."""
    return lambda row: bool(row.between(low, high).all()) if len(row) else None


def lowest_between(low: float, high: float) -> Predicate:
    """The lowest value of all emotions lies in [low, high]."""
    return lambda row: bool(low <= row.min() <= high) if len(row) else None


def highest_between(low: float, high: float) -> Predicate:
    """The highest value of all emotions lies in [low, high]."""
    return lambda row: bool(low <= row.max() <= high) if len(row) else None


def above(limit: float, *emotions: str) -> Predicate:
    """The values of these emotions are above `limit`."""
    return lambda row: bool((row[list(emotions)] > limit).all()) if set(emotions) <= set(row.index) else None


def _all_below(row: pd.Series, lower: Sequence[str], higher: Sequence[str]) -> Verdict:
    if not lower or not higher or not set(lower) | set(higher) <= set(row.index):
        return None
    return bool(row[list(lower)].max() < row[list(higher)].min())
