"""What the table of `sanity.csv` says: means over seeds, a typical recording, and verdicts in words."""

import numpy as np
import pandas as pd

from convcam_jax.checks.sanity.randomisation import LAYERS, MapComparison
from convcam_jax.measures.metrics import METRICS
from convcam_jax.measures.statistics import Interval, correlation_interval, fisher_z, genders_of, mean_interval
from convcam_jax.paper.published import STATISTICS_TABLES
from convcam_jax.paper.tables import table_metric
from convcam_jax.settings.config import AnalysisConfig

TRAINED, ANOTHER_SEED, SHUFFLED_LABELS = "trained", "another_seed", "shuffled_labels"
CONDITIONS = (TRAINED, *LAYERS, SHUFFLED_LABELS, ANOTHER_SEED)
LIKENESS = MapComparison._fields
VERDICT_COLUMNS = (
    *("gender", "condition", "measure", "value", "low", "high", "reference"),
    *("difference", "difference_low", "difference_high", "verdict", "sentence"),
)
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


def interval_over_seeds(means: pd.Series, measure: str) -> Interval:
    """Mean and 95 % t interval of the seeds' means of a measure; of likeness, which lies in -1..1, on Fisher's z."""
    return correlation_interval(means) if measure in LIKENESS else mean_interval(means)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Likeness, the metrics of Tables 3 to 5 and map_is_zero per gender and condition, over the seeds.

    Returns gender, condition, depth, measure, mean (of the seeds' means over recordings), low, high (as in
    `interval_over_seeds`), seeds, n_maps (with a value). The measure map_is_zero is the share of zero maps.
    """
    depths = table.groupby("condition")["depth"].first()
    rows = []
    for measure in (*LIKENESS, *METRICS, "map_is_zero"):
        counts = table.groupby(["gender", "condition"])[measure].count()
        means = seed_means(table, measure)
        for gender in genders_of(table):
            for condition in means.columns:
                interval = interval_over_seeds(means.loc[gender, condition], measure)
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
    """Sentences computed from the table, one row per gender, condition and measure (`VERDICT_COLUMNS`).

    `value` is the condition's mean with its interval, `reference` what it is held against: for the rank correlation
    that between two trained seeds, for the metrics of Tables 3 to 5 that of the trained maps. `difference` is the mean
    of value minus reference over the seeds, paired by seed, with a 95 % t interval; that of correlations is in Fisher's
    z. Where the interval leaves out 0 the verdict is `less` or `more` for the rank correlation, `differs` for the
    metrics; else it is `undecided`, for no evidence of a difference is none of sameness.
    """
    rows = []
    for gender in genders_of(table):
        rows += _likeness_verdicts(table, gender)
        for number in STATISTICS_TABLES:
            rows += _metric_verdicts(table, gender, table_metric(number, analysis), number)
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))


def _likeness_verdicts(table: pd.DataFrame, gender: str) -> list[list]:
    means = seed_means(table, "rank_correlation").loc[gender]
    others = means[ANOTHER_SEED] if ANOTHER_SEED in means else pd.Series(np.nan, means.index)
    reference = correlation_interval(others)
    rows = []
    for condition in (*LAYERS, SHUFFLED_LABELS):
        if condition not in means:
            continue
        value = correlation_interval(means[condition])
        difference = mean_interval(fisher_z(means[condition]) - fisher_z(others))
        verdict, conclusion = _judge_likeness(difference)
        sentence = (
            f"After {_SPOKEN[condition]} the maps of {gender} recordings have a rank correlation of "
            f"{_with_interval(value)} with the trained ones, those of another seed {_with_interval(reference)}; "
            f"difference of Fisher's z, paired by seed, {_with_interval(difference)}: {conclusion}."
        )
        rows.append(
            [gender, condition, "rank_correlation", *value[:3], reference.mean, *difference[:3], verdict, sentence]
        )
    return rows


def _judge_likeness(difference: Interval) -> tuple[str, str]:
    if difference.high < 0:
        return "less", "less alike than networks that learned the same, so the maps depend on what was changed"
    if difference.low > 0:
        return "more", "more alike than networks that learned the same, so the maps hardly depend on what was changed"
    return "undecided", _undecided(difference)


def _metric_verdicts(table: pd.DataFrame, gender: str, measure: str, number: int) -> list[list]:
    means = seed_means(table, measure).loc[gender]
    trained = mean_interval(means[TRAINED]).mean
    rows = []
    for condition in ("convolution_1", SHUFFLED_LABELS):
        if condition not in means:
            continue
        value, difference = mean_interval(means[condition]), mean_interval(means[condition] - means[TRAINED])
        differs = difference.low > 0 or difference.high < 0
        conclusion = "the number tells the two apart" if differs else _undecided(difference)
        network = "a network without trained weights" if condition in LAYERS else "a network trained on shuffled labels"
        sentence = (
            f"Table {number}'s {measure} ({gender}) is {trained:.3g} for the trained maps and differs for {network} by "
            f"{_with_interval(difference)}, paired by seed: {conclusion}."
        )
        verdict = "differs" if differs else "undecided"
        rows.append([gender, condition, measure, *value[:3], trained, *difference[:3], verdict, sentence])
    return rows


def _undecided(difference: Interval) -> str:
    if difference.n < 2:
        return "undecided, as two seeds or more are needed"
    return f"undecided, as {difference.n} seeds show neither a difference nor that there is none"


def _with_interval(interval: Interval) -> str:
    if interval.n == 0:
        return "unknown"
    if interval.n == 1:
        return f"{interval.mean:.3g}"
    return f"{interval.mean:.3g} ({interval.low:.3g} to {interval.high:.3g} over {interval.n} seeds)"
