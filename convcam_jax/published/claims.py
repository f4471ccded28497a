"""The paper's empirical claims (sections 3.3.1 to 3.3.3 and 4) as data.

A claim is about rows of Tables 3 to 5: a row is one statistic of one gender, with a value per emotion. It holds where
its predicate holds in all its rows. A predicate takes a row's values by emotion, without those that have no correctly
classified recording, and gives None (undecided) where an emotion that it is about is not there.

Left out are the remarks of section 3.3.3 on single speakers whose recordings were set aside by hand, and what they lead
to ("the lowest range falls to anger ... boredom"): the paper gives no rule for what to set aside.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.config import GENDERS

Verdict = bool | None
Predicate = Callable[[pd.Series], Verdict]
Statistic = Literal["min", "max", "mean", "range"]


class Row(NamedTuple):
    """One row of Table 3, 4 or 5."""

    table: int
    gender: str
    statistic: Statistic


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim.

    quote: the paper's words. reading: what is tested, in plain words, where the quote leaves it open. predicate: takes
    a row's values per emotion (none is NaN). unit: of Table 4's metric, if the claim names figures in it.
    minimum_recordings: emotions with fewer correct recordings are left out, where the paper leaves them out.
    """

    id: str
    section: str
    quote: str
    reading: str
    rows: tuple[Row, ...]
    predicate: Predicate
    unit: str = ""
    minimum_recordings: int = 1


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


def _all_below(row: pd.Series, lower: Sequence[str], higher: Sequence[str]) -> Verdict:
    if not lower or not higher or not set(lower) | set(higher) <= set(row.index):
        return None
    return bool(row[list(lower)].max() < row[list(higher)].min())


def _both(table: int, statistic: Statistic) -> tuple[Row, ...]:
    return tuple(Row(table, gender, statistic) for gender in GENDERS)


