"""The table of `benchmark.csv` from the seconds measured."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from convcam_jax.benchmark.cases import OURS, UNITS, Case
from convcam_jax.system.progress import counted

COLUMNS = (
    *("network", "task", "program", "precision", "members", "recordings", "unit"),
    *("seconds_median", "seconds_min", "seconds_max", "ratio_to_best_peer"),
)


def benchmark_table(seconds: Mapping[Case, Sequence[float]]) -> pd.DataFrame:
    """One row per case; seconds are those of one unit of its task, such as one step of one member.

    `ratio_to_best_peer` divides the median by that of the fastest other program of the same network, task and
    precision, where that was measured for several numbers of recordings, with the nearest number; below 1 is faster.
    NaN without one.
    """
    rows = []
    for case, values in seconds.items():
        per_unit = np.array(values) / case.units()
        rows.append((*case, UNITS[case.task], np.median(per_unit), per_unit.min(), per_unit.max()))
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    return table.assign(ratio_to_best_peer=[_ratio(row, table) for _, row in table.iterrows()])


def in_words(table: pd.DataFrame) -> list[str]:
    """One line per network, task, precision and number of members of this project's programs."""
    lines = []
    for row in table[table["program"] == OURS].itertuples():
        size = f"{counted(row.members, 'member')}, {counted(row.recordings, 'recording')}"
        name = f"{row.network}, {row.task}, {row.precision}, {size}"
        times = f"{1 / row.ratio_to_best_peer:.2f} times as fast as the best peer"
        suffix = times if np.isfinite(row.ratio_to_best_peer) else "no peer"
        lines.append(f"{name}: {row.seconds_median:.4f} s per {row.unit}, {suffix}")
    return lines


def _ratio(row: pd.Series, table: pd.DataFrame) -> float:
    peers = table[
        (table["program"] != OURS)
        & (table["program"] != row["program"])
        & (table["network"] == row["network"])
        & (table["task"] == row["task"])
        & (table["precision"] == row["precision"])
    ]
    if peers.empty:
        return np.nan
    distance = (peers["recordings"] - row["recordings"]).abs()
    return row["seconds_median"] / peers.loc[distance == distance.min(), "seconds_median"].min()
