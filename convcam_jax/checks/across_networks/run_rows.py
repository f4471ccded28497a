"""What finished runs of several networks found, a row per run and group, and how alike their maps are."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.checks.evidence.scoring import NO_METHOD
from convcam_jax.checks.seeds.map_similarity import rank_correlations
from convcam_jax.measures.statistics import groups_of, mean_over_speakers

# The control that all three tables have: maps at the right frequencies pass it only if they are right in time.
CONTROL = "time_shift"
TABLES = ("table3", "table4", "table5")
# Deletion and insertion: with silence, as the network's own padding.
_FILL = "zeros"
_GAINS = {
    "deletion_over_random": ("deletion", "random"),
    "deletion_over_energy": ("deletion", "energy"),
    "insertion_over_random": ("insertion", "random"),
    "insertion_over_energy": ("insertion", "energy"),
}


class FinishedRun(NamedTuple):
    """What a finished run of the experiment `paper` is compared by.

    Attributes:
      name: of network and representation.
      n_nodes: rows and columns of the explained layer.
      accuracy: the table of `tables/accuracy.csv`.
      metrics: that of `metrics.csv`.
      controls: of each of `TABLES`, that of `tables/controls_TABLE.csv`.
      stability: that of `stability.csv`, empty with a single seed.
      faithfulness: that of `tables/faithfulness_verdicts.csv`, empty where it was left out.
      planted: that of `tables/evidence_methods.csv` of the same network, empty where it was not run.
    """

    name: str
    n_nodes: tuple[int, int]
    accuracy: pd.DataFrame
    metrics: pd.DataFrame
    controls: Mapping[str, pd.DataFrame]
    stability: pd.DataFrame
    faithfulness: pd.DataFrame
    planted: pd.DataFrame


def run_rows(run: FinishedRun, method: str) -> pd.DataFrame:
    """A row for each group of the run.

    Columns: run, group, node_rows, node_columns; accuracy and uar in per cent, each with its 95 % interval `_low`,
    `_high` over the seeds; zero_maps, the share of all maps; TABLE_above_chance, how many of its
    emotions are better than the same maps moved in time, and TABLE_cells, how many of them are tested, decided or not;
    seed_agreement, the mean rank correlation of two seeds' maps; the gains in area of the map's order over random order
    and over that of the energy; planted_precision and energy_precision, the mean average precision of `method` and of
    the input's energy against planted cues, the same for all groups. Missing values are NaN.
    """
    planted = run.planted if run.planted.empty else run.planted[run.planted["placement"] != "stretched"]
    precision = {
        "planted_precision": _value(planted, "planted_mean", source="network", method=method),
        "energy_precision": _value(planted, "planted_mean", source="energy", method=NO_METHOD),
    }
    seeds_alike = {"kind": "map_mean", "name": "rank_correlation", "emotion": "all"}
    rows = []
    for group in groups_of(run.metrics):
        row = {"run": run.name, "group": group, "node_rows": run.n_nodes[0], "node_columns": run.n_nodes[1]}
        row |= _scores(run.accuracy, group)
        row |= {"zero_maps": float(run.metrics.loc[run.metrics["group"] == group, "map_is_zero"].mean())}
        for table in TABLES:
            row |= _cells(run.controls[table], table, group)
        row |= {"seed_agreement": _value(run.stability, "value", group=group, **seeds_alike)}
        for name, (curve, order) in _GAINS.items():
            row |= {name: _value(run.faithfulness, "gain", group=group, fill=_FILL, curve=curve, order=order)}
        rows.append(row | precision)
    return pd.DataFrame(rows)


def network_agreement(
    maps: Mapping[str, Mapping[str, Float[np.ndarray, "F n"]]], utterances: pd.DataFrame
) -> pd.DataFrame:
    """How alike the maps of each two runs are: rank correlation over the cells of a recording, means over recordings.

    maps: of each run, its chosen models' maps by recording, all on the same grid; utterances: recording, group and
    speaker of all of them. Columns: run, other_run, group, rank_correlation, low, high (95 % limits over speakers, see
    `mean_over_speakers`), n_recordings with a map that is not constant in both runs, n_speakers of these.
    """
    of_recording = utterances.set_index("recording")
    rows = []
    for run, other in combinations(maps, 2):
        shared = [name for name in maps[run] if name in maps[other]]
        values = [float(rank_correlations(np.stack([maps[run][n], maps[other][n]]))[0]) for n in shared]
        table = of_recording.loc[shared, ["group", "speaker"]].assign(value=values)
        for group, of_group in table.groupby("group"):
            mean, *limits, n_speakers = mean_over_speakers(of_group["value"].to_numpy(), of_group["speaker"].tolist())
            rows.append([run, other, group, mean, *np.clip(limits, -1, 1), of_group["value"].count(), n_speakers])
    columns = ["run", "other_run", "group", "rank_correlation", "low", "high", "n_recordings", "n_speakers"]
    return pd.DataFrame(rows, columns=columns)


def sentences(runs: Sequence[FinishedRun], rows: pd.DataFrame) -> Sequence[str]:
    """What the `run_rows` of all runs say of each, in words, the most accurate run first."""
    zero_maps = {run.name: float(run.metrics["map_is_zero"].mean()) for run in runs}
    order = rows.groupby("run")["accuracy"].mean().sort_values(ascending=False).index
    return [_sentence(run, rows[rows["run"] == run], zero_maps[run]) for run in order]


def _sentence(run: str, rows: pd.DataFrame, zero_maps: float) -> str:
    right = ", ".join(f"{row.accuracy:.1f} % of {row.group}" for row in rows.itertuples())
    cells = sum(int(rows[f"{table}_cells"].sum()) for table in TABLES)
    above = sum(int(rows[f"{table}_above_chance"].sum()) for table in TABLES)
    size = f"{rows['node_rows'].iloc[0]} x {rows['node_columns'].iloc[0]} nodes"
    text = (
        f"{run} ({size}) is right in {right}; {above} of {cells} cells of Tables 3 to 5 are better than the same maps "
        f"moved in time, and {100 * zero_maps:.1f} % of its maps are zero everywhere"
    )
    compared = rows.dropna(subset="deletion_over_energy")
    if len(compared):
        gains = ", ".join(f"{row.deletion_over_energy:z.2f} ({row.group})" for row in compared.itertuples())
        text += f"; deleting in the map's order gains {gains} in area over deleting the loudest cells"
    return f"{text}."


def _scores(accuracy: pd.DataFrame, group: str) -> dict[str, float]:
    by_measure = accuracy[(accuracy["level"] == "group") & (accuracy["group"] == group)].set_index("measure")
    found = {}
    for measure in ("accuracy", "uar"):
        for column, ending in (("mean", ""), ("seeds_low", "_low"), ("seeds_high", "_high")):
            found[f"{measure}{ending}"] = float(by_measure.loc[measure, column])
    return found


def _cells(controls: pd.DataFrame, table: str, group: str) -> dict[str, int]:
    cells = controls[(controls["group"] == group) & (controls["level"] == "emotion") & (controls["control"] == CONTROL)]
    # A cell that passes is always decided: among the decided ones alone it would count for more.
    above = cells["above_chance"].eq(True).fillna(False)
    return {f"{table}_above_chance": int(above.sum()), f"{table}_cells": int(cells["q"].notna().sum())}


def _value(table: pd.DataFrame, column: str, **cells: str) -> float:
    """Of the first row that has these cells; NaN where there is none."""
    if table.empty:
        return np.nan
    own = table.loc[(table[list(cells)] == list(cells.values())).all(axis=1), column]
    return float(own.iloc[0]) if len(own) else np.nan
