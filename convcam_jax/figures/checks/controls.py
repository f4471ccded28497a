"""Figures of the controls: what is observed in each emotion and group, against what chance gives."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.zero_maps import only_zero_maps
from convcam_jax.figures import style
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import groups_of
from convcam_jax.system.progress import counted

_LABELS = {
    "random_blobs": "random blobs",
    "time_shift": "moved in time",
    "frequency_shift": "moved in frequency",
    "another_emotion": "other emotions' masks (no test)",
    "shuffled_emotions": "masks without regard to emotion",
    "other_recordings": "other recordings' maps",
    "top_energy": "strongest cells (ceiling)",
}
# A marker each, so that colour is not needed to tell them apart.
_MARKS = {
    "random_blobs": (style.BLUE, "o"),
    "time_shift": (style.SKY, "s"),
    "frequency_shift": (style.GREEN, "D"),
    "another_emotion": (style.ORANGE, "^"),
    "shuffled_emotions": (style.PURPLE, "v"),
    "other_recordings": (style.ORANGE, "^"),
    "top_energy": (style.GREY, "_"),
}
_EMOTION_WIDTH = 0.8
# Wider labels of emotions would run into one another side by side, and are turned.
_PANEL_LETTERS, _TURNED_INCHES = 110, 0.9
_LEGEND_TITLE = "bars: 95 % of the draws; filled marks: the observed value is better than this control"
_UNDECIDED_TITLE = "grey marks: the draws cannot decide it"
_UNDECIDED_FACE = "0.75"


@style.styled
def against_chance(controls: pd.DataFrame, metric: str) -> Figure:
    """One metric's cells: a line at what is observed, a mark and bar per control (mean, 95 % of the draws).

    A mark is filled where the cell is better than chance at the config's false discovery rate, and grey where the draws
    cannot decide it. controls: the table of controls.csv.
    """
    cells = controls[(controls["metric"] == metric) & (controls["level"] != "recording")]
    groups = groups_of(cells)
    turned = any(_letters_abreast(cells[cells["group"] == group]) > _PANEL_LETTERS for group in groups)
    height = 2.1 + _TURNED_INCHES * turned
    figure, axes = style.new_figure(len(groups), 1, height=0.7 + height * len(groups))
    for number, (panel, group) in enumerate(zip(axes[:, 0], groups, strict=True)):
        _panel(panel, cells[cells["group"] == group], turned)
        style.panel_title(panel, number, style.group_title(group))
        panel.set_ylim(0, 1.03 if METRICS[metric].is_share else _highest(cells[cells["group"] == group]))
        panel.set_ylabel(METRICS[metric].label)
    title = f"{_LEGEND_TITLE}\n{_UNDECIDED_TITLE}" if _is_undecided(cells).any() else _LEGEND_TITLE
    # Groups without a recording have no marks, so panels differ in what their legends hold.
    style.legend_below(figure, axes[:, 0], n_columns=3, title=title)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame, turned: bool) -> None:
    names, parts = list(dict.fromkeys(cells["control"])), _parts(cells)
    offsets = dict(zip(names, _EMOTION_WIDTH * ((np.arange(len(names)) + 0.5) / len(names) - 0.5), strict=True))
    for place, part in enumerate(parts):
        first = part.iloc[0]
        ends = (place - _EMOTION_WIDTH / 2, place + _EMOTION_WIDTH / 2)
        axes.fill_between(
            ends, *first[["observed_low", "observed_high"]].astype(float), color=style.VERMILION, alpha=0.2, lw=0
        )
        axes.plot(ends, [first["observed"]] * 2, color=style.VERMILION, lw=1.5, label="observed (band: 95 %, speakers)")
        if np.isfinite(first["mask_area"]):
            axes.plot(ends, [first["mask_area"]] * 2, ":", color="black", lw=0.8, label="mask's share of the area")
        for _, row in part.iterrows():
            _control_mark(axes, place + offsets[row["control"]], row)
    labels = [_emotion_label(part.iloc[0], turned) for part in parts]
    if turned:
        style.turned_ticks(axes, labels, degrees=60)
    else:
        axes.set_xticks(range(len(parts)), labels)
    axes.set_xlim(-0.6, len(parts) - 0.4)


def _highest(cells: pd.DataFrame) -> float | None:
    """Where the axis ends: above all marks, but not above the bands, which reach far with few speakers."""
    highest = cells[["observed", "control_mean", "control_high"]].max(axis=None)
    return 1.1 * highest if highest > 0 else None


def _parts(cells: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each emotion, and those of the whole group, which comes last, whatever an emotion is called."""
    return [part for _, part in cells.groupby(["level", "emotion"], sort=False)]


def _letters_abreast(cells: pd.DataFrame) -> int:
    """As many letters as there would be side by side if all labels were as wide as the widest, and not turned."""
    labels = [_emotion_label(part.iloc[0], turned=False) for part in _parts(cells)]
    return len(labels) * max(len(line) for label in labels for line in label.splitlines())


def _emotion_label(row: pd.Series, turned: bool) -> str:
    """An emotion and what of it there is, in lines: two, where they are turned."""
    if words := only_zero_maps(row):
        return f"{style.shown(row['emotion'])}\n" + (words if turned else words.replace(" are", "\nare"))
    counts = (counted(int(row[f"n_{word}s"]), word) for word in ("recording", "speaker"))
    return f"{style.shown(row['emotion'])}\n" + (", " if turned else "\n").join(counts)


def _is_undecided(cells: pd.DataFrame | pd.Series) -> Any:
    """Whether there are draws, but none of their p-values would be low enough."""
    return pd.isna(cells["above_chance"]) & (cells["n_draws"] > 0)


def _face(row: pd.Series, colour: str) -> str:
    if _is_undecided(row):
        return _UNDECIDED_FACE
    return "white" if pd.isna(row["above_chance"]) or not row["above_chance"] else colour


def _control_mark(axes: Axes, x: float, row: pd.Series) -> None:
    colour, marker = _MARKS[row["control"]]
    axes.plot([x, x], [row["control_low"], row["control_high"]], color=colour, lw=0.8)
    look: dict[str, Any] = {"marker": marker, "color": colour, "ms": 3.5, "mew": 0.9, "ls": ""}
    axes.plot(x, row["control_mean"], mfc=_face(row, colour), **look)
    # Open in the legend, whatever the first mark is.
    axes.plot([], [], mfc="white", **look, label=_LABELS[row["control"]])
