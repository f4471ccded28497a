"""Figures about maps and masks: masks (3), spectrogram and F0 (5), raw and scaled activation map (6)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from convcam_jax.figures import style
from convcam_jax.measures.folds import group_masks
from convcam_jax.measures.views import MaskSet, RecordingView

# The emotions that the paper's Figure 3 shows.
SHOWN_EMOTIONS = ("anger", "neutral", "sadness")
_MASK_INCHES = 1.35


@style.styled
def masks(mask_set: MaskSet) -> Figure:
    """Figure 3: masks of three emotions, of the chosen model and summed over all models, each divided by its maximum.

    Where a group has several folds, these are the sums over the folds of either. Emotions that the masks do not have
    are replaced by the first ones they have.
    """
    emotions = _shown_emotions(mask_set.emotions)
    of_kind = {"chosen model": group_masks(mask_set.best), "all models": group_masks(mask_set.summed)}
    rows = [(group, kind) for group in of_kind["chosen model"] for kind in of_kind]
    figure, axes = style.new_figure(
        len(rows), len(emotions), height=0.5 + _MASK_INCHES * len(rows), sharex=True, sharey=True
    )
    for row, (group, kind) in enumerate(rows):
        title = style.in_lines(f"{style.group_title(group)}, {kind}", _MASK_INCHES)
        for column, emotion in enumerate(emotions):
            panel = axes[row, column]
            mask = of_kind[kind][group][mask_set.emotions.index(emotion)]
            scaled = mask / (mask.max() or 1)
            image = style.time_frequency_image(
                panel, scaled, mask_set.time_s, mask_set.edges_hz, style.MAP_COLOURS, (0.0, 1.0)
            )
            panel.set_xlabel("time (s)" if row == len(rows) - 1 else "")
            panel.set_ylabel(f"{title}\nfrequency (Hz)" if column == 0 else "")
            if row == 0:
                style.panel_title(panel, column, style.shown(emotion))
            if mask.max() <= 0:
                panel.text(0.5, 0.5, "empty mask", transform=panel.transAxes, ha="center", color="white")
    figure.colorbar(image, ax=axes, label="share of the mask's maximum", shrink=0.5)
    return figure


def _shown_emotions(available: Sequence[str]) -> list[str]:
    present = [emotion for emotion in SHOWN_EMOTIONS if emotion in available]
    others = [emotion for emotion in available if emotion not in present]
    return (present + others)[: len(SHOWN_EMOTIONS)]


@style.styled
def spectrogram_and_f0(view: RecordingView, representation: str) -> Figure:
    """Figure 5: the spectrogram of a recording (top), its F0 contour (bottom).

    representation: the spectrogram's title, such as "CQT-96".
    """
    figure, axes = style.new_figure(
        2, 1, width=style.COLUMN_INCHES, height=3.4, sharex=True, gridspec_kw={"height_ratios": [2, 1]}
    )
    top, bottom = axes[:, 0]
    level_db = style.level_db(view.magnitude)
    image = style.time_frequency_image(
        top, level_db, view.time_s, view.edges_hz, style.SPECTROGRAM_COLOURS, style.LEVEL_LIMITS_DB
    )
    figure.colorbar(image, ax=top, label="level (dB)", extend="min")
    top.set_xlabel("")
    style.panel_title(top, 0, f"{representation}, {_name(view)}")
    bottom.plot(view.time_s, np.where(view.voiced, view.f0_hz, np.nan), ".-", ms=3, color=style.BLUE)
    bottom.set_xlabel("time (s)")
    bottom.set_ylabel("F0 (Hz)")
    style.panel_title(bottom, 1, "fundamental frequency")
    return figure


@style.styled
def raw_and_scaled_map(view: RecordingView, raw_map: Float[np.ndarray, "H W"], layer: str) -> Figure:
    """Figure 6: activation map of a layer's nodes (a), scaled to the spectrogram of the recording (b).

    layer: how the explained layer is called in the labels of the axes.
    """
    figure, axes = style.new_figure(1, 2, height=2.5)
    raw, scaled = axes[0]
    raw.imshow(raw_map / (raw_map.max() or 1), origin="lower", aspect="auto", cmap=style.MAP_COLOURS, vmin=0, vmax=1)
    # Of few nodes there would be ticks between them.
    raw.locator_params(integer=True)
    raw.set_xlabel(f"column of {layer}")
    raw.set_ylabel(f"row of {layer}")
    style.panel_title(raw, 0, f"{raw_map.shape[0]} × {raw_map.shape[1]}, {_name(view)}")  # noqa: RUF001
    image = style.time_frequency_image(scaled, view.map, view.time_s, view.edges_hz, style.MAP_COLOURS, (0.0, 1.0))
    style.say_zero(scaled, view.map)
    style.panel_title(scaled, 1, f"{view.map.shape[0]} bins × {view.map.shape[1]} frames")  # noqa: RUF001
    figure.colorbar(image, ax=axes, label="activation (share of maximum)")
    return figure


def _name(view: RecordingView) -> str:
    return f"{style.shown_recording(view.recording)} ({style.shown(view.emotion)})"
