"""The paper's tables from saved results, each beside the printed figures where there are any.

Frames in, frames out: the metrics, members, predictions and utterances tables of a run. Accuracies and recalls lie in
0..1. An emotion without a correctly classified recording gives NaN, shown as an en dash.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd

from convcam_jax.measures.statistics import cell_statistics, chosen_rows, genders_of, mean_interval, within
from convcam_jax.paper.published import PRINTED_DECIMALS, PRINTED_METRICS
from convcam_jax.settings.config import AnalysisConfig, Digits

EMPTY = "–"  # noqa: RUF001
# Decimals that survive floating-point arithmetic: 0.347 - 0.086 is 0.26099999999999995.
_NOISE_DECIMALS = 9


def printed(value: float, decimals: int, digits: Digits) -> str:
    """`value` with so many decimals, rounded (half up) or truncated as the authors did; NaN is an en dash.

    >>> printed(0.347 - 0.086, 3, "truncated"), printed(0.1409, 3, "truncated"), printed(0.1409, 3, "rounded")
    ('0.261', '0.140', '0.141')
    """
    if not np.isfinite(value):
        return EMPTY
    exact = Decimal(repr(round(float(value), _NOISE_DECIMALS)))
    rounding = ROUND_DOWN if digits == "truncated" else ROUND_HALF_UP
    return str(exact.quantize(Decimal(1).scaleb(-decimals), rounding=rounding))


def table_metric(table: int, analysis: AnalysisConfig) -> str:
    """Column of the metrics table that Table 3, 4 or 5 is made of."""
    return {3: analysis.table3_metric, 4: analysis.table4_metric, 5: "energy_ratio"}[table]


def table_cells(table: int, metrics: pd.DataFrame, analysis: AnalysisConfig, emotions: Sequence[str]) -> pd.DataFrame:
    """Cells of Table 3, 4 or 5 (table, gender, emotion, statistic, value, n_recordings) of one member per gender.

    Table 5 is in per cent, the others in the unit of their metric.
    """
    cells = cell_statistics(metrics, table_metric(table, analysis), genders_of(metrics), emotions)
    if table == 5:
        cells["value"] *= 100
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

    published: `Published.statistics`. Returns table, metric, gender, emotion, statistic, ours (chosen member, with the
    digits that `analysis.table_digits` says), published, ours_seeds_mean, ours_seeds_low, ours_seeds_high (95 % t
    interval of the mean of the seeds' cell values), seeds (those with a recording in the cell),
    published_within_interval, n_recordings (of the chosen member). Without `published` its two columns are missing.
    `published_within_interval` is empty where the metric is not the one that the authors printed, for then the two
    numbers do not measure the same thing.
    """
    metric = table_metric(table, analysis)
    tidy = table_cells(table, chosen_rows(metrics, members), analysis, emotions)
    tidy.insert(1, "metric", metric)
    tidy["ours"] = [_with_digits(value, PRINTED_DECIMALS[table], analysis.table_digits) for value in tidy["value"]]
    tidy = tidy.merge(
        _over_seeds(table, metrics, analysis, emotions), on=["gender", "emotion", "statistic"], how="left"
    )
    columns = ["table", "metric", "gender", "emotion", "statistic", "ours", "ours_seeds_mean", "ours_seeds_low"]
    columns += ["ours_seeds_high", "seeds", "n_recordings"]
    if published is None:
        return tidy[columns]
    tidy = tidy.merge(published, on=["table", "gender", "emotion", "statistic"], how="left")
    comparable = metric == PRINTED_METRICS[table]
    limits = zip(tidy["published"], tidy["ours_seeds_low"], tidy["ours_seeds_high"], strict=True)
    inside = [within(*limit) if comparable else None for limit in limits]
    tidy["published_within_interval"] = pd.array(inside, dtype="boolean")
    columns.insert(6, "published")
    columns.insert(-1, "published_within_interval")
    return tidy[columns]


def as_printed(tidy: pd.DataFrame) -> pd.DataFrame:
    """A `statistics_table` in the paper's layout: gender, statistic, then one column of text per emotion.

    Where it has printed figures, each row is followed by the paper's (column source: "this run" or "paper").
    """
    decimals = PRINTED_DECIMALS[int(tidy["table"].iloc[0])]
    sources = {"this run": "ours", "paper": "published"} if "published" in tidy else {"this run": "ours"}
    emotions = list(dict.fromkeys(tidy["emotion"]))
    rows = []
    for (gender, statistic), row in tidy.groupby(["gender", "statistic"], sort=False):
        for source, column in sources.items():
            texts = [printed(value, decimals, "rounded") for value in row.set_index("emotion")[column].loc[emotions]]
            rows.append([gender, statistic, source, *texts])
    frame = pd.DataFrame(rows, columns=["gender", "statistic", "source", *emotions])
    return frame if len(sources) > 1 else frame.drop(columns="source")


