"""Figures of the controls: what is observed in each emotion and group, against what chance gives."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.chance.controls import only_zero_maps
from convcam_jax.figures import style
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import groups_of
from convcam_jax.system.progress import counted

_LABELS = {
    "random_blobs": "random blobs",
    "time_shift": "moved in time",
    "frequency_shift": "moved in frequency",
    "another_emotion": "other emotions' masks",
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
_LEGEND_TITLE = "bars: 95 % of the draws; filled marks: the observed value is better than this control"


@style.styled
def against_chance(controls: pd.DataFrame, metric: str) -> Figure:
    """One metric's cells: a line at what is observed, a mark and bar per control (mean, 95 % of the draws).

    A mark is filled where the cell is better than chance at the config's false discovery rate. controls: the table of
    controls.csv.
    """
    own = controls[(controls["metric"] == metric) & (controls["level"] != "recording")]
    groups = groups_of(own)
    figure, axes = style.new_figure(len(groups), 1, height=0.7 + 2.1 * len(groups))
    for number, (panel, group) in enumerate(zip(axes[:, 0], groups, strict=True)):
        _panel(panel, own[own["group"] == group])
        style.panel_title(panel, number, style.group_title(group))
        panel.set_ylim(0, 1.03 if METRICS[metric].is_share else None)
        panel.set_ylabel(METRICS[metric].label)
    # Groups without a recording have no marks, so panels differ in what their legends hold.
    style.legend_below(figure, axes[:, 0], n_columns=3, title=_LEGEND_TITLE)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame) -> None:
    names = list(dict.fromkeys(cells["control"]))
    # The whole group comes last, whatever an emotion is called.
    parts = [part for _, part in cells.groupby(["level", "emotion"], sort=False)]
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
        for row in part.itertuples():
            _control_mark(axes, place + offsets[row.control], row._asdict())
    axes.set_xticks(range(len(parts)), [_emotion_label(part.iloc[0]) for part in parts])
    axes.set_xlim(-0.6, len(parts) - 0.4)


def _emotion_label(row: pd.Series) -> str:
    if words := only_zero_maps(row):
        return f"{style.shown(row['emotion'])}\n" + words.replace(" are", "\nare")
    counts = (counted(int(row[f"n_{word}s"]), word) for word in ("recording", "speaker"))
    return "\n".join((style.shown(row["emotion"]), *counts))


def _control_mark(axes: Axes, x: float, row: dict) -> None:
    colour, marker = _MARKS[row["control"]]
    axes.plot([x, x], [row["control_low"], row["control_high"]], color=colour, lw=0.8)
    above = row["above_chance"]
    face = "white" if pd.isna(above) or not above else colour
    look: dict[str, Any] = {"marker": marker, "color": colour, "ms": 3.5, "mew": 0.9, "ls": ""}
    axes.plot(x, row["control_mean"], mfc=face, **look)
    # Open in the legend, whatever the first mark is.
    axes.plot([], [], mfc="white", **look, label=_LABELS[row["control"]])
