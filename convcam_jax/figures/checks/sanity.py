"""Figures of the sanity checks: how maps and metrics change as layers are randomised, and one recording's maps."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.sanity.sanity_tables import (
    ANOTHER_SEED,
    SHUFFLED_LABELS,
    TRAINED,
    conditions_of,
    interval_over_seeds,
    seed_means,
)
from convcam_jax.figures import style
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import groups_of

_LIKENESS_TITLES = {
    "rank_correlation": "Spearman's rank correlation",
    "signed_rank_correlation": "rank correlation without ReLU",
    "ssim": "structural similarity (SSIM)",
}
# Between the groups' marks above one condition, whose neighbour is 1 away; and what all of them take at most.
_GROUP_STEP, _GROUPS_WIDTH = 0.2, 0.6
# Names of more conditions than this would overlap in a narrow panel, so fewer panels stand side by side then.
_NARROW_CONDITIONS, _NARROW_COLUMNS, _WIDE_COLUMNS = 9, 4, 2
_EXAMPLE_COLUMNS = 4


@style.styled
def likeness(table: pd.DataFrame) -> Figure:
    """How alike the maps of a changed network and the trained one are, means of the seeds with their interval."""
    conditions = [name for name in conditions_of(table) if name != TRAINED]
    figure, axes = _panels(len(_LIKENESS_TITLES), len(conditions), height=3.0, sharey=True)
    for number, (panel, (measure, title)) in enumerate(zip(axes.flat, _LIKENESS_TITLES.items(), strict=False)):
        _panel(panel, table, measure, conditions)
        panel.axhline(0, color=style.GREY, lw=0.5)
        panel.set_ylim(-1, 1)
        style.panel_title(panel, number, title)
    for panel in axes[:, 0]:
        panel.set_ylabel("with the trained network's map")
    style.legend_below(figure, [axes[0, 0]])
    return figure


@style.styled
def metrics_by_depth(table: pd.DataFrame) -> Figure:
    """Every metric of the maps against what was randomised, means of the seeds with their interval."""
    conditions = conditions_of(table)
    figure, axes = _panels(len(METRICS), len(conditions), height=2.3, sharex=True)
    for number, (panel, (measure, metric)) in enumerate(zip(axes.flat, METRICS.items(), strict=False)):
        _panel(panel, table, measure, conditions)
        # An interval of few seeds may reach far beyond all of them.
        highest = seed_means(table, measure).max(axis=None)
        panel.set_ylim(0, 1.1 * highest if highest > 0 else 1)
        style.panel_title(panel, number, metric.title)
    style.legend_below(figure, [axes[0, 0]])
    return figure


@style.styled
def example(
    recording: str,
    magnitude: Float[np.ndarray, "F n"],
    maps: Mapping[str, Float[np.ndarray, "F n"]],
    time_s: Float[np.ndarray, " n"],
    edges_hz: Float[np.ndarray, " F+1"],
    representation: str,
) -> Figure:
    """One recording's spectrogram and its maps in 0..1 by condition, at frames in s and bins with edges in Hz.

    representation: the spectrogram's title, such as "CQT-96".
    """
    spectrogram = (style.level_db(magnitude), style.SPECTROGRAM_COLOURS, style.LEVEL_LIMITS_DB)
    pictures = {f"{representation} (dB)": spectrogram}
    pictures |= {_shown(name): (own_map, style.MAP_COLOURS, (0.0, 1.0)) for name, own_map in maps.items()}
    n_rows = -(-len(pictures) // _EXAMPLE_COLUMNS)
    figure, axes = style.new_figure(n_rows, _EXAMPLE_COLUMNS, height=1.6 * n_rows, sharex=True, sharey=True)
    for number, (panel, (title, picture)) in enumerate(zip(axes.flat, pictures.items(), strict=False)):
        values, colours, limits = picture
        style.time_frequency_image(panel, values, time_s, edges_hz, colours, limits)
        panel.set(xlabel="", ylabel="")
        style.panel_title(panel, number, title)
        if colours == style.MAP_COLOURS:
            style.say_zero(panel, values)
    _remove_left_over(axes, len(pictures))
    figure.supxlabel(f"time in {style.shown_recording(recording)} (s)", fontsize=style.FONT_POINTS)
    figure.supylabel("frequency (Hz)", fontsize=style.FONT_POINTS)
    return figure


def _panels(n_panels: int, n_conditions: int, height: float, **options: bool) -> tuple[Figure, np.ndarray]:
    """A figure and its axes for panels of all conditions; height: of a row of panels in inches."""
    n_columns = min(n_panels, _NARROW_COLUMNS if n_conditions <= _NARROW_CONDITIONS else _WIDE_COLUMNS)
    n_rows = -(-n_panels // n_columns)
    figure, axes = style.new_figure(n_rows, n_columns, height=height * n_rows, **options)
    _remove_left_over(axes, n_panels)
    return figure, axes


def _remove_left_over(axes: np.ndarray, n_panels: int) -> None:
    """Remove the panels behind the last one used, and show the names of the x axis where none stands below any more."""
    for panel in axes.flat[n_panels:]:
        panel.remove()
    n_left = n_panels % axes.shape[1]
    if n_left and axes.shape[0] > 1:
        for panel in axes[-2, n_left:]:
            panel.tick_params(labelbottom=True)


def _panel(axes: Axes, table: pd.DataFrame, measure: str, conditions: Sequence[str]) -> None:
    """Means per seed as small points; their mean with its interval; a line through the cascade."""
    means = seed_means(table, measure)
    cascade = [i for i, name in enumerate(conditions) if name not in (SHUFFLED_LABELS, ANOTHER_SEED)]
    looks = style.group_looks(groups_of(table))
    step = min(_GROUP_STEP, _GROUPS_WIDTH / len(looks))
    for place, (group, (colour, marker, _)) in enumerate(looks.items()):
        at = np.arange(len(conditions)) + step * (place - (len(looks) - 1) / 2)
        by_seed = means.loc[group, list(conditions)]
        axes.plot(np.tile(at, len(by_seed)), by_seed.to_numpy().ravel(), ".", color=colour, ms=2.5, alpha=0.5)
        intervals = [interval_over_seeds(table, means, group, name, measure) for name in conditions]
        mean, low, high, _ = np.array(intervals).T
        reach = np.nan_to_num([mean - low, high - mean])
        axes.errorbar(at, mean, reach, fmt=marker, ms=3, lw=0.8, color=colour, label=style.legend_name(group))
        axes.plot(at[cascade], mean[cascade], color=colour, lw=0.8)
    style.turned_ticks(axes, [_shown(name) for name in conditions], degrees=60)


def _shown(condition: str) -> str:
    return condition.replace("_", " ")
