"""The paper's tables from saved results, each beside the printed figures where there are any.

Frames in, frames out: the metrics, members, predictions and utterances tables of a run. An emotion without a correctly
classified recording gives NaN, shown as an en dash.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from convcam_jax.measures.config import AnalysisConfig, table_metric
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import (
    cell_statistics,
    chosen_rows,
    groups_of,
    limited,
    mean_interval,
    prediction_interval,
    within,
)
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS
from convcam_jax.system.digits import Digits, printed
from convcam_jax.system.namespaces import EMOTION

_STATISTICS_COLUMNS = [
    *("table", "metric", "group", "emotion", "statistic", "ours", "published", "ours_seeds_mean", "ours_seeds_low"),
    *("ours_seeds_high", "seeds", "published_within_prediction", "n_recordings"),
]
# Which are there only beside the paper's numbers.
_OF_PUBLISHED = ("published", "published_within_prediction")


def table_cells(table: int, metrics: pd.DataFrame, analysis: AnalysisConfig, emotions: Sequence[str]) -> pd.DataFrame:
    """Cells of Table 3, 4 or 5 (table, group, emotion, statistic, value, n_recordings) of one member per cohort.

    Table 5 is in per cent, the others in the unit of their metric.
    """
    metric = table_metric(table, analysis)
    cells = cell_statistics(metrics, metric.name, groups_of(metrics), emotions)
    cells["value"] *= metric.per_unit
    cells.insert(0, "table", table)
    return cells


def statistics_table(
    table: int,
    metrics: pd.DataFrame,
    members: pd.DataFrame,
    analysis: AnalysisConfig,
    emotions: Sequence[str],
    published: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Table 3, 4 or 5, one row per cell, over the correctly classified test recordings.

    published: `Published.statistics`. Returns table, metric, group, emotion, statistic, ours (chosen member, with the
    digits that `analysis.table_digits` says), published, ours_seeds_mean, ours_seeds_low, ours_seeds_high (95 % t
    interval of the mean of the seeds' cell values), seeds (those with a value in the cell),
    published_within_prediction (whether the printed value, which is of one model, lies where one more seed's would in
    95 %, by `prediction_interval`), n_recordings (of the chosen member). Without `published` its two columns are
    missing. `published_within_prediction` is empty where the metric is not the one that the authors printed, for then
    the two numbers do not measure the same thing.
    """
    metric = table_metric(table, analysis)
    tidy = table_cells(table, chosen_rows(metrics, members), analysis, emotions)
    tidy.insert(1, "metric", metric.name)
    tidy["ours"] = [_with_digits(value, metric.decimals, analysis.table_digits) for value in tidy["value"]]
    over_seeds = _over_seeds(table, metrics, analysis, emotions)
    tidy = tidy.merge(over_seeds, on=["group", "emotion", "statistic"], how="left")
    if published is None:
        return tidy[[name for name in _STATISTICS_COLUMNS if name not in _OF_PUBLISHED]]
    tidy = tidy.merge(published, on=["table", "group", "emotion", "statistic"], how="left")
    comparable = metric == table_metric(table, PUBLISHED_ANALYSIS)
    limits = zip(tidy["published"], tidy["prediction_low"], tidy["prediction_high"], strict=True)
    inside = [within(*limit) if comparable else None for limit in limits]
    tidy["published_within_prediction"] = pd.array(inside, dtype="boolean")
    return tidy[_STATISTICS_COLUMNS]


