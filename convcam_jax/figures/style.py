"""One look for all figures: sizes of a two-column page, colours the colour-blind can tell apart, axes in Hz and s."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

COLUMN_INCHES = 3.5
PAGE_INCHES = 7.2

# Okabe and Ito's palette.
BLUE, VERMILION, SKY, GREY = "#0072B2", "#D55E00", "#56B4E9", "#7F7F7F"
MAP_COLOURS = "viridis"
SPECTROGRAM_COLOURS = "magma"

METRIC_LABELS = {
    "q_mse": "mean squared error, Q and q",
    "q_rmse": "RMSE, Q and q",
    "f0_segment_rmse_hz": "RMSE of segment means,\nF0 and c (Hz)",
    "f0_frame_rmse_hz": "RMSE over frames,\nF0 and c (Hz)",
    "f0_segment_rmse_semitones": "RMSE of segment means,\nF0 and c (semitones)",
    "f0_frame_rmse_semitones": "RMSE over frames,\nF0 and c (semitones)",
}
GENDER_TITLES = {"female": "females", "male": "males"}

FONT_POINTS = 8
_SETTINGS: Any = {
    "font.size": FONT_POINTS,
    "axes.titlesize": FONT_POINTS,
    "axes.labelsize": FONT_POINTS,
    "legend.fontsize": FONT_POINTS - 1,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 4.0,
    "figure.dpi": 200,
    "savefig.dpi": 200,
}
_FREQUENCY_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000)

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with the shared settings, whatever the caller's are; the figure gets an Agg canvas."""

    @functools.wraps(draw)
    def draw_styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            figure = draw(*args, **kwargs)
            FigureCanvasAgg(figure)
            # Tick labels are made when the figure is saved, outside these settings.
            for axes in figure.axes:
                axes.tick_params(which="both", labelsize=FONT_POINTS - 1, width=0.6, length=2.5)
        return figure

    return draw_styled


def new_figure(
    rows: int, columns: int, width: float = PAGE_INCHES, height: float = 2.4, **options: object
) -> tuple[Figure, np.ndarray]:
    """A figure of `width` x `height` inches and its axes [rows, columns]; `options` go to `Figure.subplots`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)  # type: ignore[call-overload]


def panel_title(axes: Axes, number: int, text: str) -> None:
    """Title at the left: (a) text, (b) text, ..."""
    axes.set_title(f"({chr(ord('a') + number)}) {text}", loc="left")


def legend_below(
    figure: Figure, panels: Iterable[Axes], n_columns: int | None = None, title: str | None = None
) -> None:
    """One legend below all panels of what `panels` have labelled, each label once; none if they have nothing."""
    found = [axes.get_legend_handles_labels() for axes in panels]
    handles = {label: handle for both in found for handle, label in zip(*both, strict=True)}
    if handles:
        n_columns = n_columns or len(handles)
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=n_columns, title=title)


def gender_title(gender: str) -> str:
    """The paper's word for the recordings of a gender."""
    return GENDER_TITLES.get(gender, gender)


def say_empty(axes: Axes, text: str = "no correctly classified recording with a value") -> None:
    """Write in the middle of empty axes why they are empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def frequency_axis(axes: Axes, bin_hz: np.ndarray) -> None:
    """Logarithmic frequency axis that spans the bins [F], with round figures in Hz."""
    edges = frequency_edges(bin_hz)
    axes.set_yscale("log")
    axes.set_ylim(edges[0], edges[-1])
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in _FREQUENCY_TICKS_HZ if edges[0] <= tick <= edges[-1]]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel("frequency (Hz)")


def frequency_edges(bin_hz: np.ndarray) -> np.ndarray:
    """Edges [F + 1] of bins whose centres [F] are spaced geometrically."""
    half_step = np.sqrt(bin_hz[1] / bin_hz[0])
    return np.append(bin_hz / half_step, bin_hz[-1] * half_step)


def time_edges(time_s: np.ndarray) -> np.ndarray:
    """Edges [n + 1] of evenly spaced frames that are centred on the times [n]."""
    half_step = (time_s[1] - time_s[0]) / 2 if len(time_s) > 1 else 0.5
    return np.append(time_s - half_step, time_s[-1] + half_step)


def time_frequency_image(
    axes: Axes,
    values: np.ndarray,
    time_s: np.ndarray,
    bin_hz: np.ndarray,
    colours: str | Colormap,
    limits: tuple[float, float],
) -> QuadMesh:
    """Values [F, n] over time in s and logarithmic frequency in Hz; returns what a colour bar needs."""
    mesh = axes.pcolormesh(
        time_edges(time_s),
        frequency_edges(bin_hz),
        values,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        rasterized=True,
    )
    frequency_axis(axes, bin_hz)
    axes.set_xlim(time_s[0], time_edges(time_s)[-1])
    axes.set_xlabel("time (s)")
    return mesh