def table1(utterances: pd.DataFrame, emotions: Sequence[str]) -> pd.DataFrame:
    """Table 1: recordings per speaker and emotion (columns speaker, the emotions, total; the last row is the total)."""
    counts = pd.crosstab(utterances["speaker"], utterances["emotion"]).reindex(columns=list(emotions), fill_value=0)
    counts = counts.sort_index()
    counts.loc["total"] = counts.sum()
    counts["total"] = counts.sum(axis=1)
    return counts.rename_axis(columns=None).reset_index()


def table1_beside_published(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Table 1 one row per cell (speaker, emotion, ours, published), totals included; both arguments as in `table1`."""
    tidy = ours.melt("speaker", var_name="emotion", value_name="ours")
    theirs = published.melt("speaker", var_name="emotion", value_name="published")
    return tidy.merge(theirs, on=["speaker", "emotion"], how="outer").astype({"ours": "Int64", "published": "Int64"})


def table2(height: int, width: int, published: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 2: rows and columns of the last convolution (architecture, height, width, source)."""
    ours = pd.DataFrame(
        [["SimpleNet", height, width, "this run"]], columns=["architecture", "height", "width", "source"]
    )
    if published is None:
        return ours
    return pd.concat([ours, published.assign(source="paper")], ignore_index=True)


def accuracy_summary(members: pd.DataFrame, predictions: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy and unweighted average recall (UAR), over the seeds, per gender and per speaker.

    Returns gender, speaker ("all" or one), measure ("accuracy" or "uar"), mean, low, high (95 % interval of the mean by
    Student's t over the seeds: it holds the split fixed), lowest, highest (of the seeds), chosen (that of the chosen
    member), seeds, n_recordings. The UAR averages the recalls of the emotions that occur in the test set.
    """
    test = utterances.loc[utterances["split"] == "test", ["recording", "speaker"]]
    answers = predictions.merge(test, on="recording").assign(correct=_is_correct)
    everyone = answers.assign(speaker="all")
    by_seed = pd.concat([_scores(everyone), _scores(answers)], ignore_index=True)
    chosen = chosen_rows(by_seed, members).set_index(["gender", "speaker", "measure"])["score"]
    rows = []
    for key, scores in by_seed.groupby(["gender", "speaker", "measure"], sort=False):
        interval = mean_interval(scores["score"])
        extremes = (scores["score"].min(), scores["score"].max())
        rows.append(
            [*key, *interval[:3], *extremes, chosen.get(key, np.nan), interval.n, scores["n_recordings"].iloc[0]]
        )
    measured = ["mean", "low", "high", "lowest", "highest", "chosen", "seeds", "n_recordings"]
    return pd.DataFrame(rows, columns=["gender", "speaker", "measure", *measured])


def confusion_matrices(
    members: pd.DataFrame, predictions: pd.DataFrame, emotions: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Figure 4 as numbers: per gender the chosen member's counts, truth in rows and prediction in columns."""
    answers = chosen_rows(predictions, members)
    matrices = {}
    for gender in genders_of(answers):
        rows = answers[answers["gender"] == gender]
        counts = pd.crosstab(rows["truth"], rows["predicted"]).reindex(emotions, fill_value=0)
        matrices[gender] = counts.reindex(emotions, axis="columns", fill_value=0).rename_axis(
            index="truth", columns=None
        )
    return matrices


def to_markdown(frame: pd.DataFrame) -> str:
    """The frame as a Markdown table (no index); floats with 4 significant digits, missing values as an en dash."""
    rows = [list(frame.columns), ["---"] * len(frame.columns)]
    rows += [[_cell_text(value) for value in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(str(cell) for cell in row)} |\n" for row in rows)


def _cell_text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return EMPTY
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _with_digits(value: float, decimals: int, digits: Digits) -> float:
    return float(printed(value, decimals, digits)) if np.isfinite(value) else np.nan


def _over_seeds(table: int, metrics: pd.DataFrame, analysis: AnalysisConfig, emotions: Sequence[str]) -> pd.DataFrame:
    """Mean and interval over the seeds of each cell's value."""
    cells = [table_cells(table, rows, analysis, emotions) for _, rows in metrics.groupby("seed")]
    keys = ["gender", "emotion", "statistic"]
    rows = [[*key, *mean_interval(values)] for key, values in pd.concat(cells).groupby(keys)["value"]]
    return pd.DataFrame(rows, columns=[*keys, "ours_seeds_mean", "ours_seeds_low", "ours_seeds_high", "seeds"])


def _is_correct(predictions: pd.DataFrame) -> pd.Series:
    return predictions["truth"] == predictions["predicted"]


def _scores(answers: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and UAR of each gender, speaker and seed (gender, speaker, seed, measure, score, n_recordings)."""
    keys = ["gender", "speaker", "seed"]
    recalls = answers.groupby([*keys, "truth"])["correct"].mean()
    scores = answers.groupby(keys)["correct"].agg(accuracy="mean", n_recordings="size")
    scores["uar"] = recalls.groupby(keys).mean()
    return scores.reset_index().melt([*keys, "n_recordings"], ["accuracy", "uar"], "measure", "score")