def as_printed(tidy: pd.DataFrame) -> pd.DataFrame:
    """A `statistics_table` in the paper's layout: group, statistic, then one column of text per emotion.

    Where it has printed figures, each row is followed by the paper's (column source: "this run", or "paper" with the
    metric where that is another one). The last row of a group has the numbers of recordings.
    """
    metric, printed_metric = tidy["metric"].iloc[0], table_metric(int(tidy["table"].iloc[0]), PUBLISHED_ANALYSIS).name
    paper = "paper" if metric == printed_metric else f"paper ({printed_metric})"
    sources = {"this run": "ours", paper: "published"} if "published" in tidy else {"this run": "ours"}
    emotions = list(dict.fromkeys(tidy["emotion"]))
    rows: list[list[str]] = []
    for group, of_group in tidy.groupby("group", sort=False):
        for statistic, row in of_group.groupby("statistic", sort=False):
            cells = row.set_index("emotion").loc[emotions]
            for source, column in sources.items():
                texts = [printed(value, METRICS[metric].decimals, "rounded") for value in cells[column]]
                rows.append([group, statistic, source, *texts])
        rows.append([group, "recordings", "this run", *cells["n_recordings"].astype(str)])
    if len(sources) == 1:
        rows = [[group, statistic, *texts] for group, statistic, _, *texts in rows]
    words = ["group", "statistic", "source"] if len(sources) > 1 else ["group", "statistic"]
    # Only to be read: an emotion may be called as one of the other columns.
    return pd.DataFrame(rows, columns=[*words, *emotions])


def table1(utterances: pd.DataFrame, emotions: Sequence[str]) -> pd.DataFrame:
    """Table 1: recordings per speaker and emotion.

    Returns speaker, a column `emotion/EMOTION` for each emotion, total; the last row is the total.
    """
    counts = pd.crosstab(utterances["speaker"], utterances["emotion"]).reindex(columns=list(emotions), fill_value=0)
    counts = counts.sort_index().add_prefix(EMOTION).rename_axis(columns=None)
    # A speaker may be called so, too.
    counts = pd.concat([counts, counts.sum().rename("total").to_frame().T])
    return counts.assign(total=counts.sum(axis=1)).rename_axis(index="speaker").reset_index()


def table1_beside_published(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Table 1 one row per cell (speaker, emotion, ours, published), totals included.

    ours: from `table1`; published: `Published.table1`, whose columns are called as its emotions.
    """
    tidy = ours.rename(columns=lambda name: name.removeprefix(EMOTION)).melt("speaker", None, "emotion", "ours")
    theirs = published.melt("speaker", var_name="emotion", value_name="published")
    return tidy.merge(theirs, on=["speaker", "emotion"], how="outer").astype({"ours": "Int64", "published": "Int64"})


def table2(network: str, height: int, width: int, published: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 2: rows and columns of the explained convolution (architecture, height, width, source)."""
    ours = pd.DataFrame([[network, height, width, "this run"]], columns=["architecture", "height", "width", "source"])
    if published is None:
        return ours
    return pd.concat([ours, published.assign(source="paper")], ignore_index=True)


def confusion_matrices(
    members: pd.DataFrame, predictions: pd.DataFrame, emotions: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Figure 4 as numbers: per group the chosen members' counts, truth in rows and prediction in columns."""
    answers = chosen_rows(predictions, members)
    matrices = {}
    for group in groups_of(answers):
        rows = answers[answers["group"] == group]
        counts = pd.crosstab(rows["truth"], rows["predicted"]).reindex(emotions, fill_value=0)
        matrices[group] = counts.reindex(emotions, axis="columns", fill_value=0).rename_axis(
            index="truth", columns=None
        )
    return matrices


def _with_digits(value: float, decimals: int, digits: Digits) -> float:
    return float(printed(value, decimals, digits)) if np.isfinite(value) else np.nan


def _over_seeds(table: int, metrics: pd.DataFrame, analysis: AnalysisConfig, emotions: Sequence[str]) -> pd.DataFrame:
    """Mean and intervals over the seeds of each cell's value; no error is below 0, and no share above 100 %."""
    highest = 100.0 if table_metric(table, analysis).is_share else np.inf
    cells = [table_cells(table, rows, analysis, emotions) for _, rows in metrics.groupby("seed")]
    keys = ["group", "emotion", "statistic"]
    by_key = pd.concat(cells).groupby(keys)["value"]
    rows = [
        [*key, *limited(mean_interval(values), highest), *limited(prediction_interval(values), highest)[1:3]]
        for key, values in by_key
    ]
    over_seeds = ["ours_seeds_mean", "ours_seeds_low", "ours_seeds_high", "seeds"]
    return pd.DataFrame(rows, columns=[*keys, *over_seeds, "prediction_low", "prediction_high"])
