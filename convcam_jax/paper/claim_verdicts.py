"""What our runs say to each of the paper's empirical claims."""

from collections.abc import Callable, Sequence

import pandas as pd

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.measures.config import AnalysisConfig, table_metric
from convcam_jax.measures.metric_table import STATISTICS_TABLES
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.paper.claim_terms import (
    ALL_EMOTIONS,
    CLOSER_THAN_A_CONSTANT,
    HIGHER_WHERE_VOICED,
    SET_ASIDE,
    TABLE_5_SET_ASIDE,
    Claim,
    Row,
    Verdict,
)
from convcam_jax.paper.claims import CLAIMS
from convcam_jax.paper.protocols import protocol_name
from convcam_jax.paper.published import Published
from convcam_jax.paper.tables import table_cells
from convcam_jax.system.digits import printed
from convcam_jax.system.progress import counted

# What is above 0 in the recordings that a share counts, from rows of the metrics table.
_COUNTED: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    HIGHER_WHERE_VOICED: lambda metrics: metrics["q_voiced_excess"],
    CLOSER_THAN_A_CONSTANT: lambda metrics: metrics["envelope_variance"] - metrics["q_mse"],
}


def row_values(cells: pd.DataFrame, row: Row, minimum_recordings: int = 1) -> pd.Series:
    """The row's values by emotion, without the cells that have too few recordings, for a range fewer than two.

    cells: table, group, emotion, statistic, value, n_recordings.
    """
    of_row = (cells["table"] == row.table) & (cells["group"] == row.group) & (cells["statistic"] == row.statistic)
    fewest = max(minimum_recordings, 2) if row.statistic == "range" else minimum_recordings
    found = cells[of_row & (cells["n_recordings"] >= fewest)]
    return found.set_index("emotion")["value"].dropna()


def holds(claim: Claim, cells: pd.DataFrame) -> Verdict:
    """Whether the claim holds in these cells; None where an emotion that it is about has too few recordings.

    cells: as in `row_values`, of one member per group and fold.
    """
    verdicts = [claim.predicate(row_values(cells, row, claim.minimum_recordings)) for row in claim.rows]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def printed_cells(published: Published) -> pd.DataFrame:
    """The paper's printed Tables 3 to 5 as cells (see `row_values`)."""
    counts = published.recordings.groupby(["group", "emotion"]).size().rename("n_recordings")
    cells = published.statistics.rename(columns={"published": "value"})
    return cells.merge(counts.reset_index(), on=["group", "emotion"], how="left")


def member_cells(metrics: pd.DataFrame, analysis: AnalysisConfig) -> pd.DataFrame:
    """All rows that claims are about as cells (see `row_values`), of one member per group and fold."""
    emotions = sorted(metrics["emotion"].unique())
    tables = [table_cells(table, metrics, analysis, emotions) for table in STATISTICS_TABLES]
    set_aside = table_cells(5, without_set_aside(metrics), analysis, emotions).assign(table=TABLE_5_SET_ASIDE)
    return pd.concat([*tables, set_aside, share_cells(metrics)], ignore_index=True)


def without_set_aside(metrics: pd.DataFrame) -> pd.DataFrame:
    """The metrics without the recordings that `SET_ASIDE` names by gender, emotion and speaker."""
    keys = zip(metrics["group"], metrics["emotion"], metrics["speaker"], strict=True)
    return metrics[[SET_ASIDE.get((group, emotion)) != speaker for group, emotion, speaker in keys]]


def share_cells(metrics: pd.DataFrame) -> pd.DataFrame:
    """Shares of correctly classified recordings (see `HIGHER_WHERE_VOICED`) as cells, in per cent.

    A recording without the value in question does not count.
    """
    correct = metrics.loc[metrics["correct"].astype(bool)]
    cells = []
    for name, of in _COUNTED.items():
        values = correct[["group", "emotion"]].assign(value=of(correct)).dropna()
        # No claim is about an emotion that a corpus calls so.
        of_emotions = values[values["emotion"] != ALL_EMOTIONS]
        values = pd.concat([of_emotions, values.assign(emotion=ALL_EMOTIONS)])
        values["value"] = 100.0 * (values["value"] > 0)
        shares = values.groupby(["group", "emotion"])["value"].agg(value="mean", n_recordings="size").reset_index()
        cells.append(shares.assign(table=name, statistic="share"))
    return pd.concat(cells, ignore_index=True)


