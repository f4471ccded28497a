"""Figure of the counterfactual test: what the networks say of what the map marks, and of all else."""

import pandas as pd
from matplotlib.figure import Figure

from convcam_jax.figures import style

_TITLES = {"only": "only the chosen cells", "without": "all but the chosen cells"}


@style.styled
def probability_of_truth(table: pd.DataFrame) -> Figure:
    """Mean probability of the truth against the threshold, for the map's cells and for as many random ones.

    table: `convcam_jax.checks.listening.counterfactual.summary`.
    """
    genders = sorted(table["gender"].unique())
    figure, axes = style.new_figure(len(genders), 2, height=2.2 * len(genders), sharex=True, sharey=True)
    for row, gender in enumerate(genders):
        for column, (sound, title) in enumerate(_TITLES.items()):
            panel, own = axes[row, column], table[(table["gender"] == gender) & (table["sound"] == sound)]
            for cells, colour, mark in (("map", style.BLUE, "o"), ("random", style.VERMILION, "s")):
                panel.plot(own["threshold"], own[f"p_truth_{cells}"], color=colour, marker=mark, label=f"{cells} cells")
            panel.axhline(own["p_truth_original"].iloc[0], color=style.GREY, linestyle="--", label="whole recording")
            style.panel_title(panel, 2 * row + column, f"{style.gender_title(gender)}: {title}")
            panel.set_ylim(0, 1)
    for panel in axes[-1]:
        panel.set_xlabel("threshold (share of the map's maximum)")
    for panel in axes[:, 0]:
        panel.set_ylabel("probability of the truth")
    axes[0, 0].legend()
    return figure
