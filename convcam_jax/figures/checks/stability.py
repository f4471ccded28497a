"""Figures about seeds: how well maps of the same recording agree, and where the masks lie, with confidence bands."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from convcam_jax.figures import style
from convcam_jax.measures.statistics import groups_of

_AGREEMENT = {"rank_correlation": "rank correlation of cells", "ssim": "structural similarity"}
# Of masks over the seeds: from which column to which, colour, opacity, and words.
_BANDS = (
    ("lowest", "highest", style.GREY, 0.2, "lowest to highest seed"),
    ("low", "high", style.BLUE, 0.35, "95 % interval of the mean"),
)
# Of a panel of `mask_bands`, whose labels are as wide as it is.
_BAND_WIDTH_INCHES, _BAND_INCHES = style.PAGE_INCHES / 6, 1.3


@style.styled
def map_agreement(stability: pd.DataFrame, emotions: Sequence[str]) -> Figure:
    """Mean over all pairs of seeds per recording (points), and its mean and 95 % interval over speakers per emotion.

    stability: the table of stability.csv.
    """
    groups = groups_of(stability)
    width = style.emotions_inches(emotions)
    figure, axes = style.group_panels(len(_AGREEMENT), len(groups), 4.4, width, sharex=True, sharey="row")
    numbers = style.reading_order(axes)
    for row, (name, label) in enumerate(_AGREEMENT.items()):
        for column, group in enumerate(groups):
            panel = axes[row, column]
            in_panel = (stability["group"] == group) & (stability["name"] == name) & (stability["level"] != "group")
            rows = stability[in_panel]
            for place, emotion in enumerate(emotions):
                of_emotion = rows[rows["emotion"] == emotion]
                points = np.sort(of_emotion.loc[of_emotion["kind"] == "map_pairs", "value"].dropna())
                jitter = 0.12 * (np.arange(len(points)) % 3 - 1)
                panel.plot(
                    place + jitter, points, "o", ms=3, color=style.BLUE, label="recording, mean of pairs of seeds"
                )
                for mean in of_emotion[of_emotion["kind"] == "map_mean"].itertuples():
                    ends = (place - 0.3, place + 0.3)
                    panel.fill_between(ends, mean.low, mean.high, color=style.VERMILION, alpha=0.2, lw=0)
                    panel.plot(ends, [mean.value] * 2, color=style.VERMILION, label="mean (band: 95 %, speakers)")
            panel.axhline(0, color=style.GREY, lw=0.6)
            style.emotion_ticks(panel, emotions)
            style.panel_title(panel, numbers[row, column], style.group_title(group))
        style.label_left(axes[row], label)
    style.legend_below(figure, figure.axes, n_columns=3)
    return figure


@style.styled
def mask_bands(profiles: pd.DataFrame) -> Figure:
    """Where each emotion's mask R lies in frequency and in time: mean of the seeds, 95 % band of it, and extremes.

    profiles: `convcam_jax.checks.seeds.stability.mask_profiles`.
    """
    emotions, groups = list(dict.fromkeys(profiles["emotion"])), groups_of(profiles)
    rows = [(group, axis) for axis in ("frequency_hz", "time_s") for group in groups]
    height = 0.7 + _BAND_INCHES * len(rows)
    figure, axes = style.group_panels(len(rows), len(emotions), height, _BAND_WIDTH_INCHES, sharex="row", sharey="row")
    for row, (group, axis) in enumerate(rows):
        title = style.in_lines(style.group_title(group), _BAND_INCHES)
        for column, emotion in enumerate(emotions):
            panel = axes[row, column]
            selected = (profiles["group"] == group) & (profiles["emotion"] == emotion) & (profiles["axis"] == axis)
            profile = profiles[selected].astype({"mean": float})
            x = profile["position"]
            for low, high, colour, alpha, label in _BANDS:
                panel.fill_between(
                    x, 100 * profile[low], 100 * profile[high], color=colour, alpha=alpha, lw=0, label=label
                )
            panel.plot(x, 100 * profile["mean"], color=style.BLUE, label="mean of the seeds")
            panel.set_xlabel("time (s)" if axis == "time_s" else "frequency (Hz)")
            if axis == "frequency_hz":
                panel.set_xscale("log")
                panel.set_xticks([100, 1000], ["100", "1000"])
                panel.set_xticks([], minor=True)
            if row == 0:
                style.panel_title(panel, column, style.shown(emotion))
            if not profile["mean"].notna().any():
                panel.text(0.5, 0.5, "no mask", transform=panel.transAxes, ha="center", color=style.GREY)
        style.label_left(axes[row], f"{title}\n% per {'frame' if axis == 'time_s' else 'bin'}")
        # The panels of a row share their axis. A band of few seeds may reach far beyond all of them.
        highest = profiles.loc[(profiles["group"] == group) & (profiles["axis"] == axis), "highest"].astype(float).max()
        axes[row, 0].set_ylim(0, 105 * highest if highest > 0 else 1)
    style.legend_below(figure, figure.axes, n_columns=3)
    return figure
