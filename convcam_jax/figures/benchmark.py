"""Figure of the benchmark: this project beside the peers, and how its time grows."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.figures import style

_TITLES = {
    "training_step": "training step, recordings",
    "training_step_full_length": "training step, all frames filled",
    "explaining": "Grad-CAM, masks and metrics",
    "features": "features",
}


@style.styled
def comparison(table: pd.DataFrame, ours: str) -> Figure:
    """One panel per network and task: median seconds of every program and precision, with minimum and maximum.

    table: the table of `benchmark.csv`; `ours`: the name of this project's program. Of the cases of one program and
    precision the first one is shown, which is the one that was measured in turns with the peers.
    """
    tasks = list(table.groupby(["network", "task"], sort=False))
    figure, axes = style.new_figure(len(tasks), 1, height=1.1 + 1.25 * len(tasks))
    for number, (panel, ((network, task), rows)) in enumerate(zip(axes[:, 0], tasks, strict=True)):
        first = rows.drop_duplicates(["program", "precision"])
        _bars(panel, first, ours)
        title = _TITLES[task] if task == "features" else f"{network}: {_TITLES[task]}"
        style.panel_title(panel, number, title)
        panel.set_xlabel(f"s per {first['unit'].iloc[0]}")
    return figure


def _bars(axes: Axes, rows: pd.DataFrame, ours: str) -> None:
    median = rows["seconds_median"].to_numpy()
    errors = np.stack([median - rows["seconds_min"], rows["seconds_max"] - median])
    colours = [style.VERMILION if program == ours else style.SKY for program in rows["program"]]
    labels = [f"{row.program}, {row.precision}" for row in rows.itertuples()]
    axes.barh(labels, median, xerr=errors, color=colours, error_kw={"lw": 0.8, "capsize": 2})
    axes.invert_yaxis()


@style.styled
def growth(table: pd.DataFrame, ours: str) -> Figure:
    """Seconds per unit against members and, where several numbers were measured, recordings; this project alone.

    Of several networks the first one is shown.
    """
    ours_alone = table[(table["program"] == ours) & (table["network"] == table["network"].iloc[0])]
    axes_of = {"members": ("training_step", "explaining"), "recordings": ("explaining", "features")}
    panels = [(axis, task) for axis, tasks in axes_of.items() for task in tasks if (ours_alone["task"] == task).any()]
    figure, axes = style.new_figure(1, max(len(panels), 1), height=2.6)
    for number, (panel, (axis, task)) in enumerate(zip(axes[0], panels, strict=False)):
        other = "recordings" if axis == "members" else "members"
        rows = ours_alone[
            (ours_alone["task"] == task)
            & (ours_alone[other] == ours_alone.loc[ours_alone["task"] == task, other].iloc[0])
        ]
        for precision, line in rows.sort_values(axis).groupby("precision"):
            panel.plot(line[axis], line["seconds_median"], "o-", label=precision)
            panel.fill_between(line[axis], line["seconds_min"], line["seconds_max"], alpha=0.3, lw=0)
        panel.set_ylim(bottom=0)
        panel.set_xlabel(axis)
        panel.set_ylabel(f"s per {rows['unit'].iloc[0]}")
        panel.legend()
        style.panel_title(panel, number, task.replace("_", " "))
    return figure
