"""What each difference between the two protocols does to every cell of Tables 3, 4 and 5.

From either protocol one field of the analysis at a time is set as the other protocol has it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metric_table import STATISTICS_TABLES
from convcam_jax.paper.protocols import PROTOCOLS
from convcam_jax.paper.tables import statistics_table

ALL_FIELDS = "all"
CELL = ["table", "group", "emotion", "statistic"]


class Variant(NamedTuple):
    """One switch: `field` ("all": every one) of the protocol `base` set as the other protocol has it."""

    base: str
    field: str
    analysis: AnalysisConfig

    @property
    def name(self) -> str:
        """Such as "published, table3_metric=q_rmse"."""
        value = "" if self.field == ALL_FIELDS else f"={getattr(self.analysis, self.field)}"
        return f"{self.base}, {self.field}{value}"


def differing_fields() -> tuple[str, ...]:
    """The fields of the analysis in which the protocols differ, in the order of their definition."""
    names = [field.name for field in dataclasses.fields(AnalysisConfig)]
    published, corrected = PROTOCOLS["published"], PROTOCOLS["corrected"]
    return tuple(name for name in names if getattr(published, name) != getattr(corrected, name))


def protocols(analysis: AnalysisConfig) -> dict[str, AnalysisConfig]:
    """Both protocols by name; what they do not differ in, the thresholds, is that of `analysis`."""
    return {
        name: dataclasses.replace(analysis, **{field: getattr(protocol, field) for field in differing_fields()})
        for name, protocol in PROTOCOLS.items()
    }


def variants(bases: Mapping[str, AnalysisConfig]) -> list[Variant]:
    """From each of the two `bases` every field switched on its own; from the first one also all of them at once."""
    (first, first_analysis), (second, second_analysis) = bases.items()
    return [
        *_one_at_a_time(first, first_analysis, second_analysis),
        Variant(first, ALL_FIELDS, second_analysis),
        *_one_at_a_time(second, second_analysis, first_analysis),
    ]


def _one_at_a_time(base: str, config: AnalysisConfig, other: AnalysisConfig) -> list[Variant]:
    return [
        Variant(base, field, dataclasses.replace(config, **{field: getattr(other, field)}))
        for field in differing_fields()
    ]


def measuring(analysis: AnalysisConfig) -> AnalysisConfig:
    """The same for all analyses that measure alike, and differ only in what tables show of it."""
    shown = ("table3_metric", "table4_metric", "chosen_by", "table_digits")
    return dataclasses.replace(analysis, **{field: getattr(PROTOCOLS["published"], field) for field in shown})


def all_cells(
    metrics: pd.DataFrame, members: pd.DataFrame, analysis: AnalysisConfig, emotions: Sequence[str]
) -> pd.DataFrame:
    """The cells of Tables 3, 4 and 5: table, group, emotion, statistic, value (chosen member), seeds_mean."""
    tables = [statistics_table(number, metrics, members, analysis, emotions) for number in STATISTICS_TABLES]
    cells = pd.concat(tables, ignore_index=True).rename(columns={"ours": "value", "ours_seeds_mean": "seeds_mean"})
    return cells[[*CELL, "value", "seeds_mean"]]


def differences(variant: Variant, cells: pd.DataFrame, base_cells: pd.DataFrame) -> pd.DataFrame:
    """The table of `ablation.csv` for one variant, from `all_cells` of it and of its base.

    Returns variant, base, field, table, group, emotion, statistic, value, value_of_base, difference (of the chosen
    member's values), seeds_mean_difference (of the means over the seeds). Tables 3 to 5 are in the unit of the metric
    that each of the two shows, Table 5 in per cent.
    """
    both = cells.merge(base_cells, on=CELL, suffixes=("", "_of_base"), validate="one_to_one")
    both["difference"] = both["value"] - both["value_of_base"]
    both["seeds_mean_difference"] = both["seeds_mean"] - both["seeds_mean_of_base"]
    both = both.assign(variant=variant.name, base=variant.base, field=variant.field)
    columns = ["variant", "base", "field", *CELL, "value", "value_of_base", "difference", "seeds_mean_difference"]
    return both[columns]


def summary(ablation: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute difference per variant and table, over the cells that both have.

    Returns base, field, switched_to, then table3, table4, table5 of the chosen member, and table3_seeds_mean ... of the
    means over the seeds.
    """
    sizes = ablation.assign(
        chosen=ablation["difference"].abs(), seeds=ablation["seeds_mean_difference"].abs()
    ).pivot_table(index="variant", columns="table", values=["chosen", "seeds"], aggfunc="mean", sort=False)
    rows = []
    for variant, of_variant in ablation.groupby("variant", sort=False):
        switched_to = str(variant).partition("=")[2] or "the other protocol"
        values = [sizes.get((kind, t), pd.Series(dtype=float)).get(variant, np.nan) for kind, t in _COLUMNS]
        rows.append([of_variant["base"].iloc[0], of_variant["field"].iloc[0], switched_to, *values])
    names = [f"table{table}" + ("_seeds_mean" if kind == "seeds" else "") for kind, table in _COLUMNS]
    return pd.DataFrame(rows, columns=["base", "field", "switched_to", *names])


_COLUMNS = [(kind, table) for kind in ("chosen", "seeds") for table in STATISTICS_TABLES]
