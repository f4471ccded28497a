"""Figure of planted evidence by strength: which cues networks learn and methods find, and their thresholds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.evidence.psychometric import ABOVE, AT_MOST
from convcam_jax.checks.evidence.scoring import CRITERION, NOT_PLACED
from convcam_jax.figures import style

# More curves cannot be told apart.
MOST_METHODS = 5
_COLUMNS = 3
_COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.SKY)
# Marks of thresholds that lie above the largest strength, or at most at the lowest.
_BEYOND = {ABOVE: ">", AT_MOST: "<"}
# Of the bars of thresholds, below the curves.
_BAR_STEP = 0.09


@style.styled
def psychometric_curves(curves: pd.DataFrame, thresholds: pd.DataFrame) -> Figure:
    """A panel per cue: shares of networks that learn it, and in which methods find it, by its strength.

    curves, thresholds: `checks.evidence.psychometric`. The methods that find most are drawn, each in the placement in
    which it finds more, where there are maps by it; below the curves lie the thresholds with their 95 % intervals.
    """
    cues = list(dict.fromkeys(curves["variant"]))
    shown = _shown(curves)
    n_rows = -(-len(cues) // _COLUMNS)
    figure, axes = style.new_figure(n_rows, min(_COLUMNS, len(cues)), height=0.6 + 2.1 * n_rows)
    for number, (panel, cue) in enumerate(zip(axes.flat, cues, strict=False)):
        of_one_cue, limits = curves[curves["variant"] == cue], thresholds[thresholds["variant"] == cue]
        _panel(panel, of_one_cue, limits, shown)
        style.panel_title(panel, number, cue)
    for panel in axes.flat[len(cues) :]:
        panel.set_axis_off()
    style.legend_below(figure, [axes.flat[0]], n_columns=3)
    return figure


def _shown(curves: pd.DataFrame) -> list[tuple[str, str]]:
    """Methods with the placement in which each finds more, the best first; of a cue without maps nothing is found."""
    found = curves.groupby(["method", "placement"])["found"].sum().sort_values(ascending=False, kind="stable")
    best = found.reset_index().drop_duplicates("method")
    return list(zip(best["method"], best["placement"], strict=True))[:MOST_METHODS]


def _panel(panel: Axes, curves: pd.DataFrame, limits: pd.DataFrame, shown: list[tuple[str, str]]) -> None:
    strengths = np.sort(curves["strength"].unique())
    first = curves.drop_duplicates("strength").set_index("strength").loc[strengths]
    panel.plot(strengths, first["learned"], "o--", ms=3, color="black", label="networks that learn it", zorder=3)
    _bar(panel, limits[limits["what"] == "learned"], "black", 1, strengths)
    for number, (colour, (method, placement)) in enumerate(zip(_COLOURS, shown, strict=False), start=2):
        rows = curves[(curves["method"] == method) & (curves["placement"] == placement)].set_index("strength")
        # Empty where an entry has other methods for other cues.
        rows = rows.reindex(strengths)
        panel.plot(strengths, rows["found"], "o-", ms=3, color=colour, label=f"{_way(method, placement)} finds it")
        of_method = limits[(limits["method"] == method) & (limits["placement"] == placement)]
        _bar(panel, of_method, colour, number, strengths)
    panel.axhline(CRITERION, color=style.GREY, linewidth=0.6)
    panel.set_ylim(-_BAR_STEP * (len(shown) + 2), 1.05)
    panel.set_yticks([0, CRITERION, 1])
    panel.set_xticks(strengths, [f"{value:g}" for value in strengths])
    panel.set_xlabel(first["unit"].iloc[0])
    panel.set_ylabel("share of networks")


def _way(method: str, placement: str) -> str:
    return method if placement == NOT_PLACED else f"{method}, {placement.replace('_', ' ')},"


def _bar(panel: Axes, rows: pd.DataFrame, colour: str, number: int, strengths: np.ndarray) -> None:
    """A threshold with its interval, cut at the largest strength; one beyond those that were planted is an arrow."""
    for _, row in rows.iterrows():
        at, last = -_BAR_STEP * number, strengths[-1]
        low, high = min(row["threshold_low"], last), min(row["threshold_high"], last)
        panel.plot([low, high], [at, at], color=colour, linewidth=1)
        marker = _BEYOND.get(row["threshold_is"], "|")
        panel.plot(min(row["threshold"], last), at, marker, ms=4, color=colour)
