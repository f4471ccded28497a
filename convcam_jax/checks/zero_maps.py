"""Maps that are zero everywhere: how they are left out of tables, and the words for it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from convcam_jax.system.progress import counted


def without_zero_maps(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows of `table` whose map is not zero, and of how many maps those are that are left out."""
    is_zero = table["map_is_zero"].astype(bool)
    return table[~is_zero], len(table.loc[is_zero, ["seed", "recording"]].drop_duplicates())


def only_zero_maps(row: pd.Series | Mapping[str, Any]) -> str:
    """The words for a row of a check's table without a value because all its maps are zero; else nothing."""
    if row["n_recordings"] > 0 or row["n_zero_maps"] == 0:
        return ""
    return f"all maps are zero ({row['n_zero_maps']})"


def some_zero_maps(row: pd.Series | Mapping[str, Any]) -> str:
    """A remark on the maps of a row that were left out because they are zero, where others were not; else nothing."""
    if row["n_recordings"] == 0 or row["n_zero_maps"] == 0:
        return ""
    return f" Left out: {counted(row['n_zero_maps'], 'map')} of zeros."
