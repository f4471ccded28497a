"""Figures about the models: accuracy (2), confusion matrices (4), learning curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from convcam_jax.figures import style
from convcam_jax.measures.statistics import groups_of, limited, mean_interval

_CURVES = {"train": style.BLUE, "validation": style.VERMILION}
_CURVE_LABELS = {"train": "train (over the steps of the epoch)", "validation": "validation"}
# Letters of an emotion's name: at most, and those of all panels' names side by side.
_MOST_LETTERS, _MOST_LETTERS_ABREAST = 18, 36
# Around the cells of confusion matrices: names and titles; the bar of colours beside all of them.
_FRAME_INCHES, _BAR_INCHES = 0.95, 0.7
# Of all cells of a panel, and of one, at least.
_MATRIX_INCHES, _CELL_INCHES = 2.15, 0.24
# The font in which one digit is as wide as a cell of an inch, with a margin.
_POINTS_OF_A_CELL = 100
# Of the page, what names and the colours' bar leave to the titles of confusion matrices.
_TITLE_INCHES = 4.2


@style.styled
def accuracy(seeds: pd.DataFrame, published_best: Mapping[str, float] | None = None) -> Figure:
    """Figure 2: test accuracy of every seed, a panel for each group.

    seeds: `convcam_jax.measures.folds.seed_accuracy`. published_best: accuracy (0..1) of the paper's best model per
    group, drawn as a line.
    """
    groups = groups_of(seeds)
    figure, axes = style.group_panels(1, len(groups), height=2.4, sharey=True)
    for number, (panel, group) in enumerate(zip(axes[0], groups, strict=True)):
        of_group = seeds[seeds["group"] == group].sort_values("seed")
        _accuracy_panel(panel, of_group)
        if published_best is not None and group in published_best:
            panel.axhline(
                100 * published_best[group], color=style.GREY, linestyle="--", label="paper's best model (inferred)"
            )
        style.panel_title(panel, number, style.group_title(group))
        panel.set_xlabel("model (seed)")
    style.label_left(axes[0], "test accuracy (%)")
    style.legend_below(figure, [axes[0, 0]])
    return figure


def _accuracy_panel(axes: Axes, seeds: pd.DataFrame) -> None:
    """Points by seed, the chosen one, if there is one, marked, mean with its interval, and a box at the right."""
    per_cent = 100 * seeds["test_accuracy"].to_numpy()
    chosen = seeds["chosen"].to_numpy(dtype=bool)
    positions = np.arange(len(seeds))
    interval = limited(mean_interval(per_cent), 100)
    if np.isfinite(interval.low):
        axes.axhspan(interval.low, interval.high, color=style.SKY, alpha=0.3, lw=0, label="95 % interval of the mean")
    axes.axhline(interval.mean, color=style.BLUE, lw=0.8, label="mean of all models")
    axes.plot(positions, per_cent, "o", color=style.BLUE, label="model")
    if chosen.any():
        star: dict[str, Any] = {"ms": 10, "color": style.VERMILION, "mec": "white"}
        axes.plot(positions[chosen], per_cent[chosen], "*", label="chosen model", **star)
    box_at = len(seeds) + 0.5
    axes.boxplot([per_cent], positions=[box_at], widths=0.8, whis=(0, 100), medianprops={"color": "black"})
    axes.set_xlim(-0.8, box_at + 0.8)
    names = seeds["seed"].astype(str)
    # Each with a space; every second one, say, where not all have room.
    step = -(-(names.str.len() + 1).sum() // style.letters_in(style.panel_inches(axes)))
    named = positions[::step][positions[::step] <= box_at - step]
    axes.set_xticks([*named, box_at], [*names.iloc[named], "all"])


@style.styled
def confusion(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Figure 4: confusion matrices of the chosen models, a panel for each group.

    matrices: per group the counts, truth in rows and prediction in columns. Cells show counts; the shade is the share
    of the row.
    """
    n_emotions = max(map(len, matrices.values()))
    height = _FRAME_INCHES + max(_MATRIX_INCHES, n_emotions * _CELL_INCHES)
    width = _FRAME_INCHES + n_emotions * _CELL_INCHES
    figure, axes = style.group_panels(1, len(matrices), height, width)
    # Names stand at both axes of each panel, and have to leave room for its cells.
    n_columns = axes[0, 0].get_gridspec().ncols
    cell_inches = min(height, style.panel_inches(axes[0, 0]) - _BAR_INCHES / n_columns) - _FRAME_INCHES
    n_digits = max(len(str(counts.to_numpy().max())) for counts in matrices.values())
    font_points = min(style.FONT_POINTS, _POINTS_OF_A_CELL * cell_inches / (n_emotions * n_digits))
    most_letters = min(_MOST_LETTERS, _MOST_LETTERS_ABREAST // n_columns)
    for number, (panel, (group, counts)) in enumerate(zip(axes[0], matrices.items(), strict=True)):
        totals = counts.sum(axis=1)
        shares = counts.div(totals.where(totals > 0, 1), axis=0).to_numpy(dtype=float)
        image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts.to_numpy()):
            colour = "white" if shares[row, column] > 0.5 else "black"
            panel.text(column, row, str(count), ha="center", va="center", color=colour, size=font_points)
        emotions = [style.shown(emotion, most_letters) for emotion in counts.columns]
        panel.set_xticks(range(len(counts)), emotions, rotation=45, ha="right", rotation_mode="anchor")
        panel.set_yticks(range(len(counts)), emotions)
        panel.spines[:].set_visible(False)
        panel.set_xlabel("recognised as")
        style.panel_title(panel, number, style.in_lines(style.group_title(group), _TITLE_INCHES / n_columns))
    style.label_left(axes[0], "emotion")
    figure.colorbar(image, ax=axes.ravel().tolist(), label="share of the emotion's recordings", shrink=0.85)
    return figure


