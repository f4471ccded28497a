"""One look for all figures: sizes of a two-column page, colours the colour-blind can tell apart, axes in Hz and s."""

import contextlib
import functools
import io
import itertools
import string
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, ParamSpec

import matplotlib
import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from convcam_jax.figures.fonts import drawable, use_fonts_of_letters
from convcam_jax.figures.frequency import drawn_edges
from convcam_jax.measures.views import cell_edges
from convcam_jax.representations.scale import SHOWN_RANGE_DB, decibels
from convcam_jax.system.text import in_one_line

COLUMN_INCHES = 3.5
PAGE_INCHES = 7.2

# Okabe and Ito's palette.
BLUE, VERMILION, SKY, GREY = "#0072B2", "#D55E00", "#56B4E9", "#7F7F7F"
GREEN, ORANGE, PURPLE = "#009E73", "#E69F00", "#CC79A7"
MAP_COLOURS = "viridis"
SPECTROGRAM_COLOURS = "magma"

GROUP_TITLES = {"female": "females", "male": "males"}
_GROUP_COLOURS = {"female": VERMILION, "male": BLUE}
_OTHER_COLOURS = (GREEN, ORANGE, PURPLE, SKY, BLUE, VERMILION, GREY)
# Of marks and bars, the next one where the colours begin again.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_HATCHES = ("", "////", "....", "xxxx", "++++", "----", "oooo")

# Narrower panels stand in further rows.
_PANEL_INCHES = PAGE_INCHES / 4
# Of the turned names of emotions beside one another.
_EMOTION_INCHES = 0.22
# Of the font of panel titles.
_LETTERS_PER_INCH = 15.0

# Of labels and groups, and of recordings, whose names are often long.
_MOST_LETTERS, _MOST_LETTERS_OF_A_RECORDING = 30, 60

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
    # Names come from the user; in them a dollar sign is a dollar sign, and nothing is a formula.
    "text.parse_math": False,
}
# Of `level_db`.
LEVEL_LIMITS_DB = (-SHOWN_RANGE_DB, 0.0)
_FREQUENCY_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with the shared settings, whatever the caller's are; the figure gets an Agg canvas."""

    @functools.wraps(draw)
    def draw_styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _settings():
            figure = draw(*args, **kwargs)
            FigureCanvasAgg(figure)
            for axes in figure.axes:
                axes.tick_params(which="both", labelsize=FONT_POINTS - 1, width=0.6, length=2.5)
        return figure

    return draw_styled


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


