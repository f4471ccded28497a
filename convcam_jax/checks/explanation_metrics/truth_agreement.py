"""Which metric of explanations ranks methods as planted truth does: tables in, tables out.

In every network that has learned its cue, methods (with their placements) are ranked by the mean of a metric over the
recordings that the network classifies correctly, and by the mean average precision of their maps as detectors of the
cue's cells. Spearman's correlation of both is averaged over the networks of a cue, then over the cues; its interval is
Student's, over the cues: networks of one cue are no evidence of what another cue would give.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from convcam_jax.checks.evidence.scoring import KEYS, NETWORK, NOT_PLACED, RECORDING, WAY, HeldOut
from convcam_jax.checks.explanation_metrics.judged_maps import OF_A_MAP, OF_A_RECORDING
from convcam_jax.checks.explanation_metrics.metric_list import EXPLANATION_METRICS
from convcam_jax.corpora.synthetic.variants import SHUFFLED_LABELS, of_cue
from convcam_jax.data.members import Cohort
from convcam_jax.measures.statistics import mean_interval, spearman_rho
from convcam_jax.system.digits import with_first_digit
from convcam_jax.system.progress import counted

# What sums over moved cells differ by.
_ROUNDING = 1e-4
_TRUTH = "average_precision"


def metric_rows(
    variant: str,
    cohort: Cohort,
    seed: int,
    correct: Bool[np.ndarray, " N"],
    test: HeldOut,
    names: Sequence[tuple[str, str, str]],
    values: Mapping[str, Float[np.ndarray, "N M"]],
) -> pd.DataFrame:
    """One network's part of `evidence_metrics.csv`; `names` are method, placement and source of every map."""
    keys = [
        (variant, *cohort, seed, recording, name, bool(right), *map_name)
        for recording, name, right in zip(test.recordings, test.classes, correct, strict=True)
        for map_name in names
    ]
    columns = {name: values[name].ravel() for name in EXPLANATION_METRICS}
    return pd.DataFrame(keys, columns=KEYS).assign(**columns)