@style.styled
def learning_curves(history: pd.DataFrame, members: pd.DataFrame) -> Figure:
    """Loss (top) and accuracy (bottom) per epoch of all members.

    Thick: the mean of those that are still trained; triangles: the epoch kept.

    history, members: the tables of history.csv and members.csv.
    """
    groups = groups_of(history)
    figure, axes = style.group_panels(2, len(groups), height=4.2, sharex=True, sharey="row")
    for column, group in enumerate(groups):
        of_group = history[history["group"] == group]
        kept = members[members["group"] == group].merge(
            of_group,
            left_on=["fold", "seed", "best_epoch"],
            right_on=["fold", "seed", "epoch"],
            suffixes=("_member", ""),
        )
        for row, (measure, factor) in enumerate({"loss": 1.0, "accuracy": 100.0}.items()):
            panel = axes[row, column]
            for part, colour in _CURVES.items():
                _curves(panel, of_group, f"{part}_{measure}", factor, colour, _CURVE_LABELS[part])
            panel.plot(
                kept["epoch"], factor * kept[f"validation_{measure}"], "v", color="black", ms=3, label="epoch kept"
            )
        style.panel_title(axes[0, column], column, style.group_title(group))
        axes[1, column].set_xlabel("epoch")
        axes[1, column].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    style.label_left(axes[0], "cross-entropy (nat)")
    style.label_left(axes[1], "accuracy (%)")
    style.legend_below(figure, [axes[0, 0]])
    return figure


def _curves(axes: Axes, history: pd.DataFrame, column: str, factor: float, colour: str, label: str) -> None:
    """One thin line per member, and a thick one for the mean of those that are still trained."""
    for _, curve in history.groupby(["fold", "seed"]):
        axes.plot(curve["epoch"], factor * curve[column], color=colour, lw=0.5, alpha=0.4)
    mean = factor * history.groupby("epoch")[column].mean()
    marker = "o" if len(mean) == 1 else None
    axes.plot(mean.index, mean, color=colour, lw=1.6, marker=marker, label=label)
