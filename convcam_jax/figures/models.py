"""Figures about the models: accuracy (2), confusion matrices (4), learning curves."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from convcam_jax.figures import style
from convcam_jax.measures.statistics import genders_of, mean_interval

_CURVES = {"train": style.BLUE, "validation": style.VERMILION}
_CURVE_LABELS = {"train": "train (during the epoch, with dropout)", "validation": "validation"}


@style.styled
def accuracy(members: pd.DataFrame, published_best: Mapping[str, float] | None = None) -> Figure:
    """Figure 2: test accuracy of every member, females (a) and males (b).

    members: the members table. published_best: accuracy (0..1) of the paper's best model per gender, drawn as a line.
    """
    genders = genders_of(members)
    figure, axes = style.new_figure(1, len(genders), sharey=True)
    for number, (panel, gender) in enumerate(zip(axes[0], genders, strict=True)):
        of_gender = members[members["gender"] == gender].sort_values("seed")
        _accuracy_panel(panel, of_gender)
        if published_best is not None and gender in published_best:
            panel.axhline(
                100 * published_best[gender], color=style.GREY, linestyle="--", label="paper's best model (inferred)"
            )
        style.panel_title(panel, number, style.gender_title(gender))
        panel.set_xlabel("model (seed)")
    axes[0, 0].set_ylabel("test accuracy (%)")
    style.legend_below(figure, [axes[0, 0]])
    return figure


def _accuracy_panel(axes: Axes, members: pd.DataFrame) -> None:
    """Points by seed, the chosen one marked, mean with its interval, and a box at the right."""
    per_cent = 100 * members["test_accuracy"].to_numpy()
    chosen = members["chosen"].to_numpy(dtype=bool)
    positions = np.arange(len(members))
    interval = mean_interval(per_cent)
    if np.isfinite(interval.low):
        axes.axhspan(interval.low, interval.high, color=style.SKY, alpha=0.3, lw=0, label="95 % interval of the mean")
    axes.axhline(interval.mean, color=style.BLUE, lw=0.8, label="mean of all models")
    axes.plot(positions, per_cent, "o", color=style.BLUE, label="model")
    axes.plot(positions[chosen], per_cent[chosen], "*", ms=10, color=style.VERMILION, mec="white", label="chosen model")
    box_at = len(members) + 0.5
    axes.boxplot([per_cent], positions=[box_at], widths=0.8, whis=(0, 100), medianprops={"color": "black"})
    axes.set_xlim(-0.8, box_at + 0.8)
    axes.set_xticks([*positions, box_at], [*(str(seed) for seed in members["seed"]), "all"])


@style.styled
def confusion(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Figure 4: confusion matrices of the chosen models, females (a), males (b).

    matrices: per gender the counts, truth in rows and prediction in columns. Cells show counts; the shade is the share
    of the row.
    """
    figure, axes = style.new_figure(1, len(matrices), height=3.1)
    for number, (panel, (gender, counts)) in enumerate(zip(axes[0], matrices.items(), strict=True)):
        totals = counts.sum(axis=1)
        shares = counts.div(totals.where(totals > 0, 1), axis=0).to_numpy(dtype=float)
        image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts.to_numpy()):
            colour = "white" if shares[row, column] > 0.5 else "black"
            panel.text(column, row, str(count), ha="center", va="center", color=colour)
        panel.set_xticks(range(len(counts)), list(counts.columns), rotation=45, ha="right", rotation_mode="anchor")
        panel.set_yticks(range(len(counts)), list(counts.index))
        panel.spines[:].set_visible(False)
        panel.set_xlabel("recognised as")
        style.panel_title(panel, number, style.gender_title(gender))
    axes[0, 0].set_ylabel("emotion")
    figure.colorbar(image, ax=axes, label="share of the emotion's recordings", shrink=0.85)
    return figure


@style.styled
def learning_curves(history: pd.DataFrame, members: pd.DataFrame) -> Figure:
    """Loss (top) and accuracy (bottom) per epoch of all members; thick: the mean; triangles: the epoch kept."""
    genders = genders_of(history)
    figure, axes = style.new_figure(2, len(genders), height=4.2, sharex=True, sharey="row")
    for column, gender in enumerate(genders):
        of_gender = history[history["gender"] == gender]
        kept = members[members["gender"] == gender].merge(
            of_gender, left_on=["seed", "best_epoch"], right_on=["seed", "epoch"], suffixes=("_member", "")
        )
        for row, (measure, factor) in enumerate({"loss": 1, "accuracy": 100}.items()):
            panel = axes[row, column]
            for part, colour in _CURVES.items():
                _curves(panel, of_gender, f"{part}_{measure}", factor, colour, _CURVE_LABELS[part])
            panel.plot(
                kept["epoch"], factor * kept[f"validation_{measure}"], "v", color="black", ms=3, label="epoch kept"
            )
        style.panel_title(axes[0, column], column, style.gender_title(gender))
        axes[1, column].set_xlabel("epoch")
        axes[1, column].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[0, 0].set_ylabel("cross-entropy (nat)")
    axes[1, 0].set_ylabel("accuracy (%)")
    style.legend_below(figure, [axes[0, 0]])
    return figure


def _curves(axes: Axes, history: pd.DataFrame, column: str, factor: float, colour: str, label: str) -> None:
    """One thin line per seed and a thick one for their mean."""
    for _, curve in history.groupby("seed"):
        axes.plot(curve["epoch"], factor * curve[column], color=colour, lw=0.5, alpha=0.4)
    mean = factor * history.groupby("epoch")[column].mean()
    marker = "o" if len(mean) == 1 else None
    axes.plot(mean.index, mean, color=colour, lw=1.6, marker=marker, label=label)
