"""Figures of the controls: what is observed in each emotion and gender, against what chance gives."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convcam_jax.checks.chance.controls import only_zero_maps
from convcam_jax.figures import style
from convcam_jax.measures.statistics import genders_of

_LABELS = {
    "random_blobs": "random blobs",
    "time_shift": "moved in time",
    "frequency_shift": "moved in frequency",
    "another_emotion": "other emotions' masks",
    "shuffled_emotions": "masks without regard to emotion",
    "other_recordings": "other recordings' maps",
    "top_energy": "strongest cells (ceiling)",
}
# Okabe and Ito's palette, and a marker each, so that colour is not needed to tell them apart.
_MARKS = {
    "random_blobs": (style.BLUE, "o"),
    "time_shift": (style.SKY, "s"),
    "frequency_shift": ("#009E73", "D"),
    "another_emotion": ("#E69F00", "^"),
    "shuffled_emotions": ("#CC79A7", "v"),
    "other_recordings": ("#E69F00", "^"),
    "top_energy": (style.GREY, "_"),
}
_GROUP_WIDTH = 0.8
_LEGEND_TITLE = "bars: 95 % of the draws; filled marks: the observed value is better than this control"


@style.styled
def against_chance(controls: pd.DataFrame, metric: str) -> Figure:
    """One metric's cells: a line at what is observed, a mark and bar per control (mean, 95 % of the draws).

    A mark is filled where the cell is better than chance at the config's false discovery rate. controls: the table of
    controls.csv.
    """
    own = controls[(controls["metric"] == metric) & (controls["level"] != "recording")]
    genders = genders_of(own)
    figure, axes = style.new_figure(len(genders), 1, height=0.7 + 2.1 * len(genders))
    for number, (panel, gender) in enumerate(zip(axes[:, 0], genders, strict=True)):
        _panel(panel, own[own["gender"] == gender])
        style.panel_title(panel, number, style.gender_title(gender))
        panel.set_ylim(0, 1.03 if metric == "energy_ratio" else None)
        panel.set_ylabel("share of the energy" if metric == "energy_ratio" else style.METRIC_LABELS[metric])
    # Groups without a recording have no marks, so panels differ in what their legends hold.
    style.legend_below(figure, axes[:, 0], n_columns=3, title=_LEGEND_TITLE)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame) -> None:
    emotions, names = list(dict.fromkeys(cells["emotion"])), list(dict.fromkeys(cells["control"]))
    offsets = dict(zip(names, _GROUP_WIDTH * ((np.arange(len(names)) + 0.5) / len(names) - 0.5), strict=True))
    for place, emotion in enumerate(emotions):
        of_emotion = cells[cells["emotion"] == emotion]
        first = of_emotion.iloc[0]
        ends = (place - _GROUP_WIDTH / 2, place + _GROUP_WIDTH / 2)
        axes.fill_between(
            ends, *first[["observed_low", "observed_high"]].astype(float), color=style.VERMILION, alpha=0.2, lw=0
        )
        axes.plot(ends, [first["observed"]] * 2, color=style.VERMILION, lw=1.5, label="observed (band: 95 %, speakers)")
        if np.isfinite(first["mask_area"]):
            axes.plot(ends, [first["mask_area"]] * 2, ":", color="black", lw=0.8, label="mask's share of the area")
        for row in of_emotion.itertuples():
            _control_mark(axes, place + offsets[row.control], row._asdict())
    axes.set_xticks(
        range(len(emotions)),
        [_emotion_label(cells[cells["emotion"] == emotion].iloc[0]) for emotion in emotions],
    )
    axes.set_xlim(-0.6, len(emotions) - 0.4)


def _emotion_label(row: pd.Series) -> str:
    if words := only_zero_maps(row):
        return f"{row['emotion']}\n" + words.replace(" are", "\nare")
    return f"{row['emotion']}\n{_counted(row['n_recordings'], 'recording')}\n{_counted(row['n_speakers'], 'speaker')}"


def _counted(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _control_mark(axes: Axes, x: float, row: dict) -> None:
    colour, marker = _MARKS[row["control"]]
    axes.plot([x, x], [row["control_low"], row["control_high"]], color=colour, lw=0.8)
    above = row["above_chance"]
    face = "white" if pd.isna(above) or not above else colour
    look: dict[str, Any] = {"marker": marker, "color": colour, "ms": 3.5, "mew": 0.9, "ls": ""}
    axes.plot(x, row["control_mean"], mfc=face, **look)
    # Open in the legend, whatever the first mark is.
    axes.plot([], [], mfc="white", **look, label=_LABELS[row["control"]])
