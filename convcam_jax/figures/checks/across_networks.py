"""Figure of the experiment `networks`: the runs beside one another."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.figures import style
from convcam_jax.measures.statistics import groups_of

# Column, title, factor. Panels without a value in any run are left out.
_PANELS = (
    ("accuracy", "test accuracy (%)", 1),
    ("zero_maps", "maps that are zero (%)", 100),
    ("above_chance", "cells of Tables 3 to 5 above\nthe maps moved in time (%)", 100),
    ("seed_agreement", "rank correlation of\ntwo seeds' maps", 1),
    ("deletion_over_energy", "deletion: gain in area\nover the loudest cells", 1),
    ("planted_precision", "average precision against\nplanted cues", 1),
)
_COLUMNS = 3


@style.styled
def networks(rows: pd.DataFrame) -> Figure:
    """A panel for each measure, a bar for each run and group.

    rows: `checks.across_networks.run_rows.run_rows` of all runs. Lines at the accuracy: its 95 % interval; a cross at
    the planted cues: what the input's energy taken as a map has.
    """
    tables = [name.removesuffix("_cells") for name in rows.columns if name.endswith("_cells")]
    cells = sum(rows[f"{table}_cells"] for table in tables)
    above = sum(rows[f"{table}_above_chance"] for table in tables)
    rows = rows.assign(above_chance=above / cells.where(cells > 0))
    panels = [panel for panel in _PANELS if rows[panel[0]].notna().any()]
    runs, groups = list(dict.fromkeys(rows["run"])), groups_of(rows)
    looks = style.group_looks(groups)
    n_lines = -(-len(panels) // _COLUMNS)
    height = n_lines * (0.9 + 0.16 * len(runs) * len(groups))
    figure, axes = style.new_figure(n_lines, _COLUMNS, height=height + 0.4, sharey=True)
    for number, (axis, (column, title, factor)) in enumerate(zip(axes.flat, panels, strict=False)):
        for place, group in enumerate(groups):
            of_group = rows[rows["group"] == group].set_index("run").reindex(runs)
            heights = np.arange(len(runs)) + 0.8 * ((place + 0.5) / len(groups) - 0.5)
            axis.barh(
                heights,
                factor * of_group[column],
                0.7 / len(groups),
                color=looks[group].colour,
                hatch=looks[group].hatch,
                label=style.legend_name(group),
            )
            _details(axis, column, of_group, heights)
        axis.set_xlabel(title)
        style.panel_title(axis, number, "")
    for left_over in axes.flat[len(panels) :]:
        left_over.remove()
    axes[0, 0].set_yticks(range(len(runs)), [style.shown(run) for run in runs])
    axes[0, 0].invert_yaxis()
    style.legend_below(figure, [axes[0, 0]])
    return figure


def _details(axis: Axes, column: str, of_group: pd.DataFrame, heights: np.ndarray) -> None:
    if column in ("accuracy", "above_chance"):
        axis.set_xlim(0, 100)
    if column == "accuracy":
        axis.hlines(heights, of_group["accuracy_low"], of_group["accuracy_high"], color="black", lw=0.8)
    if column == "planted_precision":
        axis.plot(of_group["energy_precision"], heights, "x", color="black", ms=3)
