"""Figures of the sanity checks: how maps and metrics change as layers are randomised, and one recording's maps."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.sanity.sanity_tables import (
    CONDITIONS,
    SHUFFLED_LABELS,
    TRAINED,
    interval_over_seeds,
    seed_means,
)
from convcam_jax.figures import style
from convcam_jax.measures.metrics import METRICS
from convcam_jax.measures.statistics import genders_of

_COLOURS = {"female": style.VERMILION, "male": style.BLUE}
_LABELS = {
    **style.METRIC_LABELS,
    "rank_correlation": "Spearman's rank correlation",
    "signed_rank_correlation": "rank correlation without ReLU",
    "ssim": "structural similarity (SSIM)",
    "energy_ratio": "share of energy in the mask",
    "mask_area": "share of cells in the mask",
}


@style.styled
def likeness(table: pd.DataFrame) -> Figure:
    """How alike the maps of a changed network and the trained one are, means of the seeds with their interval."""
    figure, axes = style.new_figure(1, 3, height=3.0, sharey=True)
    for number, (panel, measure) in enumerate(
        zip(axes[0], ("rank_correlation", "signed_rank_correlation", "ssim"), strict=True)
    ):
        _panel(panel, table, measure, [name for name in CONDITIONS if name != TRAINED])
        panel.axhline(0, color=style.GREY, lw=0.5)
        panel.set_ylim(-1, 1)
        style.panel_title(panel, number, _LABELS[measure])
    axes[0, 0].set_ylabel("with the trained network's map")
    style.legend_below(figure, [axes[0, 0]])
    return figure


@style.styled
def metrics_by_depth(table: pd.DataFrame) -> Figure:
    """Every metric of the maps against what was randomised, means of the seeds with their interval."""
    figure, axes = style.new_figure(2, 4, height=4.6, sharex=True)
    for number, (panel, measure) in enumerate(zip(axes.flat, METRICS, strict=True)):
        _panel(panel, table, measure, CONDITIONS)
        # An interval of few seeds may reach far beyond all of them.
        highest = seed_means(table, measure).max(axis=None)
        panel.set_ylim(0, 1.1 * highest if highest > 0 else 1)
        label = _LABELS[measure].replace(", ", ",\n").replace(" (", "\n(", 1).replace(" in the", "\nin the")
        style.panel_title(panel, number, label)
    style.legend_below(figure, [axes[0, 0]])
    return figure


@style.styled
def example(
    recording: str, cqt: np.ndarray, maps: Mapping[str, np.ndarray], time_s: np.ndarray, bin_hz: np.ndarray
) -> Figure:
    """One recording's CQT `[F, n]` and its maps `[F, n]` in 0..1 by condition, at frames `[n]` in s and bins `[F]`."""
    pictures = {"CQT": cqt / max(cqt.max(), np.finfo(float).tiny), **maps}
    figure, axes = style.new_figure(2, -(-len(pictures) // 2), height=3.2, sharex=True, sharey=True)
    for number, (panel, (name, values)) in enumerate(zip(axes.flat, pictures.items(), strict=False)):
        colours = style.SPECTROGRAM_COLOURS if name == "CQT" else style.MAP_COLOURS
        style.time_frequency_image(panel, values, time_s, bin_hz, colours, (0, 1))
        panel.set(xlabel="", ylabel="")
        style.panel_title(panel, number, _shown(name))
        if not np.any(values):
            panel.text(0.5, 0.5, "zero", transform=panel.transAxes, ha="center", va="center", color="white")
    for panel in axes.flat[len(pictures) :]:
        panel.set_visible(False)
    figure.supxlabel(f"time in {recording} (s)", fontsize=style.FONT_POINTS)
    figure.supylabel("frequency (Hz)", fontsize=style.FONT_POINTS)
    return figure


def _panel(axes: Axes, table: pd.DataFrame, measure: str, conditions: Sequence[str]) -> None:
    """Means per seed as small points; their mean with its interval; a line through the cascade."""
    means = seed_means(table, measure)
    shown = [name for name in conditions if name in means]
    cascade = [i for i, name in enumerate(shown) if name not in CONDITIONS[CONDITIONS.index(SHUFFLED_LABELS) :]]
    for place, gender in enumerate(genders_of(table)):
        colour = _COLOURS.get(gender, style.GREY)
        at = np.arange(len(shown)) + 0.2 * (place - 0.5)
        own = means.loc[gender, shown]
        axes.plot(np.tile(at, len(own)), own.to_numpy().ravel(), ".", color=colour, ms=2.5, alpha=0.5)
        mean, low, high, _ = np.array([interval_over_seeds(own[name], measure) for name in shown]).T
        reach = np.nan_to_num([mean - low, high - mean])
        axes.errorbar(at, mean, reach, fmt="o", ms=3, lw=0.8, color=colour, label=style.gender_title(gender))
        axes.plot(at[cascade], mean[cascade], color=colour, lw=0.8)
    axes.set_xticks(range(len(shown)), [_shown(n) for n in shown], rotation=60, ha="right", rotation_mode="anchor")


def _shown(condition: str) -> str:
    return condition.replace("_", " ")
