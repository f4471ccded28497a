"""Figures about the errors of all recordings: distributions per emotion (9, 12), contours with extreme errors (8)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from convcam_jax.figures import style
from convcam_jax.figures.selection import extreme
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import groups_of
from convcam_jax.measures.views import RecordingView

# Where our points and the paper's marks stand beside an emotion's tick.
_OURS_AT, _PAPER_AT = -0.17, 0.2


@style.styled
def envelope_error(
    metrics: pd.DataFrame, column: str, emotions: Sequence[str], published: pd.DataFrame | None = None
) -> Figure:
    """Figure 9: error between envelope and activation contour of the correctly classified recordings, per emotion.

    metrics: rows of the chosen members; column: `q_mse` or `q_rmse`. published: `Published.recordings`; its values are
    mean squared errors, of which the root is taken for `q_rmse`.
    """
    marks = None
    if published is not None:
        printed = published["printed_q_rmse"]
        marks = published.assign(value=np.sqrt(printed) if column == "q_rmse" else printed)
    label = "paper, square root of the printed values" if column == "q_rmse" else "paper"
    return _distribution(metrics, column, emotions, marks, label, logarithmic=False)


@style.styled
def f0_error(
    metrics: pd.DataFrame, column: str, emotions: Sequence[str], published: pd.DataFrame | None = None
) -> Figure:
    """Figure 12: error between F0 and the trajectory c of the correctly classified recordings, per emotion.

    As `envelope_error`; the paper's values, of segment means in Hz, are shown with the metrics in Hz only.
    """
    marks = None
    if published is not None and METRICS[column].unit == "Hz":
        marks = published.assign(value=published["printed_f0_rmse_hz"])
    label = "paper" if column == "f0_segment_rmse_hz" else "paper, segment means"
    return _distribution(metrics, column, emotions, marks, label, logarithmic=True)


def _distribution(
    metrics: pd.DataFrame,
    column: str,
    emotions: Sequence[str],
    marks: pd.DataFrame | None,
    marks_label: str,
    logarithmic: bool,
) -> Figure:
    """Boxes and points per emotion, a panel for each group, with the paper's values as marks at their right."""
    groups = groups_of(metrics)
    if marks is not None and not marks["group"].isin(groups).any():
        marks = None
    figure, axes = style.group_panels(1, len(groups), 2.9, style.emotions_inches(emotions), sharey=True)
    for number, (panel, group) in enumerate(zip(axes[0], groups, strict=True)):
        correct = metrics[metrics["correct"].astype(bool) & (metrics["group"] == group)]
        ours_at = 0.0 if marks is None else _OURS_AT
        _emotion_points(panel, correct.assign(value=correct[column]), emotions, ours_at)
        if marks is not None:
            _emotion_marks(panel, marks[marks["group"] == group], emotions, marks_label)
        style.emotion_ticks(panel, emotions)
        panel.set_xlim(-0.6, len(emotions) - 0.4)
        style.panel_title(panel, number, style.group_title(group))
    style.label_left(axes[0], METRICS[column].label)
    first = axes[0, 0]
    # A logarithmic axis needs a positive value.
    if logarithmic and any(np.any(line.get_ydata() > 0) for panel in axes[0] for line in panel.lines):
        first.set_yscale("log")
        # Values may lie within a decade, where powers of ten alone would leave the axis without a number.
        first.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        first.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        first.yaxis.set_minor_formatter(NullFormatter())
    else:
        first.set_ylim(bottom=0)
    style.legend_below(figure, [first])
    return figure


def _emotion_points(axes: Axes, recordings: pd.DataFrame, emotions: Sequence[str], offset: float) -> None:
    """Our values: points beside each other where they are close, over a box where there are five or more."""
    for position, emotion in enumerate(emotions):
        values = np.sort(recordings.loc[recordings["emotion"] == emotion, "value"].dropna().to_numpy())
        if len(values) >= 5:
            box_colours = {name: {"color": style.GREY} for name in ("boxprops", "whiskerprops", "capprops")}
            axes.boxplot(
                [values],
                positions=[position + offset],
                widths=0.32,
                showfliers=False,
                medianprops={"color": "black"},
                manage_ticks=False,
                **box_colours,  # type: ignore[arg-type]
            )
        jitter = 0.05 * (np.arange(len(values)) % 3 - 1) if len(values) > 1 else np.zeros(len(values))
        axes.plot(
            position + offset + jitter,
            values,
            "o",
            ms=3,
            color=style.BLUE,
            label="this run (box: quartiles)" if position == 0 else None,
        )


def _emotion_marks(axes: Axes, recordings: pd.DataFrame, emotions: Sequence[str], label: str) -> None:
    """The paper's values as open diamonds."""
    for position, emotion in enumerate(emotions):
        values = recordings.loc[recordings["emotion"] == emotion, "value"]
        axes.plot(
            np.full(len(values), position + _PAPER_AT),
            values,
            "D",
            ms=3,
            mfc="none",
            mew=0.8,
            color=style.VERMILION,
            label=label if position == 0 else None,
        )


@style.styled
def extreme_envelopes(views: Mapping[str, RecordingView], metrics: pd.DataFrame, column: str) -> Figure:
    """Figure 8: envelope Q and activation contour q with the lowest (top) and the highest (bottom) error per group.

    views: by recording name, with all correctly classified recordings of the chosen members, whose rows `metrics` has.
    """
    groups = groups_of(metrics)
    figure, axes = style.group_panels(2, len(groups), height=3.8, sharey=True)
    numbers, between = style.reading_order(axes), "\n" if len(groups) > 2 else " "
    for row, highest in enumerate((False, True)):
        for place, group in enumerate(groups):
            panel = axes[row, place]
            shown = extreme(views, metrics, column, group, highest)
            if shown:
                _envelope_panel(panel, shown.view)
            else:
                style.say_empty(panel)
            what = "–"  # noqa: RUF001
            if shown:
                names = style.shown(shown.view.emotion), style.shown_recording(shown.view.recording)
                what = f"{names[0]},{between}{names[1]}: {shown.error:.3f}"
            style.panel_title(panel, numbers[row, place], f"{style.group_title(group)}, {what}")
        style.label_left(axes[row], f"{'highest' if highest else 'lowest'} error\nshare of maximum")
    style.legend_below(figure, axes.flat, title=f"error: {METRICS[column].label_in_one_line}")
    return figure


def _envelope_panel(axes: Axes, view: RecordingView) -> None:
    axes.fill_between(view.time_s, 0, view.envelope, color=style.GREY, alpha=0.25, lw=0)
    axes.plot(view.time_s, view.envelope, color=style.GREY, lw=0.8, label="envelope Q of the signal's energy")
    axes.plot(view.time_s, view.contour, color=style.VERMILION, lw=1.3, label="activation contour q")
    axes.set_xlim(view.time_s[0], view.time_s[-1])
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("time (s)")
