"""Figure of the counterfactual test: what the networks say of what the map marks, and of all else."""

import pandas as pd
from matplotlib.figure import Figure

from convcam_jax.checks.zero_maps import only_zero_maps
from convcam_jax.figures import style
from convcam_jax.measures.statistics import groups_of

_TITLES = {"only": "only the chosen cells", "without": "all but the chosen cells"}


@style.styled
def probability_of_explained(table: pd.DataFrame) -> Figure:
    """Mean probability of the explained class against the threshold, for the map's cells and for as many random ones.

    table: `convcam_jax.checks.listening.counterfactual.answer_summary`.
    """
    groups = groups_of(table)
    figure, axes = style.new_figure(len(groups), 2, height=2.2 * len(groups), sharex=True, sharey=True)
    for row, group in enumerate(groups):
        for column, (sound, title) in enumerate(_TITLES.items()):
            panel, rows = axes[row, column], table[(table["group"] == group) & (table["sound"] == sound)]
            for cells, colour, mark in (("map", style.BLUE, "o"), ("random", style.VERMILION, "s")):
                panel.plot(
                    rows["threshold"], rows[f"p_explained_{cells}"], color=colour, marker=mark, label=f"{cells} cells"
                )
            if words := only_zero_maps(rows.iloc[0]):
                panel.text(0.5, 0.5, words, transform=panel.transAxes, ha="center", va="center", color=style.GREY)
            panel.axhline(
                rows["p_explained_original"].iloc[0], color=style.GREY, linestyle="--", label="whole recording"
            )
            style.panel_title(panel, 2 * row + column, f"{style.group_title(group)}: {title}")
            panel.set_ylim(0, 1)
            panel.set_xticks(rows["threshold"].unique())
    for panel in axes[-1]:
        panel.set_xlabel("threshold (share of the map's maximum)")
    for panel in axes[:, 0]:
        panel.set_ylabel("probability of the explained class")
    axes[0, 0].legend()
    return figure
