"""Figures about F0 and the trajectory c: how c is determined (10), best recordings (11), errors of F0 (13)."""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from convcam_jax.figures import style
from convcam_jax.figures.selection import OCTAVE_LEAP_SEMITONES, extreme, f0_leaps, with_f0_errors
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.metrics import dominant_cells
from convcam_jax.measures.segments import segments
from convcam_jax.measures.statistics import groups_of
from convcam_jax.measures.views import RecordingView, cell_edges

# The paper's two examples of wrong F0 contours.
F0_ERROR_EXAMPLES = ("13b01Ab", "13a01Nb")


def kept_cells(view: RecordingView, threshold: float) -> np.ndarray:
    """Cells [F, n] in voiced columns whose value is at least `threshold` of the column's maximum, zeros left out."""
    return np.asarray(dominant_cells(jnp.asarray(view.map), threshold)) & view.voiced.astype(bool)


def _where_voiced(view: RecordingView, values_hz: np.ndarray) -> np.ndarray:
    return np.where(view.voiced.astype(bool), values_hz, np.nan)


@style.styled
def trajectory_scheme(view: RecordingView, threshold: float) -> Figure:
    """Figure 10: segments of F0 (a), cells of the map that are kept in them, grey (b), trajectory c (c).

    threshold: share of a column's maximum below which a cell is left out.
    """
    figure, axes = style.new_figure(
        3, 1, width=style.COLUMN_INCHES, height=4.8, sharex=True, gridspec_kw={"height_ratios": [1, 1.6, 1]}
    )
    top, middle, bottom = axes[:, 0]
    cells = np.where(kept_cells(view, threshold), 1.0, np.nan)
    style.time_frequency_image(middle, cells, view.time_s, view.edges_hz, ListedColormap([style.GREY]), (0.0, 1.0))
    edges = cell_edges(view.time_s)
    for panel in (top, middle, bottom):
        for segment in segments(view.voiced):
            panel.axvspan(edges[segment.start], edges[segment.stop], color=style.SKY, alpha=0.2, lw=0, zorder=0)
    top.plot(view.time_s, _where_voiced(view, view.f0_hz), ".-", ms=3, color=style.BLUE)
    top.set_ylabel("F0 (Hz)")
    middle.set_xlabel("")
    bottom.plot(view.time_s, _where_voiced(view, view.trajectory_hz), ".-", ms=3, color=style.VERMILION)
    bottom.set_ylabel("c (Hz)")
    bottom.set_xlabel("time (s)")
    style.panel_title(top, 0, f"segments of F0, {style.shown_recording(view.recording)} ({style.shown(view.emotion)})")
    style.panel_title(middle, 1, f"cells of at least {threshold:g} of their column's maximum")
    style.panel_title(bottom, 2, "trajectory c of the map")
    return figure


@style.styled
def best_trajectories(
    views: Mapping[str, RecordingView], metrics: pd.DataFrame, column: str, emotions: Sequence[str]
) -> Figure:
    """Figure 11: F0 and trajectory c of the recording with the lowest error per emotion and group.

    Thin: frames; thick: means of the voiced segments. views: by recording name, with all correctly classified
    recordings of the chosen members, whose rows `metrics` has; column: a metric of F0.
    """
    groups = groups_of(metrics)
    figure, axes = style.group_panels(len(emotions), len(groups), height=0.5 + 1.3 * len(emotions))
    metric, between = METRICS[column], "\n" if len(groups) > 2 else " "
    for row, emotion in enumerate(emotions):
        for place, group in enumerate(groups):
            panel = axes[row, place]
            shown = extreme(views, metrics, column, group, emotion=emotion)
            if shown:
                _trajectory_panel(panel, shown.view)
            else:
                style.say_empty(panel)
            what = f"{style.shown_recording(shown.view.recording)}, {shown.error:.1f} {metric.unit}" if shown else "–"  # noqa: RUF001
            prefix = f"({style.panel_letter(place)}) {style.group_title(group)}, " if row == 0 else ""
            style.left_title(panel, f"{prefix}{style.shown(emotion)}:{between}{what}")
        style.label_left(axes[row], "frequency (Hz)")
    for panel in axes[-1]:
        panel.set_xlabel("time (s)")
    style.legend_below(figure, axes.flat, title=f"error: {metric.label_in_one_line}")
    return figure


def _trajectory_panel(axes: Axes, view: RecordingView) -> None:
    """F0 and c of one recording over time: frames thin, means of segments thick, over the frames that have both."""
    contours = {"F0": (view.f0_hz, style.BLUE), "trajectory c of the map": (view.trajectory_hz, style.VERMILION)}
    edges, scored = cell_edges(view.time_s), np.isfinite(view.trajectory_hz)
    for label, (values_hz, colour) in contours.items():
        axes.plot(view.time_s, _where_voiced(view, values_hz), ".-", ms=1.5, lw=0.5, color=colour, alpha=0.7)
        for number, segment in enumerate(segments(view.voiced)):
            mean_hz = values_hz[segment][scored[segment]].mean() if scored[segment].any() else np.nan
            span_s = [edges[segment.start], edges[segment.stop]]
            axes.plot(
                span_s,
                [mean_hz, mean_hz],
                color=colour,
                lw=2,
                label=None if number else f"{label} (thick: segment means)",
            )
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, view.time_s[-1])


@style.styled
def f0_errors(views: Mapping[str, RecordingView], preferred: Sequence[str] = F0_ERROR_EXAMPLES) -> Figure:
    """Figure 13: F0 contours with errors of the F0 analysis, of the paper's examples where `views` has them.

    Otherwise those with the greatest leaps between frames. Circles mark frames on both sides of a leap of 10 semitones
    or more, that is, of nearly an octave.
    """
    chosen = with_f0_errors(views, preferred)
    figure, axes = style.new_figure(1, max(len(chosen), 1), height=2.3)
    if not chosen:
        style.say_empty(axes[0, 0], "no recording")
    for number, view in enumerate(chosen):
        panel = axes[0, number]
        panel.plot(view.time_s, _where_voiced(view, view.f0_hz), ".-", ms=4, lw=0.7, color=style.BLUE, label="F0")
        leaps = np.flatnonzero(f0_leaps(view) >= OCTAVE_LEAP_SEMITONES)
        frames = np.unique(np.concatenate([leaps, leaps + 1]))
        panel.plot(
            view.time_s[frames],
            view.f0_hz[frames],
            "o",
            ms=8,
            mfc="none",
            mew=1,
            color=style.VERMILION,
            label="leap of F0",
        )
        panel.set_xlim(0, view.time_s[-1])
        panel.set_ylim(0, 1.1 * max(view.f0_hz.max(), 1.0))
        panel.set_xlabel("time (s)")
        names = style.group_title(view.group), style.shown(view.emotion), style.shown_recording(view.recording)
        style.panel_title(panel, number, ", ".join(names))
    axes[0, 0].set_ylabel("F0 (Hz)")
    style.legend_below(figure, [axes[0, 0]])
    return figure
