"""What our runs say to each of the paper's empirical claims."""

from collections.abc import Sequence

import pandas as pd

from convcam_jax.config import PROTOCOLS, AnalysisConfig
from convcam_jax.published import PRINTED_DECIMALS, STATISTICS_TABLES, Published
from convcam_jax.published.claims import CLAIMS, Claim, Row, Verdict
from convcam_jax.statistics import chosen_rows
from convcam_jax.tables import printed, table_cells, table_metric


def row_values(cells: pd.DataFrame, row: Row, minimum_recordings: int = 1) -> pd.Series:
    """The row's values by emotion, without the cells that have too few recordings.

    cells: table, gender, emotion, statistic, value, n_recordings.
    """
    of_row = (cells["table"] == row.table) & (cells["gender"] == row.gender) & (cells["statistic"] == row.statistic)
    found = cells[of_row & (cells["n_recordings"] >= minimum_recordings)]
    return found.set_index("emotion")["value"].dropna()


def holds(claim: Claim, cells: pd.DataFrame) -> Verdict:
    """Whether the claim holds in these cells; None where an emotion that it is about has no recording.

    cells: as in `row_values`, of one member per gender.
    """
    verdicts = [claim.predicate(row_values(cells, row, claim.minimum_recordings)) for row in claim.rows]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def printed_cells(published: Published) -> pd.DataFrame:
    """The paper's printed Tables 3 to 5 as cells (see `row_values`)."""
    counts = published.recordings.groupby(["gender", "emotion"]).size().rename("n_recordings")
    cells = published.statistics.rename(columns={"published": "value"})
    return cells.merge(counts.reset_index(), on=["gender", "emotion"], how="left")


def member_cells(metrics: pd.DataFrame, analysis: AnalysisConfig) -> pd.DataFrame:
    """Tables 3 to 5 of one member per gender as cells (see `row_values`)."""
    emotions = sorted(metrics["emotion"].unique())
    return pd.concat([table_cells(table, metrics, analysis, emotions) for table in STATISTICS_TABLES])


def protocol_name(analysis: AnalysisConfig) -> str:
    """Which protocol the analysis follows: published, corrected, or own where single fields were changed."""
    return next((name for name, own in PROTOCOLS.items() if own == analysis), "own")


def evaluate_claims(
    metrics: pd.DataFrame, members: pd.DataFrame, analysis: AnalysisConfig, published: Published | None = None
) -> pd.DataFrame:
    """Every claim's truth in a run.

    The female and the male member of the same seed are taken together. Returns id, section, claim (the paper's words),
    holds_in_printed_tables, holds_for_chosen_member, seeds_holding, seeds, seeds_undecided, protocol, sentence. Truth
    values are empty where undecided, and holds_in_printed_tables also where no `published` is given.
    """
    by_seed = [member_cells(rows, analysis) for _, rows in metrics.groupby("seed")]
    chosen = member_cells(chosen_rows(metrics, members), analysis)
    theirs = printed_cells(published) if published is not None else None
    protocol = protocol_name(analysis)
    rows = []
    for claim in CLAIMS:
        decidable = not claim.unit or table_metric(4, analysis).endswith(f"_{claim.unit}")
        verdicts = [holds(claim, cells) if decidable else None for cells in by_seed]
        ours = holds(claim, chosen) if decidable else None
        printed_verdict = holds(claim, theirs) if theirs is not None else None
        sentence = _sentence(claim, ours, verdicts, analysis, chosen)
        counts = (verdicts.count(True), len(verdicts), verdicts.count(None))
        rows.append([claim.id, claim.section, claim.quote, printed_verdict, ours, *counts, protocol, sentence])
    truths = ["holds_in_printed_tables", "holds_for_chosen_member"]
    columns = ["id", "section", "claim", *truths, "seeds_holding", "seeds", "seeds_undecided", "protocol", "sentence"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(truths, "boolean"))


def _sentence(
    claim: Claim, ours: Verdict, verdicts: Sequence[Verdict], analysis: AnalysisConfig, chosen: pd.DataFrame
) -> str:
    """The claim's outcome in plain English, with the chosen members' numbers."""
    outcome = {True: "holds", False: "does not hold", None: "cannot be decided"}[ours]
    undecided = verdicts.count(None)
    seeds = f"in {verdicts.count(True)} of {len(verdicts)} seeds" + (f", {undecided} undecided" if undecided else "")
    numbers = "; ".join(_numbers(chosen, row, claim.minimum_recordings, analysis) for row in claim.rows)
    reading = claim.reading[0].upper() + claim.reading[1:]
    protocol = protocol_name(analysis)
    return f"{reading}: this {outcome} for the chosen models and holds {seeds}, under protocol {protocol}. {numbers}."


def _numbers(cells: pd.DataFrame, row: Row, minimum_recordings: int, analysis: AnalysisConfig) -> str:
    """A row's values in ascending order, as text."""
    values = row_values(cells, row, minimum_recordings).sort_values()
    decimals = PRINTED_DECIMALS[row.table]
    texts = [f"{emotion} {printed(value, decimals, 'rounded')}" for emotion, value in values.items()]
    metric = table_metric(row.table, analysis) + (" in per cent" if row.table == 5 else "")
    return f"Table {row.table} ({metric}), {row.gender} {row.statistic}: {', '.join(texts) or 'no recordings'}"
