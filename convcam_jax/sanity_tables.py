"""What the table of `sanity.csv` says: means over seeds, a typical recording, and verdicts in words."""

import numpy as np
import pandas as pd

from convcam_jax.config import AnalysisConfig
from convcam_jax.metrics import METRICS
from convcam_jax.published import STATISTICS_TABLES
from convcam_jax.randomisation import LAYERS, MapComparison
from convcam_jax.statistics import Interval, genders_of, mean_interval
from convcam_jax.tables import table_metric

TRAINED, ANOTHER_SEED, SHUFFLED_LABELS = "trained", "another_seed", "shuffled_labels"
CONDITIONS = (TRAINED, *LAYERS, SHUFFLED_LABELS, ANOTHER_SEED)
LIKENESS = MapComparison._fields
# The layer as it is called in a sentence.
_SPOKEN = {
    "output": "the output layer is randomised",
    "dense": "the dense layers are randomised",
    "convolution_3": "all layers down to the third convolution are randomised",
    "convolution_2": "all layers down to the second convolution are randomised",
    "convolution_1": "all layers are randomised",
    SHUFFLED_LABELS: "training on shuffled labels",
}


def seed_means(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean of a measure over the recordings that have a value: one row per gender and seed, a column per condition."""
    means = table.groupby(["gender", "seed", "condition"])[measure].mean().unstack()
    return means.reindex(columns=[name for name in CONDITIONS if name in means])


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Likeness, the metrics of Tables 3 to 5 and map_is_zero per gender and condition, over the seeds.

    Returns gender, condition, depth, measure, mean (of the seeds' means over recordings), low, high (95 % t interval of
    that mean over the seeds), seeds, n_maps (with a value). The measure map_is_zero is the share of zero maps.
    """
    depths = table.groupby("condition")["depth"].first()
    rows = []
    for measure in (*LIKENESS, *METRICS, "map_is_zero"):
        counts = table.groupby(["gender", "condition"])[measure].count()
        means = seed_means(table, measure)
        for gender in genders_of(table):
            for condition in means.columns:
                interval = mean_interval(means.loc[gender, condition])
                rows.append([gender, condition, depths[condition], measure, *interval, counts[gender, condition]])
    columns = ["gender", "condition", "depth", "measure", "mean", "low", "high", "seeds", "n_maps"]
    return pd.DataFrame(rows, columns=columns).astype({"depth": "Int64"})


def example_recording(table: pd.DataFrame) -> str:
    """A typical recording of one member: of those classified correctly (or all, if none is), the one in the middle.

    They are sorted by their mean rank correlation over the randomised networks; without any value, the first is taken.
    """
    own = table[table["correct"].astype(bool)] if table["correct"].any() else table
    means = own[own["condition"].isin(list(LAYERS))].groupby("recording")["rank_correlation"].mean().dropna()
    if means.empty:
        return str(own["recording"].iloc[0])
    return str(means.sort_values(kind="stable").index[(len(means) - 1) // 2])


def verdicts(table: pd.DataFrame, analysis: AnalysisConfig) -> pd.DataFrame:
    """Sentences computed from the table (gender, condition, measure, value, low, high, reference, verdict, sentence).

    Rank correlation: `reference` is the mean one between two trained seeds, and the verdict compares the interval of
    `value` with it. Metrics of Tables 3 to 5: `value` is the mean difference to the trained maps, paired by seed, and
    `reference` the trained mean; "differs" says that the interval leaves out 0. Without an interval, with fewer than
    two seeds, the verdict is "undecided".
    """
    rows = []
    for gender in genders_of(table):
        rows += _likeness_verdicts(table, gender)
        for number in STATISTICS_TABLES:
            rows += _metric_verdicts(table, gender, table_metric(number, analysis), number)
    columns = ["gender", "condition", "measure", "value", "low", "high", "reference", "verdict", "sentence"]
    return pd.DataFrame(rows, columns=columns)


def _likeness_verdicts(table: pd.DataFrame, gender: str) -> list[list]:
    means = seed_means(table, "rank_correlation").loc[gender]
    reference = mean_interval(means[ANOTHER_SEED]).mean if ANOTHER_SEED in means else np.nan
    rows = []
    for condition in (*LAYERS, SHUFFLED_LABELS):
        if condition not in means:
            continue
        interval = mean_interval(means[condition])
        verdict, conclusion = _judge_likeness(interval, reference)
        sentence = (
            f"After {_SPOKEN[condition]} the maps of {gender} recordings have a rank correlation of "
            f"{_with_interval(interval)} with the trained ones, two trained networks {reference:.2f}: {conclusion}."
        )
        rows.append([gender, condition, "rank_correlation", *interval[:3], reference, verdict, sentence])
    return rows


def _judge_likeness(interval: Interval, reference: float) -> tuple[str, str]:
    if not np.isfinite([interval.low, interval.high, reference]).all():
        return "undecided", "too few networks to decide"
    if interval.high < reference:
        return "less", "less alike than networks that learned the same, so the maps depend on what was changed"
    if interval.low > reference:
        return "more", "more alike than networks that learned the same, so the maps hardly depend on what was changed"
    return "alike", "not to be told from networks that learned the same"


def _metric_verdicts(table: pd.DataFrame, gender: str, measure: str, number: int) -> list[list]:
    means = seed_means(table, measure).loc[gender]
    trained = mean_interval(means[TRAINED]).mean
    rows = []
    for condition in ("convolution_1", SHUFFLED_LABELS):
        if condition not in means:
            continue
        difference = mean_interval(means[condition] - means[TRAINED])
        verdict, conclusion = _judge_difference(difference)
        network = "a network without trained weights" if condition in LAYERS else "a network trained on shuffled labels"
        sentence = (
            f"Table {number}'s {measure} ({gender}) is {trained:.3g} for the trained maps and differs for {network} by "
            f"{_with_interval(difference)}: {conclusion}."
        )
        rows.append([gender, condition, measure, *difference[:3], trained, verdict, sentence])
    return rows


def _judge_difference(difference: Interval) -> tuple[str, str]:
    if not np.isfinite([difference.low, difference.high]).all():
        return "undecided", "too few networks to decide"
    if difference.low <= 0 <= difference.high:
        return "same", "the number does not tell the two apart"
    return "differs", "the number tells the two apart"


def _with_interval(interval: Interval) -> str:
    if not np.isfinite(interval.low):
        return f"{interval.mean:.3g}"
    return f"{interval.mean:.3g} ({interval.low:.3g} to {interval.high:.3g} over {interval.n} seeds)"