class _StyledFigure(Figure):
    """A figure that keeps the shared settings when it is saved, which is when the labels of most ticks are made."""

    def draw(self, renderer: RendererBase) -> None:
        with _settings():
            use_fonts_of_letters(self)
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        """The picture that a notebook shows, which knows only figures of pyplot by itself."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi="figure")
        return file.getvalue()


def new_figure(
    rows: int, columns: int, width: float = PAGE_INCHES, height: float = 2.4, **options: object
) -> tuple[Figure, np.ndarray]:
    """A figure of `width` x `height` inches and its axes [rows, columns]; `options` go to `Figure.subplots`."""
    figure = _StyledFigure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)  # type: ignore[call-overload]


def group_panels(
    rows: int, n_groups: int, height: float, width: float = _PANEL_INCHES, **options: Any
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes [rows, n_groups]: a column of panels per group, in blocks as wide as the page.

    height: of a block in inches; further blocks stand below the first. width: of a panel with its labels in inches, at
    least. `options` go to `Figure.subplots`; with `sharey` of "row" the groups share the axis in all blocks.
    """
    n_blocks = -(-n_groups // max(1, int(PAGE_INCHES / width)))
    n_columns = -(-n_groups // n_blocks)
    figure, grid = new_figure(n_blocks * rows, n_columns, height=n_blocks * height, **options)
    blocks = grid.reshape(n_blocks, rows, n_columns).swapaxes(0, 1).reshape(rows, -1)
    panels = blocks[:, :n_groups]
    for left_over in blocks[:, n_groups:].flat:
        left_over.remove()
    for panel in panels[-1]:
        # Below the lowest panel of a group there are those of other groups, or none.
        panel.tick_params(labelbottom=True)
    if options.get("sharey") == "row":
        for row, column in itertools.product(range(rows), range(n_columns, n_groups, n_columns)):
            panels[row, column].sharey(panels[row, 0])
    return figure, panels


def label_left(panels: Iterable[Axes], text: str) -> None:
    """Label the vertical axis of those panels that stand at the left of their row."""
    for panel in panels:
        place = panel.get_subplotspec()
        if place is not None and place.is_first_col():
            panel.set_ylabel(text)


def reading_order(panels: np.ndarray) -> np.ndarray:
    """The numbers of panels [rows, columns] of `group_panels`, from 0, as a reader meets them on the page."""
    places = [panel.get_subplotspec() for panel in panels.flat]
    on_page = [(place.rowspan.start, place.colspan.start) for place in places]
    numbers = [sorted(on_page).index(own) for own in on_page]
    return np.array(numbers, dtype=object).reshape(panels.shape)


def panel_letter(number: int) -> str:
    """The letter of panel `number` >= 0: a to z, then aa, ab, and so on.

    >>> [panel_letter(number) for number in (0, 25, 26, 27, 701, 702)]
    ['a', 'z', 'aa', 'ab', 'zz', 'aaa']
    """
    before, last = divmod(number, len(string.ascii_lowercase))
    return (panel_letter(before - 1) if before else "") + string.ascii_lowercase[last]


def panel_title(axes: Axes, number: int, text: str) -> None:
    """Title at the left: (a) text, (b) text, ..."""
    left_title(axes, f"({panel_letter(number)}) {text}")


def left_title(axes: Axes, text: str) -> None:
    """Title at the left, in as many lines as the panel's width makes necessary."""
    axes.set_title(in_lines(text, panel_inches(axes)), loc="left")


def panel_inches(axes: Axes) -> float:
    """The width of a panel with its labels."""
    place, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    assert place is not None
    assert figure is not None
    return figure.get_figwidth() / place.get_gridspec().ncols


def letters_in(inches: float) -> int:
    """About how many letters stand side by side."""
    return max(1, int(inches * _LETTERS_PER_INCH))


def in_lines(text: str, inches: float) -> str:
    """The text with its long lines broken between words, so that they take about that many inches."""
    n_letters = letters_in(inches)
    lines = (textwrap.wrap(line, n_letters, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(itertools.chain.from_iterable(lines))


def legend_below(
    figure: Figure, panels: Iterable[Axes], n_columns: int | None = None, title: str | None = None
) -> None:
    """One legend below all panels of what `panels` have labelled, each label once; none if they have nothing.

    Without `n_columns` it is one row, or as many as its labels need; the figure becomes higher by those.
    """
    found = [axes.get_legend_handles_labels() for axes in panels]
    handles = {label: handle for both in found for handle, label in zip(*both, strict=True)}
    for n_rows in range(1, len(handles) + 1):
        legend = figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside lower center",
            ncols=n_columns or -(-len(handles) // n_rows),
            title=title,
        )
        use_fonts_of_letters(figure)
        extent = legend.get_window_extent()
        if n_columns or n_rows == len(handles) or extent.width <= figure.bbox.width:
            figure.set_figheight(figure.get_figheight() + (1 - 1 / n_rows) * extent.height / figure.dpi)
            break
        legend.remove()


def shown(word: str, most_letters: int = _MOST_LETTERS) -> str:
    """A word of the user's as it is drawn: as it is, in one line, without the middle of what is too long.

    Of letters that no font of the machine has, their numbers.

    >>> shown("a word that is longer than there is room for", 20)
    'a word tha…room for'
    """
    letters = [drawable(letter) for letter in in_one_line(word)]
    if sum(map(len, letters)) <= most_letters:
        return "".join(letters)
    n_last = most_letters // 2 - 1
    first, last = _fitting(letters, most_letters - 1 - n_last), _fitting(letters[::-1], n_last)[::-1]
    return f"{''.join(first).rstrip()}…{''.join(last).lstrip()}"


def _fitting(letters: Sequence[str], most: int) -> Sequence[str]:
    """As many of the first letters, of which each is drawn as one or more, as are drawn as `most` at most."""
    return letters[: sum(length <= most for length in itertools.accumulate(map(len, letters)))]


def shown_recording(name: str) -> str:
    """The name of a recording as it is drawn."""
    return shown(name, _MOST_LETTERS_OF_A_RECORDING)


def group_title(group: str) -> str:
    """How the recordings of a group are called: the paper's word where it has one, else the group's name."""
    return GROUP_TITLES.get(group) or shown(group)


def legend_name(group: str) -> str:
    """The title of a group as the label of marks: Matplotlib leaves those out of legends that begin with "_"."""
    title = group_title(group)
    return f" {title}" if title.startswith("_") else title


class GroupLook(NamedTuple):
    """What tells a group from others: its colour, with the marker of marks or the hatch of bars."""

    colour: str
    marker: str
    hatch: str


def group_looks(groups: Sequence[str]) -> dict[str, GroupLook]:
    """A look per group: the paper's groups have their colours, others the next of a list.

    Each time the list of colours begins again, the marker and the hatch are the next ones.
    """
    known_colours = {group: _GROUP_COLOURS[group] for group in groups if group in _GROUP_COLOURS}
    colours = [colour for colour in _OTHER_COLOURS if colour not in known_colours.values()]
    others = (
        GroupLook(colour, marker, hatch)
        for marker, hatch in itertools.cycle(zip(_MARKERS, _HATCHES, strict=True))
        for colour in colours
    )
    return {
        group: GroupLook(known_colours[group], _MARKERS[0], _HATCHES[0]) if group in known_colours else next(others)
        for group in groups
    }


def say_empty(axes: Axes, text: str = "no correctly classified recording with a value") -> None:
    """Write in the middle of empty axes why they are empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def say_zero(axes: Axes, shown_map: Shaped[np.ndarray, "F n"]) -> None:
    """Write on a map that is zero everywhere that it is: it looks as a faint one does."""
    if not np.any(shown_map):
        axes.text(0.5, 0.5, "zero", transform=axes.transAxes, ha="center", va="center", color="white")


def frequency_axis(axes: Axes, edges_hz: Float[np.ndarray, " E"]) -> None:
    """Logarithmic frequency axis that spans bins with these edges, all > 0, with round figures in Hz."""
    lowest, highest = edges_hz[0], edges_hz[-1]
    axes.set_yscale("log")
    axes.set_ylim(lowest, highest)
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in _FREQUENCY_TICKS_HZ if lowest <= tick <= highest]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel("frequency (Hz)")


def emotion_ticks(axes: Axes, emotions: Sequence[str]) -> None:
    """The names of emotions below the places 0, 1, 2, ... of a panel, turned so that they have room."""
    turned_ticks(axes, [shown(emotion) for emotion in emotions], degrees=35)


def emotions_inches(emotions: Sequence[str]) -> float:
    """The width of a panel in which the names of `emotion_ticks` have room."""
    return max(_PANEL_INCHES, len(emotions) * _EMOTION_INCHES)


def turned_ticks(axes: Axes, names: Sequence[str], degrees: float) -> None:
    """Names that end below the places 0, 1, 2, ... of a panel."""
    axes.set_xticks(range(len(names)), names, rotation=degrees, ha="right", rotation_mode="anchor")


def level_db(magnitude: Float[np.ndarray, "F n"]) -> Float[np.ndarray, "F n"]:
    """Magnitudes in dB below the greatest, within `LEVEL_LIMITS_DB`; silence is at the lower one."""
    return decibels(magnitude, SHOWN_RANGE_DB) - SHOWN_RANGE_DB


def time_frequency_image(
    axes: Axes,
    values: Shaped[np.ndarray, "F n"],
    time_s: Float[np.ndarray, " n"],
    edges_hz: Float[np.ndarray, " F+1"],
    colours: str | Colormap,
    limits: tuple[float, float],
) -> QuadMesh:
    """Values [F, n] over time in s and logarithmic frequency in Hz; returns what a colour bar needs.

    edges_hz: of the bins, ascending; a lowest edge of 0 Hz is drawn at half of the next one (`drawn_edges`).
    """
    edges_hz = drawn_edges(edges_hz)
    mesh = axes.pcolormesh(
        cell_edges(time_s), edges_hz, values, cmap=colours, vmin=limits[0], vmax=limits[1], rasterized=True
    )
    frequency_axis(axes, edges_hz)
    axes.set_xlim(time_s[0], cell_edges(time_s)[-1])
    axes.set_xlabel("time (s)")
    return mesh
