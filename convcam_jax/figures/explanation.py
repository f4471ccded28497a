"""One recording as an ensemble hears it: spectrogram, map, F0 and c, Q and q, and what the members answer."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.figures import style
from convcam_jax.figures.fonts import use_fonts_of_letters
from convcam_jax.measures.segments import STRONG
from convcam_jax.measures.views import RecordingView, cell_edges
from convcam_jax.system.progress import counted

# Of the panels in inches, without what stands between them; that of the answers has room for a few emotions.
_HEIGHTS, _ANSWERS_HEIGHT = (1.6, 1.6, 1.0, 1.0), 1.2
_FEW_EMOTIONS, _EMOTION_HEIGHT = 6, 0.14
# What a column has room for beside its panels, and what titles keep from the edge, in inches.
_LABELS_WIDTH, _EDGE_WIDTH = 0.5, 0.03

# How much higher than its curves a panel is whose legend stands above them.
_ROOM_FOR_LEGEND = 1.35


@style.styled
def explanation(view: RecordingView, probabilities: Float[np.ndarray, "S C"], emotions: Sequence[str]) -> Figure:
    """The recording, the mean map of its predicted class, its contours, and each member's probabilities.

    view: of the predicted class; probabilities: a dot for each of S members, their means as bars.
    """
    heights = [*_HEIGHTS, _ANSWERS_HEIGHT + _EMOTION_HEIGHT * max(0, len(emotions) - _FEW_EMOTIONS)]
    figure, axes = style.new_figure(
        5, 1, width=style.COLUMN_INCHES, height=0.8 + sum(heights), gridspec_kw={"height_ratios": heights}
    )
    spectrogram, own_map, frequencies, shares, answers = axes[:, 0]
    level_db = style.level_db(view.magnitude)
    style.time_frequency_image(
        spectrogram, level_db, view.time_s, view.edges_hz, style.SPECTROGRAM_COLOURS, style.LEVEL_LIMITS_DB
    )
    style.panel_title(spectrogram, 0, style.shown_recording(view.recording))
    style.time_frequency_image(own_map, view.map, view.time_s, view.edges_hz, style.MAP_COLOURS, (0.0, 1.0))
    style.say_zero(own_map, view.map)
    style.panel_title(own_map, 1, f"map of {style.shown(view.emotion)}, mean of {counted(len(probabilities), 'model')}")
    _frequencies(frequencies, view)
    _shares(shares, view)
    for panel in (spectrogram, own_map, frequencies):
        panel.set_xlabel("")
    _answers(answers, probabilities, emotions)
    _make_room(figure, answers)
    return figure


def _frequencies(axes: Axes, view: RecordingView) -> None:
    style.panel_title(axes, 2, "F0 and the map's trajectory c, voiced frames")
    voiced = view.voiced.astype(bool)
    if not voiced.any():
        style.say_empty(axes, "no voiced frame")
        return
    for label, values_hz, colour in (("F0", view.f0_hz, style.BLUE), ("c", view.trajectory_hz, style.VERMILION)):
        axes.plot(view.time_s, np.where(voiced, values_hz, np.nan), ".-", ms=2, color=colour, label=label)
    axes.set_ylabel("(Hz)")
    axes.set_ylim(0, _ROOM_FOR_LEGEND * axes.get_ylim()[1])
    _over_time(axes, view)


def _shares(axes: Axes, view: RecordingView) -> None:
    axes.plot(view.time_s, view.envelope, color=style.BLUE, label="Q")
    axes.plot(view.time_s, view.contour, color=style.VERMILION, label="q")
    axes.axhline(STRONG, color=style.GREY, lw=0.5, ls=":")
    axes.set_xlabel("time (s)")
    axes.set_ylim(0, _ROOM_FOR_LEGEND)
    _over_time(axes, view)
    style.panel_title(axes, 3, "envelope Q and the map's contour q")


def _over_time(axes: Axes, view: RecordingView) -> None:
    axes.set_xlim(view.time_s[0], cell_edges(view.time_s)[-1])
    axes.legend(loc="upper right", ncols=2)


def _answers(axes: Axes, probabilities: Float[np.ndarray, "S C"], emotions: Sequence[str]) -> None:
    places = np.arange(len(emotions))
    axes.barh(places, probabilities.mean(axis=0), color=style.SKY)
    for of_member in probabilities:
        axes.plot(of_member, places, "o", ms=2, color=style.GREY, alpha=0.6)
    axes.set_yticks(places, [style.shown(emotion) for emotion in emotions])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability")
    style.panel_title(axes, 4, "answers: mean (bar), models (dots)")


def _make_room(figure: Figure, answers: Axes) -> None:
    """Make the figure wider by what long names of emotions need, and by as much as titles go beyond it."""
    use_fonts_of_letters(figure)
    names = max(name.get_window_extent().width for name in answers.get_yticklabels()) / figure.dpi
    figure.set_figwidth(style.COLUMN_INCHES + max(0, names - _LABELS_WIDTH))
    figure.draw_without_rendering()
    beyond = figure.get_tightbbox().x1 + _EDGE_WIDTH - figure.get_figwidth()
    figure.set_figwidth(figure.get_figwidth() + max(0, beyond))
