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
    """Titles, axis labels and tick labels that are drawn do not cover each other, and lie inside the figure."""
    figure.canvas.draw()
    texts = [text for legend in figure.legends for text in legend.texts]
    for axes in figure.axes:
        texts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        texts += [*tick_labels(axes.xaxis), *tick_labels(axes.yaxis)]
    # Slanted tick labels have bounding boxes that overlap where the text does not.
    drawn = [text for text in texts if text.get_visible() and text.get_text() and text.get_rotation() in (0, 90)]
    names = np.array([text.get_text() for text in drawn])
    x0, y0, x1, y1 = np.array([text.get_window_extent().padded(-1).extents for text in drawn]).T
    outside = (x0 < 0) | (y0 < 0) | (x1 > figure.bbox.x1) | (y1 > figure.bbox.y1)
    assert not outside.any(), names[outside]
    apart = (x0[:, None] > x1) | (y0[:, None] > y1)
    overlapping = np.triu(~(apart | apart.T), k=1)
    assert not overlapping.any(), [(names[first], names[second]) for first, second in np.argwhere(overlapping)]
