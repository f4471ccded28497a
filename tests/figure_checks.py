"""What tests of figures look for in them."""

import numpy as np
from matplotlib.figure import Figure


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def line_data(axes, label: str) -> np.ndarray:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(line.get_xydata())


def tick_labels(axis) -> list:
    """Labels of the ticks within the limits; locators also give ticks outside, which are not drawn."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [label for tick in ticks for label in (tick.label1, tick.label2)]


def assert_no_overlapping_text(figure: Figure) -> None:
    """Titles, labels of axes and ticks, and words in panels do not cover each other, and lie inside the figure.

    Tick labels that are turned are compared with those that are turned as far.
    """
    figure.canvas.draw()
    texts = [text for legend in figure.legends for text in legend.texts]
    for axes in figure.axes:
        texts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += [*tick_labels(axes.xaxis), *tick_labels(axes.yaxis)]
    drawn = [text for text in texts if text.get_visible() and text.get_text()]
    x0, y0, x1, y1 = np.array([text.get_window_extent().padded(-1).extents for text in drawn]).T
    outside = (x0 < 0) | (y0 < 0) | (x1 > figure.bbox.x1) | (y1 > figure.bbox.y1)
    assert not outside.any(), [text.get_text() for text, is_outside in zip(drawn, outside, strict=True) if is_outside]
    for degrees in {0 if text.get_rotation() == 90 else text.get_rotation() for text in drawn}:
        assert_apart([text for text in drawn if text.get_rotation() in {0: (0, 90)}.get(degrees, (degrees,))], degrees)


def assert_apart(texts: list, degrees: float) -> None:
    """Boxes of the texts, all turned as far, do not cover each other; with those of 0 degrees are upright ones."""
    x0, y0, x1, y1 = np.array([turned_back(text, degrees) for text in texts]).T
    apart = (x0[:, None] > x1) | (y0[:, None] > y1)
    overlapping = np.argwhere(np.triu(~(apart | apart.T), k=1))
    assert not len(overlapping), [(texts[first].get_text(), texts[second].get_text()) for first, second in overlapping]


def turned_back(text, degrees: float) -> np.ndarray:
    """The box of a drawn text where the figure is turned back by the degrees: x0, y0, x1, y1."""
    if degrees == 0:
        return text.get_window_extent().padded(-1).extents
    anchor = text.get_transform().transform(text.get_position())
    text.set_rotation(0)
    box = text.get_window_extent().padded(-1).extents - np.tile(anchor, 2)
    text.set_rotation(degrees)
    angle = np.deg2rad(degrees)
    return box + np.tile([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]] @ anchor, 2)
