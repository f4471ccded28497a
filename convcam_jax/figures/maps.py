"""Figures about maps and masks: masks (3), CQT and F0 (5), raw and scaled activation map (6)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from convcam_jax.figures import style
from convcam_jax.measures.views import MaskSet, RecordingView

# The emotions that the paper's Figure 3 shows.
SHOWN_EMOTIONS = ("anger", "neutral", "sadness")
_FLOOR_DECIBEL = -60.0


@style.styled
def masks(mask_set: MaskSet, shown: Sequence[str] = SHOWN_EMOTIONS) -> Figure:
    """Figure 3: masks of three emotions, of the best model and summed over all models, each divided by its maximum.

    Emotions that the masks do not have are replaced by the first ones they have.
    """
    emotions = _shown_emotions(mask_set.emotions, shown)
    rows = [(gender, kind) for gender in sorted(mask_set.best) for kind in ("best model", "all models")]
    figure, axes = style.new_figure(len(rows), len(emotions), height=0.5 + 1.35 * len(rows), sharex=True, sharey=True)
    for row, (gender, kind) in enumerate(rows):
        masks_of_kind = (mask_set.best if kind == "best model" else mask_set.summed)[gender]
        for column, emotion in enumerate(emotions):
            panel = axes[row, column]
            mask = masks_of_kind[mask_set.emotions.index(emotion)]
            scaled = mask / mask.max() if mask.max() > 0 else mask
            image = style.time_frequency_image(
                panel, scaled, mask_set.time_s, mask_set.bin_hz, style.MAP_COLOURS, (0, 1)
            )
            panel.set_xlabel("time (s)" if row == len(rows) - 1 else "")
            panel.set_ylabel(f"{style.gender_title(gender)}, {kind}\nfrequency (Hz)" if column == 0 else "")
            if row == 0:
                style.panel_title(panel, column, emotion)
            if mask.max() <= 0:
                panel.text(0.5, 0.5, "empty mask", transform=panel.transAxes, ha="center", color="white")
    figure.colorbar(image, ax=axes, label="share of the mask's maximum", shrink=0.5)
    return figure


def _shown_emotions(available: Sequence[str], shown: Sequence[str]) -> list[str]:
    present = [emotion for emotion in shown if emotion in available]
    others = [emotion for emotion in available if emotion not in present]
    return (present + others)[: len(shown)]


@style.styled
def cqt_and_f0(view: RecordingView) -> Figure:
    """Figure 5: the CQT of a recording (top), its F0 contour (bottom)."""
    figure, axes = style.new_figure(
        2, 1, width=style.COLUMN_INCHES, height=3.4, sharex=True, gridspec_kw={"height_ratios": [2, 1]}
    )
    top, bottom = axes[:, 0]
    decibel = 20 * np.log10(np.maximum(view.cqt, np.finfo(np.float32).tiny) / max(view.cqt.max(), 1e-30))
    image = style.time_frequency_image(
        top, decibel, view.time_s, view.bin_hz, style.SPECTROGRAM_COLOURS, (_FLOOR_DECIBEL, 0)
    )
    figure.colorbar(image, ax=top, label="level (dB)", extend="min")
    top.set_xlabel("")
    style.panel_title(top, 0, f"CQT-{len(view.bin_hz)}, {view.recording} ({view.emotion})")
    bottom.plot(view.time_s, np.where(view.voiced, view.f0_hz, np.nan), ".-", ms=3, color=style.BLUE)
    bottom.set_xlabel("time (s)")
    bottom.set_ylabel("F0 (Hz)")
    style.panel_title(bottom, 1, "fundamental frequency")
    return figure


@style.styled
def raw_and_scaled_map(view: RecordingView, raw_map: np.ndarray) -> Figure:
    """Figure 6: activation map of the last convolution (a), scaled to the CQT of the recording (b)."""
    figure, axes = style.new_figure(1, 2, height=2.5)
    raw, scaled = axes[0]
    peak = raw_map.max()
    raw_share = raw_map / peak if peak > 0 else raw_map
    raw.imshow(raw_share, origin="lower", aspect="auto", cmap=style.MAP_COLOURS, vmin=0, vmax=1)
    raw.set_xlabel("column of the last convolution")
    raw.set_ylabel("row of the last convolution")
    style.panel_title(raw, 0, f"{raw_map.shape[0]} × {raw_map.shape[1]}, {view.recording} ({view.emotion})")  # noqa: RUF001
    image = style.time_frequency_image(scaled, view.map, view.time_s, view.bin_hz, style.MAP_COLOURS, (0, 1))
    style.panel_title(scaled, 1, f"{view.map.shape[0]} bins × {view.map.shape[1]} frames")  # noqa: RUF001
    figure.colorbar(image, ax=axes, label="activation (share of maximum)")
    return figure
