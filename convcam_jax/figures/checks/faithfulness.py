"""Figure of the deletion and insertion curves."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS
from convcam_jax.checks.zero_maps import only_zero_maps, without_zero_maps
from convcam_jax.figures import style
from convcam_jax.measures.statistics import groups_of, limited, mean_interval

_LINES = {
    "map": (style.VERMILION, "-"),
    "shifted_map": (style.SKY, "--"),
    "random": (style.GREY, ":"),
    "energy": (style.BLUE, "-."),
}


@style.styled
def mean_curves(table: pd.DataFrame) -> Figure:
    """Mean probability of the class over the share of cells, per group (rows), curve and fill (columns).

    table: `faithfulness.csv`; recordings whose map is zero are left out, and a group without others says so. Lines are
    means of the seeds' means, bands their 95 % interval, where there are several seeds.
    """
    groups = groups_of(table)
    figure, axes = style.new_figure(
        len(groups), len(CURVES) * len(FILLS), height=0.6 + 1.9 * len(groups), sharex=True, sharey=True
    )
    cells = [(group, curve, fill) for group in groups for curve in CURVES for fill in FILLS]
    for number, (panel, (group, curve, fill)) in enumerate(zip(axes.flat, cells, strict=True)):
        shown, n_zero = without_zero_maps(table.query("group == @group and curve == @curve and fill == @fill"))
        if shown.empty:
            # Without `say_empty`: the axes of all panels are the same.
            words = only_zero_maps({"n_recordings": 0, "n_zero_maps": n_zero})
            panel.text(0.5, 0.5, words, transform=panel.transAxes, ha="center", va="center", color=style.GREY)
        else:
            for order in ORDERS:
                _line(panel, shown[shown["order"] == order], order)
        style.panel_title(panel, number, f"{style.group_title(group)}: {curve},\n{fill}")
    for panel in axes[-1]:
        panel.set_xlabel("share of cells (%)")
    for panel in axes[:, 0]:
        panel.set_ylabel("probability of the class")
    style.legend_below(figure, axes.flat)
    return figure


def _line(axes: Axes, of_order: pd.DataFrame, order: str) -> None:
    colour, line = _LINES[order]
    by_seed = of_order.groupby(["share", "seed"])["probability"].mean()
    # By Student's t an interval of few seeds reaches beyond what a probability can be.
    intervals = [limited(mean_interval(values), 1) for _, values in by_seed.groupby("share")]
    per_cent = 100 * np.array(sorted(of_order["share"].unique()))
    mean, low, high, n = (np.array(column) for column in zip(*intervals, strict=True))
    axes.plot(per_cent, mean, color=colour, linestyle=line, label=f"order: {order.replace('_', ' ')}")
    if (n > 1).all():
        axes.fill_between(per_cent, low, high, color=colour, alpha=0.15, lw=0)