CLAIMS = (
    Claim(
        "envelope-female-lowest-sadness",
        "3.3.1",
        "The lowest RMSE values were obtained for recordings representing the sadness emotional state for females",
        "the lowest female value is in sadness",
        (Row(3, "female", "min"),),
        lowest_in("sadness"),
    ),
    Claim(
        "envelope-male-lowest-neutral",
        "3.3.1",
        "for males in neutral state the RMSE value was equal to 0.08",
        "the lowest male value is in neutral",
        (Row(3, "male", "min"),),
        lowest_in("neutral"),
    ),
    Claim(
        "envelope-female-highest-anger",
        "3.3.1",
        "the highest RMSE values belonging to female sentence in anger state and equal to 0.34",
        "the highest female value is in anger",
        (Row(3, "female", "max"),),
        highest_in("anger"),
    ),
    Claim(
        "envelope-male-highest-sadness",
        "3.3.1",
        "In the case of males, the RMSE was equal to 0.33 for sadness (Figure 8d)",
        "the highest male value is in sadness",
        (Row(3, "male", "max"),),
        highest_in("sadness"),
    ),
    Claim(
        "envelope-male-highest-neutral",
        "3.3.1, Figure 8",
        "with the highest RMSE values: ... males in neutral state (d)",
        "the highest male value is in neutral",
        (Row(3, "male", "max"),),
        highest_in("neutral"),
    ),
    Claim(
        "envelope-female-sadness-boredom",
        "3.3.1",
        "in the case of females, the emotional state for which the RMSE value was the lowest globally was sadness and "
        "boredom",
        "the female means of sadness and boredom are the two lowest",
        (Row(3, "female", "mean"),),
        lowest_in("sadness", "boredom"),
    ),
    Claim(
        "envelope-male-sadness-boredom",
        "3.3.1",
        "sadness and boredom, which also achieved the lowest RMSE values in male recordings",
        "the male means of sadness and boredom are the two lowest",
        (Row(3, "male", "mean"),),
        lowest_in("sadness", "boredom"),
    ),
    Claim(
        "envelope-boredom-sadness-conform",
        "4",
        "significant conformity of the energy distribution in the activation maps ... with the recording envelope for "
        "emotions such as boredom and sadness than in other emotions",
        "the means of boredom and sadness are the two lowest for both genders",
        _both(3, "mean"),
        lowest_in("boredom", "sadness"),
    ),
    Claim(
        "f0-boredom-best-coincides",
        "3.3.2",
        "in the case of boredom emotion ... the differences between them changed from 7Hz to 10Hz",
        "the lowest value of boredom is at most 10 Hz for both genders",
        _both(4, "min"),
        between("boredom", 0.0, 10.0),
        unit="hz",
    ),
    Claim(
        "f0-boredom-low",
        "3.3.2",
        "globally, boredom state also achieved low values of RMSE",
        "the mean of boredom is the lowest for both genders",
        _both(4, "mean"),
        lowest_in("boredom"),
    ),
    Claim(
        "f0-sadness-neutral-smaller",
        "3.3.2",
        "their [sadness, neutral] differences are much smaller than that of the states anger, fear, and happiness",
        "the lowest values of sadness and neutral lie below those of anger, fear and happiness for both genders",
        _both(4, "min"),
        below(("sadness", "neutral"), ("anger", "fear", "happiness")),
    ),
    Claim(
        "f0-sadness-neutral-low",
        "3.3.2",
        "on the Figure 12 can be seen that RMSE values [of sadness and neutral] are in low ranges",
        "the means of sadness and neutral lie below those of anger, fear and happiness for both genders",
        _both(4, "mean"),
        below(("sadness", "neutral"), ("anger", "fear", "happiness")),
    ),
    Claim(
        "f0-happiness-best",
        "3.3.2",
        "For best cases [of happiness] ... their differences are vary from 100Hz to 150Hz",
        "the lowest value of happiness lies between 99.5 and 150.5 Hz for both genders",
        _both(4, "min"),
        between("happiness", 99.5, 150.5),
        unit="hz",
    ),
    Claim(
        "f0-happiness-spread",
        "3.3.2",
        "RMSE values for all recordings representing happiness emotional state have a pretty large spread",
        "the range of happiness is above those of boredom, neutral and sadness for both genders",
        _both(4, "range"),
        below(("boredom", "neutral", "sadness"), ("happiness",)),
    ),
    Claim(
        "f0-female-fear-spread",
        "3.3.2",
        "The situation is similar for the female recordings for the fear emotional state",
        "the female range of fear is above those of boredom, neutral and sadness",
        (Row(4, "female", "range"),),
        below(("boredom", "neutral", "sadness"), ("fear",)),
    ),
    Claim(
        "f0-anger-best-is-worst",
        "3.3.2",
        "The most significant differences occurred for the emotional state anger ... for recordings with the lowest "
        "RMSE values, the differences are much greater than in the other emotional states",
        "the lowest value of anger is the highest of all emotions' for both genders",
        _both(4, "min"),
        highest_in("anger"),
    ),
    Claim(
        "f0-anger-best-range",
        "3.3.2",
        "the differences ... range from 158Hz to 439Hz",
        "the lowest value of anger lies between 157.5 and 439.5 Hz for both genders",
        _both(4, "min"),
        between("anger", 157.5, 439.5),
        unit="hz",
    ),
    Claim(
        "f0-anger-varied",
        "3.3.2",
        "the distribution of the coefficients RMSE values for all recordings of anger is more varied",
        "the range of anger is the widest for both genders",
        _both(4, "range"),
        highest_in("anger"),
    ),
    Claim(
        "f0-anger-700",
        "3.3.2",
        "anger ... is high as 700Hz",
        "the highest value of anger is at least 700 Hz for both genders",
        _both(4, "max"),
        between("anger", 700.0, np.inf),
        unit="hz",
    ),
    Claim(
        "f0-poor-source-for-anger",
        "3.3.2",
        "the fundamental frequency is a fairly poor source of information for anger emotional state",
        "the mean of anger is the highest for both genders",
        _both(4, "mean"),
        highest_in("anger"),
    ),
    Claim(
        "energy-around-90",
        "3.3.3",
        "the average values that are around 90% for all emotional states and genders",
        "all means lie between 85 and 95 per cent",
        _both(5, "mean"),
        all_between(85.0, 95.0),
    ),
    Claim(
        "energy-female-lowest-sadness",
        "3.3.3",
        "the lowest mean in the case of females was obtained by sadness",
        "the lowest female mean is in sadness",
        (Row(5, "female", "mean"),),
        lowest_in("sadness"),
    ),
    Claim(
        "energy-male-lowest-boredom",
        "3.3.3",
        "in the case of males, it was boredom",
        "the lowest male mean is in boredom",
        (Row(5, "male", "mean"),),
        lowest_in("boredom"),
    ),
    Claim(
        "energy-female-highest-anger",
        "3.3.3",
        "the highest mean of Ê was for anger state for females",
        "the highest female mean is in anger",
        (Row(5, "female", "mean"),),
        highest_in("anger"),
    ),
    Claim(
        "energy-male-highest-happiness",
        "3.3.3",
        "and happiness for males",
        "the highest male mean is in happiness",
        (Row(5, "male", "mean"),),
        highest_in("happiness"),
    ),
    Claim(
        "energy-female-steady-neutral",
        "3.3.3",
        "for females, the lowest difference between the minimum and maximum value was equal to 5.9% for emotion "
        "neutral",
        "the narrowest female range is in neutral, emotions with fewer than three recordings left out",
        (Row(5, "female", "range"),),
        lowest_in("neutral"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-male-steady-happiness",
        "3.3.3",
        "For males, it was happiness state with a value of 5.4%",
        "the narrowest male range is in happiness, emotions with fewer than three recordings left out",
        (Row(5, "male", "range"),),
        lowest_in("happiness"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-boredom-varies",
        "3.3.3",
        "the highest differences were found for boredom state for both females and males",
        "the range of boredom is the widest for both genders",
        _both(5, "range"),
        highest_in("boredom"),
        minimum_recordings=3,
    ),
    Claim(
        "energy-mostly-inside",
        "4",
        "the neural network mainly uses the areas ... which contains clusters of time-frequency units with the highest "
        "energy",
        "more than half of the energy lies inside the mask in every recording (which says little without the mask's "
        "area)",
        _both(5, "min"),
        all_between(50.0, 100.0),
    ),
)
