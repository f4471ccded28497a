"""What the table of `sanity.csv` says: means over seeds, a typical recording, and verdicts in words."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from convcam_jax.checks.sanity.randomisation import MapComparison
from convcam_jax.measures.config import AnalysisConfig, table_metric
from convcam_jax.measures.metric_table import METRICS, STATISTICS_TABLES, Metric
from convcam_jax.measures.statistics import (
    Interval,
    correlation_interval,
    fisher_z,
    from_fisher_z,
    groups_of,
    limited,
    mean_interval,
    mean_over_pairs,
)
from convcam_jax.system.progress import counted

TRAINED, ANOTHER_SEED, SHUFFLED_LABELS = "trained", "another_seed", "shuffled_labels"
LIKENESS = MapComparison._fields
SANITY_VERDICT_COLUMNS = (
    *("group", "condition", "measure", "value", "low", "high", "reference"),
    *("difference", "difference_low", "difference_high", "verdict", "sentence"),
)


def randomised_layers(table: pd.DataFrame) -> list[str]:
    """The layers that were randomised, from the top: each is the condition of the networks without it and all above."""
    depths = table.groupby("condition")["depth"].first()
    return list(depths[depths > 0].sort_values().index)


def conditions_of(table: pd.DataFrame) -> list[str]:
    """The conditions that the table has: the trained networks, layer by layer from the top, then those trained anew."""
    known = (TRAINED, *randomised_layers(table), SHUFFLED_LABELS, ANOTHER_SEED)
    return [name for name in known if (table["condition"] == name).any()]


def seed_means(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean of a measure over the recordings that have a value: one row per group and seed, a column per condition.

    The metrics of networks that were trained on shuffled labels are by these networks' own seeds.
    """
    table = _by_network(table, measure)
    means = table.groupby(["group", "seed", "condition"])[measure].mean().unstack()
    return means.reindex(columns=conditions_of(table))


