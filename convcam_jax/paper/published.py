"""The paper's printed tables and the values printed in its published pictures, as data frames.

The CSV files of this folder are copied digit by digit; `README.md` beside them names the sources.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from convcam_jax.corpora.config import EMOTIONS, CorpusConfig
from convcam_jax.measures.metric_table import STATISTICS_TABLES
from convcam_jax.system.formats import read_csv

_FOLDER = Path(__file__).resolve().parent

# Split, representation and network, by the names of the config.
_OF_THE_PAPER = ("per_cell", "cqt", "simplenet")

# Not printed: what a quarter of the recordings of each speaker and emotion, rounded down, comes to.
INFERRED_TEST_RECORDINGS = {"female": 48, "male": 39}


class Published(NamedTuple):
    """What the authors printed; the groups are genders.

    table1: speaker, one column per emotion, total; the last row is the total. table2: architecture, height, width.
    statistics: Tables 3 to 5, one row per cell: table (3, 4, 5), group, emotion, statistic (min, max, mean, range),
    published (Table 3 without unit, Table 4 in Hz, Table 5 in per cent).
    recordings: recording, group, emotion, printed_f0_rmse_hz, printed_q_rmse, n_samples_16k, n_frames.
    """

    table1: pd.DataFrame
    table2: pd.DataFrame
    statistics: pd.DataFrame
    recordings: pd.DataFrame


@functools.cache
def load() -> Published:
    """The printed tables and the 58 recordings' printed values, read once: they must not be changed in place."""
    statistics = pd.concat([_statistics(table) for table in STATISTICS_TABLES], ignore_index=True)
    return Published(
        table1=read_csv(_FOLDER / "table1.csv"),
        table2=read_csv(_FOLDER / "table2.csv"),
        statistics=statistics,
        recordings=_by_group("recordings"),
    )


def load_for(corpus: CorpusConfig, split: str, representation: str, network: str) -> Published | None:
    """What was printed, where it can stand beside results of this corpus and of these names; else None.

    That is EMO-DB in the paper's emotions, with a model per gender, and the split, representation and network of
    sections 3.1 and 3.2.
    """
    of_the_paper = corpus.name == "emodb" and set(corpus.emotions) == set(EMOTIONS) and corpus.models_per == "gender"
    return load() if of_the_paper and (split, representation, network) == _OF_THE_PAPER else None


def inferred_accuracy(recordings: pd.DataFrame) -> dict[str, float]:
    """Test accuracy (0..1) of the paper's best model per gender, which the paper does not print.

    recordings: `Published.recordings`, the correctly classified ones; divided by the size of the test set that follows
    from the split as section 2 describes it.
    """
    return {group: (recordings["group"] == group).sum() / n for group, n in INFERRED_TEST_RECORDINGS.items()}


def _statistics(table: int) -> pd.DataFrame:
    """One printed table of statistics as a tidy frame."""
    wide = _by_group(f"table{table}")
    tidy = wide.melt(id_vars=["group", "statistic"], var_name="emotion", value_name="published")
    tidy.insert(0, "table", table)
    return tidy[["table", "group", "emotion", "statistic", "published"]].astype({"published": float})


def _by_group(name: str) -> pd.DataFrame:
    """A table of this folder in whose columns the gender is the group."""
    return read_csv(_FOLDER / f"{name}.csv").rename(columns={"gender": "group"})


def published_names() -> tuple[str, ...]:
    """The 58 recordings whose pictures were published."""
    return tuple(load().recordings["recording"])