def evaluate_claims(
    metrics: pd.DataFrame, members: pd.DataFrame, analysis: AnalysisConfig, published: Published | None = None
) -> pd.DataFrame:
    """Every claim's truth in a run.

    The members of the same seed are taken together, of all groups and folds. Claims are about the groups "female" and
    "male", and undecided where there are none. Returns id, section, claim (the paper's words),
    holds_in_printed_tables, holds_for_chosen_member, seeds_holding, seeds, seeds_undecided, protocol, sentence. Truth
    values are empty where undecided, and holds_in_printed_tables also for rows that were not printed and where no
    `published` is given.
    """
    by_seed = [member_cells(rows, analysis) for _, rows in metrics.groupby("seed")]
    chosen = member_cells(chosen_rows(metrics, members), analysis)
    theirs = printed_cells(published) if published is not None else None
    protocol = protocol_name(analysis)
    rows = []
    for claim in CLAIMS:
        decidable = _has_its_metrics(claim, analysis)
        verdicts = [holds(claim, cells) if decidable else None for cells in by_seed]
        ours = holds(claim, chosen) if decidable else None
        printed_verdict = holds(claim, theirs) if theirs is not None else None
        sentence = _sentence(claim, ours, verdicts, analysis, chosen)
        counts = (verdicts.count(True), len(verdicts), verdicts.count(None))
        rows.append([claim.id, claim.section, claim.quote, printed_verdict, ours, *counts, protocol, sentence])
    truths = ["holds_in_printed_tables", "holds_for_chosen_member"]
    columns = ["id", "section", "claim", *truths, "seeds_holding", "seeds", "seeds_undecided", "protocol", "sentence"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(truths, "boolean"))


def corpus_note(corpus: CorpusConfig) -> str:
    """What is to be read before the claims; nothing for the paper's corpus with a model per gender."""
    if corpus.name == "synthetic":
        return (
            "Synthetic voices and, unless the config says otherwise, a small network: nothing about the paper follows."
        )
    if corpus.models_per != "gender":
        return "The paper's claims are about a model of females and one of males, of which this run has none."
    if corpus.name != "emodb":
        return "The paper's claims are about EMO-DB; what holds of other recordings does not say if they are right."
    return ""


def _has_its_metrics(claim: Claim, analysis: AnalysisConfig) -> bool:
    """Whether the claim's figures, if it names any, are of the metrics that the analysis has in its tables."""
    metrics = [table_metric(row.table, analysis).name for row in claim.rows if isinstance(row.table, int)]
    return not claim.metrics or set(metrics) <= set(claim.metrics)


def _sentence(
    claim: Claim, ours: Verdict, verdicts: Sequence[Verdict], analysis: AnalysisConfig, chosen: pd.DataFrame
) -> str:
    """The claim's outcome in plain English, with the chosen members' numbers."""
    outcome = {True: "holds", False: "does not hold", None: "cannot be decided"}[ours]
    undecided = verdicts.count(None)
    seeds = f"in {verdicts.count(True)} of {counted(len(verdicts), 'seed')}" + (
        f", {undecided} undecided" if undecided else ""
    )
    numbers = "; ".join(_numbers(chosen, row, claim.minimum_recordings, analysis) for row in claim.rows)
    reading = claim.reading[0].upper() + claim.reading[1:]
    protocol = protocol_name(analysis)
    return f"{reading}: this {outcome} for the chosen models and holds {seeds}, under protocol {protocol}. {numbers}."


def _numbers(cells: pd.DataFrame, row: Row, minimum_recordings: int, analysis: AnalysisConfig) -> str:
    """A row's values in ascending order, as text."""
    values = row_values(cells, row, minimum_recordings).sort_values()
    decimals = table_metric(row.table, analysis).decimals if isinstance(row.table, int) else 1
    texts = [f"{emotion} {printed(value, decimals, 'rounded')}" for emotion, value in values.items()]
    without = "no emotion with two recordings" if row.statistic == "range" else "no recordings"
    return f"{_row_name(row, analysis)}: {', '.join(texts) or without}"


def _row_name(row: Row, analysis: AnalysisConfig) -> str:
    """Which numbers a row holds, as text."""
    if isinstance(row.table, int):
        metric = table_metric(row.table, analysis)
        shown = f"{metric.name} in per cent" if metric.is_share else metric.name
        return f"Table {row.table} ({shown}), {row.group} {row.statistic}"
    return f"{row.table[0].upper()}{row.table[1:]} (in per cent), {row.group} {row.statistic}"
