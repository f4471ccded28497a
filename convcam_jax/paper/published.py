"""The paper's printed tables and the values printed in its published pictures, as data frames.

The CSV files of this folder are copied digit by digit; `README.md` beside them names the sources.
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from convcam_jax.settings.config import EMOTIONS, CorpusConfig

_FOLDER = Path(__file__).resolve().parent

STATISTICS_TABLES = (3, 4, 5)
# What the numbers of Tables 3, 4 and 5 are, as columns of the metrics table.
PRINTED_METRICS = {3: "q_mse", 4: "f0_segment_rmse_hz", 5: "energy_ratio"}
PRINTED_DECIMALS = {3: 3, 4: 2, 5: 1}
# Not printed: what a quarter of the recordings of each speaker and emotion, rounded down, comes to.
INFERRED_TEST_RECORDINGS = {"female": 48, "male": 39}


class Published(NamedTuple):
    """What the authors printed.

    table1: speaker, one column per emotion, total; the last row is the total. table2: architecture, height, width.
    statistics: Tables 3 to 5, one row per cell: table (3, 4, 5), gender, emotion, statistic (min, max, mean, range),
    published (Table 3 without unit, Table 4 in Hz, Table 5 in per cent).
    recordings: recording, gender, emotion, printed_f0_rmse_hz, printed_q_rmse, n_samples_16k, n_frames.
    """

    table1: pd.DataFrame
    table2: pd.DataFrame
    statistics: pd.DataFrame
    recordings: pd.DataFrame


def load() -> Published:
    """Read the printed tables and the 58 recordings' printed values."""
    statistics = pd.concat([_statistics(table) for table in STATISTICS_TABLES], ignore_index=True)
    return Published(
        table1=pd.read_csv(_FOLDER / "table1.csv", dtype={"speaker": str}),
        table2=pd.read_csv(_FOLDER / "table2.csv"),
        statistics=statistics,
        recordings=pd.read_csv(_FOLDER / "recordings.csv"),
    )


def load_for(corpus: CorpusConfig) -> Published | None:
    """What was printed, where it can stand beside results of `corpus`: EMO-DB in the paper's emotions; else None."""
    if corpus.name == "emodb" and set(corpus.emotions) == set(EMOTIONS):
        return load()
    return None


def inferred_accuracy(recordings: pd.DataFrame) -> dict[str, float]:
    """Test accuracy (0..1) of the paper's best model per gender, which the paper does not print.

    recordings: `Published.recordings`, the correctly classified ones; divided by the size of the test set that follows
    from the split as section 2 describes it.
    """
    return {gender: (recordings["gender"] == gender).sum() / n for gender, n in INFERRED_TEST_RECORDINGS.items()}


def _statistics(table: int) -> pd.DataFrame:
    """One printed table of statistics as a tidy frame."""
    wide = pd.read_csv(_FOLDER / f"table{table}.csv")
    tidy = wide.melt(id_vars=["gender", "statistic"], var_name="emotion", value_name="published")
    tidy.insert(0, "table", table)
    return tidy[["table", "gender", "emotion", "statistic", "published"]].astype({"published": float})


def recording_names() -> tuple[str, ...]:
    """The 58 recordings whose pictures were published."""
    return tuple(load().recordings["recording"])