def _by_network(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The table with the seeds of the networks that a measure is of.

    One that was trained on shuffled labels stands beside every member. Its maps are the same each time, and their
    metrics no sample of as many networks. Those of masks, which are summed over the recordings that the member
    classifies correctly, differ by member; their mean is the network's.
    """
    if measure in LIKENESS:
        return table
    is_shuffled = table["condition"] == SHUFFLED_LABELS
    return table.assign(seed=table["seed"].astype("Int64").mask(is_shuffled, table["other_seed"].astype("Int64")))


def interval_over_seeds(table: pd.DataFrame, means: pd.DataFrame, group: str, condition: str, measure: str) -> Interval:
    """Mean of the `seed_means` of a measure in a group's condition, with 95 % limits.

    They are those of a t interval; of likeness, which lies in -1..1, on Fisher's z, and that of another seed over pairs
    of networks (`mean_over_pairs`).
    """
    by_seed = means.loc[group, condition]
    if measure not in LIKENESS:
        return _of_metric(by_seed, measure)
    if condition == ANOTHER_SEED:
        return from_fisher_z(_over_pairs(table, group, fisher_z(by_seed)))
    return correlation_interval(by_seed)


def _over_pairs(table: pd.DataFrame, group: str, values: pd.Series) -> Interval:
    """Mean over seeds of values that are of pairs: a seed and the one it is compared with in `another_seed`."""
    rows = table[(table["group"] == group) & (table["condition"] == ANOTHER_SEED)]
    others = dict(zip(rows["seed"], rows["other_seed"], strict=True))
    # A seed without another one has no value.
    pairs = np.array([(seed, others.get(seed, seed)) for seed in values.index], int)
    return mean_over_pairs(values.to_numpy(), pairs)


def _of_metric(means: pd.Series, measure: str) -> Interval:
    is_share = measure == "map_is_zero" or METRICS[measure].is_share
    return limited(mean_interval(means), 1 if is_share else np.inf)


def sanity_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Likeness, the metrics of Tables 3 to 5 and map_is_zero per group and condition, over the seeds.

    Returns group, condition, depth, measure, mean (of the seeds' means over recordings), low, high (as in
    `interval_over_seeds`), seeds (those of `seed_means`), n_maps (with a value). The measure map_is_zero is the share
    of zero maps.
    """
    depths = table.groupby("condition")["depth"].first()
    rows = []
    for measure in (*LIKENESS, *METRICS, "map_is_zero"):
        of_networks = _by_network(table, measure).dropna(subset=measure)
        maps = of_networks.drop_duplicates(["group", "condition", "seed", "recording"])
        counts = maps.groupby(["group", "condition"]).size()
        means = seed_means(table, measure)
        for group in groups_of(table):
            for condition in means.columns:
                interval = interval_over_seeds(table, means, group, condition, measure)
                rows.append(
                    [group, condition, depths[condition], measure, *interval, counts.get((group, condition), 0)]
                )
    columns = ["group", "condition", "depth", "measure", "mean", "low", "high", "seeds", "n_maps"]
    return pd.DataFrame(rows, columns=columns).astype({"depth": "Int64"})


def example_recording(table: pd.DataFrame) -> str:
    """A typical recording of one member: of those classified correctly (or all, if none is), the one in the middle.

    They are sorted by their mean rank correlation over the randomised networks; without any value, the first is taken.
    """
    counted = table[table["correct"].astype(bool)] if table["correct"].any() else table
    means = (
        counted[counted["condition"].isin(randomised_layers(table))]
        .groupby("recording")["rank_correlation"]
        .mean()
        .dropna()
    )
    if means.empty:
        return str(counted["recording"].iloc[0])
    return str(means.sort_values(kind="stable").index[(len(means) - 1) // 2])


def sanity_verdicts(table: pd.DataFrame, analysis: AnalysisConfig) -> pd.DataFrame:
    """Sentences computed from the table, one row per group, condition and measure (`SANITY_VERDICT_COLUMNS`).

    `value` is the condition's mean with its interval, `reference` what it is held against: for the rank correlation
    that between two trained seeds, for the metrics of Tables 3 to 5, which are of correctly classified recordings, that
    of the trained maps. Both are means over those recordings of a seed of which there is either. `difference` is the
    mean of value minus reference over the seeds, paired by seed, with a 95 % t interval; that of correlations is in
    Fisher's z, with limits over pairs of networks (`mean_over_pairs`). The metrics of networks on shuffled labels are
    means over these networks, of which one decides nothing. Where the interval leaves out 0 the verdict is `less` or
    `more` for the rank correlation, `differs` for the metrics; else it is `undecided`, for no evidence of a difference
    is none of sameness.
    """
    rows = []
    for group in groups_of(table):
        rows += _likeness_verdicts(table, group)
        for number in STATISTICS_TABLES:
            rows += _metric_verdicts(table, group, table_metric(number, analysis), number)
    return pd.DataFrame(rows, columns=list(SANITY_VERDICT_COLUMNS))


def _likeness_verdicts(table: pd.DataFrame, group: str) -> list[list]:
    rows = []
    for condition, change in _changes(table).items():
        likeness, others = _paired_means(table, group, "rank_correlation", (condition, ANOTHER_SEED))
        value, reference = correlation_interval(likeness), from_fisher_z(_over_pairs(table, group, fisher_z(others)))
        difference = _over_pairs(table, group, fisher_z(likeness) - fisher_z(others))
        verdict, conclusion = _judge_likeness(difference)
        of_pairs = _with_interval(reference, "pair")
        sentence = (
            f"After {change} the maps of {group} recordings have a rank correlation of "
            f"{_with_interval(value)} with the trained ones, those of another seed {of_pairs}; "
            f"difference of Fisher's z, paired by seed, {_with_interval(difference, 'pair')}: {conclusion}."
        )
        rows.append(
            [group, condition, "rank_correlation", *value[:3], reference.mean, *difference[:3], verdict, sentence]
        )
    return rows


def _paired_means(table: pd.DataFrame, group: str, measure: str, pair: tuple[str, str]) -> tuple[pd.Series, pd.Series]:
    """A seed's means of a measure in two conditions, over those of a group's recordings that have a value in both.

    Where nothing has a value in one condition, its means are missing, and the other's are over all that have one.
    """
    of_group = table[table["group"] == group]
    values = of_group.pivot_table(measure, ["seed", "recording"], "condition").reindex(columns=list(pair))
    known = values.columns[values.notna().any()]
    means = values.dropna(subset=known).groupby("seed").mean().reindex(sorted(of_group["seed"].unique()))
    return means[pair[0]], means[pair[1]]


def _shuffled_means(table: pd.DataFrame, group: str, measure: str) -> tuple[pd.Series, pd.Series]:
    """Each shuffled network's mean of a measure, and that of the trained ones, over the recordings that have both.

    Of every member beside it the mean over recordings is taken, then that of the members.
    """
    of_group = table[table["group"] == group]
    trained = of_group.loc[of_group["condition"] == TRAINED, ["seed", "recording", measure]].rename(
        columns={measure: TRAINED}
    )
    both = (
        of_group[of_group["condition"] == SHUFFLED_LABELS]
        .merge(trained, on=["seed", "recording"])
        .dropna(subset=[measure, TRAINED])
    )
    means = both.groupby(["other_seed", "seed"])[[measure, TRAINED]].mean().groupby("other_seed").mean()
    return means[measure], means[TRAINED]


def _changes(table: pd.DataFrame) -> dict[str, str]:
    """What was done to the networks of each condition, as it is said in a sentence."""
    layers = randomised_layers(table)
    changes = {layer: f"all layers down to {layer.replace('_', ' ')} are randomised" for layer in layers[:-1]}
    changes |= dict.fromkeys(layers[-1:], "all layers are randomised")
    if (table["condition"] == SHUFFLED_LABELS).any():
        changes[SHUFFLED_LABELS] = f"training on shuffled labels ({_shuffled_networks(table)} for all seeds)"
    return changes


def _shuffled_networks(table: pd.DataFrame) -> str:
    """With how many networks the members are compared: an interval over the members' seeds is not one over these."""
    return counted(table.loc[table["condition"] == SHUFFLED_LABELS, "other_seed"].nunique(), "network")


def _judge_likeness(difference: Interval) -> tuple[str, str]:
    if difference.high < 0:
        return "less", "less alike than networks that learned the same, so the maps depend on what was changed"
    if difference.low > 0:
        return "more", "more alike than networks that learned the same: the change matters less than another seed does"
    # Without any one seed there has to be a pair left; of two there is one, see `comparison.another_seed`.
    return "undecided", _undecided(difference, "pair", "three pairs of seeds, and so three seeds or more,")


def _metric_verdicts(table: pd.DataFrame, group: str, metric: Metric, number: int) -> list[list]:
    correct = table[table["correct"].astype(bool)]
    networks = dict.fromkeys(randomised_layers(table)[-1:], "a network without trained weights")
    networks[SHUFFLED_LABELS] = f"{_shuffled_networks(table)} trained on shuffled labels"
    rows = []
    for condition, network in networks.items():
        if not (table["condition"] == condition).any():
            continue
        if condition == SHUFFLED_LABELS:
            noun, (of_condition, of_trained) = "network", _shuffled_means(correct, group, metric.name)
        else:
            noun, (of_condition, of_trained) = "seed", _paired_means(correct, group, metric.name, (condition, TRAINED))
        value, trained = _of_metric(of_condition, metric.name), mean_interval(of_trained).mean
        difference = mean_interval(of_condition - of_trained)
        differs = difference.low > 0 or difference.high < 0
        conclusion = (
            "the number tells the two apart" if differs else _undecided(difference, noun, f"two {noun}s or more")
        )
        sentence = (
            f"The metric of Table {number}, {metric.name} ({group}), is {_or_unknown(trained, metric.as_text)} for the "
            f"maps of the trained networks and differs for {network} by "
            f"{_with_interval(difference, noun, metric)}, paired by seed: {conclusion}."
        )
        verdict = "differs" if differs else "undecided"
        rows.append([group, condition, metric.name, *value[:3], trained, *difference[:3], verdict, sentence])
    return rows


def _undecided(difference: Interval, noun: str, needed: str) -> str:
    if np.isnan(difference.low):
        return f"undecided, as {needed} are needed"
    return f"undecided, as {counted(difference.n, noun)} show neither a difference nor that there is none"


def _with_interval(interval: Interval, noun: str = "seed", difference_of: Metric | None = None) -> str:
    """Of correlations, or of a difference of two values of a metric, in its unit."""
    limit = "{:z.3g}".format if difference_of is None else difference_of.without_unit
    mean = "{:z.3g}".format if difference_of is None else difference_of.difference_as_text
    if np.isnan(interval.low):
        return _or_unknown(interval.mean, mean)
    return f"{mean(interval.mean)} ({limit(interval.low)} to {limit(interval.high)} over {counted(interval.n, noun)})"


def _or_unknown(value: float, as_text: Callable[[float], str]) -> str:
    return as_text(value) if np.isfinite(value) else "unknown"
