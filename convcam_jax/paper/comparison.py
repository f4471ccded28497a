"""Ours beside the paper's, recording by recording: the 58 printed values of each metric and what the members give.

The paper printed `q_mse` and `f0_segment_rmse_hz`, so these two are compared whatever metrics a run's tables show.
"""

from collections.abc import Iterable

import pandas as pd

from convcam_jax.measures.statistics import MEMBER, chosen_rows, limited, mean_interval, spearman, within

# Column of the metrics table -> column of the published recordings.
PRINTED_COLUMNS = {"q_mse": "printed_q_rmse", "f0_segment_rmse_hz": "printed_f0_rmse_hz"}
_KEYS = ["recording", "metric"]


def recordings_beside_published(metrics: pd.DataFrame, members: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """One row per published recording and metric.

    published: `Published.recordings`. Returns recording, group, emotion, metric, published, chosen (value of the chosen
    member), chosen_correct, and over the seeds, once for those that classify the recording correctly (prefix
    `correct_`) and once for all (prefix `all_`): `_seeds` (their number), `_mean`, `_low`, `_high` (95 % t interval of
    the mean), `_lowest`, `_highest` (the extreme seeds), `_interval_holds_published` (low <= published <= high: it
    would do as the mean over many seeds) and `_range_holds_published` (lowest <= published <= highest: there are seeds
    on either side). The published value is a single model's, so the range is what it should lie in; the interval
    narrows with more seeds. Recordings that are not in our test set have 0 seeds and NaN.
    """
    theirs = published.rename(columns={printed: metric for metric, printed in PRINTED_COLUMNS.items()})
    theirs = theirs.melt(["recording", "group", "emotion"], list(PRINTED_COLUMNS), "metric", "published")
    ours = metrics.melt(["recording", *MEMBER, "correct"], list(PRINTED_COLUMNS), "metric", "value")
    chosen = chosen_rows(ours, members).rename(columns={"value": "chosen", "correct": "chosen_correct"})
    beside = theirs.merge(chosen[[*_KEYS, "chosen", "chosen_correct"]], on=_KEYS, how="left")
    beside["chosen_correct"] = beside["chosen_correct"].astype("boolean")
    correct = ours["correct"].astype(bool)
    for prefix, values in (("correct", ours[correct]), ("all", ours)):
        beside = _with_seeds(beside, values, prefix)
    return beside.sort_values(["metric", "group", "emotion", "recording"], ignore_index=True)


def correlations_with_published(beside: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation over recordings between published and our values, per metric and group.

    beside: from `recordings_beside_published`. Returns metric, group, ours ("chosen" or "all_mean", the mean over all
    seeds), n (recordings with both values), spearman_rho, p_value (two-sided, against no correlation); NaN below three
    recordings or where one side is constant. The p-value, exact up to eight recordings, takes them for independent of
    one another, those of a speaker or text, too, so it may be too small.
    """
    rows = []
    for (metric, group), recordings in beside.groupby(["metric", "group"]):
        for column in ("chosen", "all_mean"):
            pairs = recordings[["published", column]].dropna()
            rows.append([metric, group, column, len(pairs), *spearman(pairs["published"], pairs[column])])
    return pd.DataFrame(rows, columns=["metric", "group", "ours", "n", "spearman_rho", "p_value"])


def _with_seeds(beside: pd.DataFrame, ours: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """`beside` with the columns over the seeds in `ours` (recording, metric, value)."""
    measured = ["mean", "low", "high", "seeds", "lowest", "highest"]
    by_key = ours.groupby(_KEYS)["value"]
    # No error is below 0.
    rows = [[*key, *limited(mean_interval(own)), own.min(), own.max()] for key, own in by_key]
    summary = pd.DataFrame(rows, columns=[*_KEYS, *(f"{prefix}_{name}" for name in measured)])
    result = beside.merge(summary, on=_KEYS, how="left")
    result[f"{prefix}_seeds"] = result[f"{prefix}_seeds"].fillna(0).astype(int)
    result[f"{prefix}_interval_holds_published"] = _holds(result, f"{prefix}_low", f"{prefix}_high")
    result[f"{prefix}_range_holds_published"] = _holds(result, f"{prefix}_lowest", f"{prefix}_highest")
    return result


def _holds(beside: pd.DataFrame, low: str, high: str) -> pd.arrays.BooleanArray:
    limits: Iterable[tuple[float, float, float]] = zip(beside["published"], beside[low], beside[high], strict=True)
    return pd.array([within(*limit) for limit in limits], dtype="boolean")