def agreement_table(metrics: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """One row per metric: how it ranks the methods, and how that agrees with planted truth.

    Args:
      metrics: `evidence_metrics.csv`.
      networks: `psychometric.networks_table` of the same run.

    Returns:
      metric, better, spearman (mean over cues, -1 to 1), low, high (95 %), n_methods, n_networks, n_cues, over_CONTROL
      (share of methods and networks in which the metric prefers the method's map to that control), ranking (the methods
      by their mean rank, the best first) and a sentence. Missing where nothing can be ranked.
    """
    rows = []
    for name, judged, with_truth in _by_metric(metrics, networks):
        found = _rank_correlation(with_truth)
        over = {f"over_{control}": _preferred(judged, control) for control in (*OF_A_MAP, *OF_A_RECORDING)}
        better = EXPLANATION_METRICS[name].better
        rows.append({"metric": name, "better": better, **found, **over, "ranking": _ranking(with_truth)})
    table = pd.DataFrame(rows)
    return table.assign(sentence=[_sentence(row) for _, row in table.iterrows()])


def agreement_by_cue(metrics: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """One row per metric and cue: the mean correlation over the cue's networks and the ranking, see `agreement_table`.

    Returns metric, cue, spearman, on how many networks it rests, and ranking; what cannot be ranked has no row.
    """
    rows = []
    for name, _, with_truth in _by_metric(metrics, networks):
        for cue, of_cue_alone in with_truth.groupby(with_truth["variant"].map(of_cue)):
            correlations = _correlations(of_cue_alone)["correlation"]
            if len(correlations):
                rows.append((name, cue, correlations.mean(), len(correlations), _ranking(of_cue_alone)))
    return pd.DataFrame(rows, columns=["metric", "cue", "spearman", "n_networks", "ranking"])


def _by_metric(metrics: pd.DataFrame, networks: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Of each metric its name, its values in single recordings, and the means of methods beside the truth.

    Values (column `value`, higher is better) are those of all maps in networks that have learned their cue, of
    correctly classified recordings; what is not finite is left out. The truth is the column `average_precision`.
    """
    truth = networks[networks["learned"] & (networks["variant"] != SHUFFLED_LABELS)]
    correct = metrics[metrics["correct"]].replace([np.inf, -np.inf], np.nan)
    learned = correct.merge(truth[NETWORK].drop_duplicates(), on=NETWORK)
    for name, metric in EXPLANATION_METRICS.items():
        sign = 1 if metric.better == "higher" else -1
        judged = learned.assign(value=sign * learned[name])[[*RECORDING, *WAY, "source", "value"]].dropna()
        means = judged[judged["source"] == "network"].groupby([*NETWORK, *WAY])["value"].mean().reset_index()
        yield name, judged, means.merge(truth, on=[*NETWORK, *WAY]).dropna(subset=[_TRUTH])


def _rank_correlation(with_truth: pd.DataFrame) -> dict[str, float]:
    """Spearman's correlation over methods: mean over cues, interval, and how many methods, networks and cues."""
    correlations = _correlations(with_truth)
    interval = mean_interval(correlations.groupby("cue")["correlation"].mean())
    low, high = np.clip(interval[1:3], -1, 1).tolist()
    return {
        **{"spearman": interval.mean, "low": low, "high": high},
        "n_methods": len(with_truth[WAY].drop_duplicates()),
        "n_networks": len(correlations),
        "n_cues": interval.n,
    }


def _correlations(with_truth: pd.DataFrame) -> pd.DataFrame:
    """The cue and Spearman's correlation of every network in which methods can be ranked."""
    table = pd.DataFrame(
        [
            (of_cue(network[0]), spearman_rho(part["value"], part[_TRUTH]))
            for network, part in with_truth.groupby(NETWORK)
        ],
        columns=["cue", "correlation"],
    )
    return table.astype({"correlation": float}).dropna()


def _preferred(judged: pd.DataFrame, control: str) -> float:
    """In which share of methods and networks the metric is better for the method's map than for the control.

    The means compared are over the recordings in which both have a value. Equal ones, but for rounding, count as half.
    """
    shared = RECORDING if control in OF_A_RECORDING else [*RECORDING, *WAY]
    of_control = judged.loc[judged["source"] == control, [*shared, "value"]]
    pairs = judged[judged["source"] == "network"].merge(of_control, on=shared, suffixes=("", "_control"))
    means = pairs.groupby([*NETWORK, *WAY])[["value", "value_control"]].mean()
    equal = np.isclose(means["value"], means["value_control"], rtol=_ROUNDING, atol=0)
    better = np.where(equal, 0.5, means["value"] > means["value_control"])
    return float(better.mean()) if len(means) else np.nan


def _ranking(with_truth: pd.DataFrame) -> str:
    """The methods by their mean rank over networks, the best first."""
    ranks = with_truth.assign(rank=with_truth.groupby(NETWORK)["value"].rank(ascending=False))
    means = ranks.groupby(WAY, sort=False)["rank"].mean().sort_values(kind="stable")
    return "; ".join(
        method if placement == NOT_PLACED else f"{method}, {placement}" for method, placement in means.index
    )


def _sentence(row: pd.Series) -> str:
    words = EXPLANATION_METRICS[row["metric"]].words
    where = (
        f"over {row['n_methods']} methods and placements in {counted(row['n_networks'], 'network')} that learned one "
        f"of {counted(row['n_cues'], 'cue')}"
    )
    if np.isnan(row["spearman"]):
        return f"{words} cannot be held against planted truth: there is nothing to rank {where}"
    if row["low"] > 0:
        verdict = "ranks the methods as planted truth does"
    elif row["high"] < 0:
        verdict = "ranks the methods against planted truth"
    else:
        verdict = "was not shown to rank the methods as planted truth does"
    mean, low, high = (with_first_digit(row[name], 2) for name in ("spearman", "low", "high"))
    limits = "" if np.isnan(row["low"]) else f" ({low} to {high})"
    return f"{words} {verdict}: rank correlation {mean}{limits} {where}"
