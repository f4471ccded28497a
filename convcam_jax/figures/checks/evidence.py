"""Figures of planted evidence: scores beside their controls, example maps, and methods compared."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from convcam_jax.checks.evidence.relevance_scores import SCORES
from convcam_jax.checks.evidence.scoring import NOT_PLACED, RANKING_KEYS, SHARED
from convcam_jax.corpora.synthetic.variants import in_order
from convcam_jax.figures import style
from convcam_jax.figures.frequency import drawn_edges
from convcam_jax.measures.views import cell_edges

SCORE_LABELS = {
    "relevance_mass": "relevance mass accuracy",
    "relevance_rank": "relevance rank accuracy",
    "pointing": "pointing game",
    "average_precision": "average precision",
}
_SOURCE_COLOURS = {
    "network": style.BLUE,
    "random_weights": style.SKY,
    "energy": style.VERMILION,
    "chance": style.GREY,
}


class Example(NamedTuple):
    """A test recording of a variant: magnitude and truth `[F, n]`, and the placed maps `[F, n]` by their titles."""

    variant: str
    class_name: str
    magnitude: np.ndarray
    truth: np.ndarray
    maps: dict[str, np.ndarray]


@style.styled
def scores(summarised: pd.DataFrame, method: str) -> Figure:
    """Every score of a method's maps per variant, beside those of the controls; whiskers are 95 % intervals.

    summarised: `checks.evidence.scoring.evidence_summary`. Maps of both placements stand beside one another.
    """
    of_method = summarised[summarised["method"] == method]
    placements = list(dict.fromkeys(of_method["placement"]))
    variants = in_order(of_method["variant"])
    figure, axes = style.new_figure(2, 2, height=4.6, sharex=True)
    for number, (panel, score) in enumerate(zip(axes.flat, SCORES, strict=True)):
        _bars(panel, of_method[of_method["score"] == score], variants, placements)
        style.panel_title(panel, number, SCORE_LABELS[score])
        style.turned_ticks(panel, variants, degrees=40)
        # Intervals of few networks reach beyond what a score can be.
        panel.set_ylim(0, min(1.02, panel.get_ylim()[1]))
    style.legend_below(figure, [axes[0, 0]], n_columns=3)
    figure.suptitle(f"planted evidence, {method}")
    return figure


def _bars(panel: Axes, of_score: pd.DataFrame, variants: Sequence[str], placements: Sequence[str]) -> None:
    by_placement = [of_score[of_score["placement"] == p].set_index("variant").reindex(variants) for p in placements]
    width = 0.8 / (2 * len(placements) + 2)
    place = -0.4 + width / 2
    for rows, placement in zip(by_placement, placements, strict=True):
        for source, words in (("network", "network"), ("random_weights", "random weights")):
            label = words if placement == NOT_PLACED else f"{words}, {placement}"
            hatch = "////" if placement == "stretched" else None
            colour = _SOURCE_COLOURS[source]
            at = np.arange(len(variants)) + place
            panel.bar(at, rows[source], width, color=colour, hatch=hatch, edgecolor="white", linewidth=0.3, label=label)
            if source == "network":
                limits = [rows["network"] - rows["network_low"], rows["network_high"] - rows["network"]]
                panel.errorbar(at, rows["network"], limits, fmt="none", ecolor="black", elinewidth=0.6)
            place += width
    for source in SHARED:
        at = np.arange(len(variants)) + place
        panel.bar(at, by_placement[0][source], width, color=_SOURCE_COLOURS[source], label=source)
        place += width


@style.styled
def examples(
    shown: Sequence[Example],
    time_s: Float[np.ndarray, " T"],
    edges_hz: Float[np.ndarray, " E"],
    representation: str,
) -> Figure:
    """One recording per variant: its spectrogram, then its maps; the cells that carry the cue are outlined.

    edges_hz: of the bins; representation: the spectrograms' title, such as "CQT-96".
    """
    titles = list(shown[0].maps)
    figure, axes = style.new_figure(
        len(shown), 1 + len(titles), height=0.5 + 1.5 * len(shown), sharey=True, sharex="row"
    )
    for row, example in enumerate(shown):
        n = example.truth.shape[1]
        level_db = style.level_db(example.magnitude)
        images = {f"{representation} (dB)": (level_db, style.SPECTROGRAM_COLOURS, style.LEVEL_LIMITS_DB)}
        images |= {title: (own_map, style.MAP_COLOURS, (0.0, 1.0)) for title, own_map in example.maps.items()}
        for column, (title, (values, colours, limits)) in enumerate(images.items()):
            panel = axes[row, column]
            style.time_frequency_image(panel, values, time_s[:n], edges_hz, colours, limits)
            outline = _outline(example.truth, cell_edges(time_s[:n]), drawn_edges(edges_hz))
            if colours == style.MAP_COLOURS:
                style.say_zero(panel, values)
            panel.add_collection(LineCollection(outline, colors="white", linewidths=0.6))
            if row < len(shown) - 1:
                panel.set_xlabel("")
            if row == 0:
                panel.set_title(title)
            panel.set_ylabel(f"{example.variant}, {example.class_name}\nfrequency (Hz)" if column == 0 else "")
    return figure


def _outline(
    cells: Bool[np.ndarray, "F n"], edges_s: Float[np.ndarray, " n+1"], edges_hz: Float[np.ndarray, " F+1"]
) -> list[list[tuple[float, float]]]:
    """The sides of the cells that they do not share, as lines from (s, Hz) to (s, Hz)."""
    padded = np.pad(cells, 1)
    rows, at = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = [[(edges_s[c], edges_hz[r]), (edges_s[c], edges_hz[r + 1])] for r, c in zip(rows, at, strict=True)]
    at, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = [[(edges_s[c], edges_hz[r]), (edges_s[c + 1], edges_hz[r])] for r, c in zip(at, columns, strict=True)]
    return [*upright, *level]


@style.styled
def methods(ranking: pd.DataFrame, score: str) -> Figure:
    """Every method's mean score per variant, the input's energy and chance among them; the best is at the top.

    ranking: `convcam_jax.checks.evidence.scoring.method_ranking`.
    """
    ranking = ranking[ranking["source"] != "random_weights"]
    columns = list(ranking.loc[:, :"planted_mean"].columns[len(RANKING_KEYS) :])
    values = ranking[columns].to_numpy(dtype=float)
    figure, axes = style.new_figure(1, 1, height=1.2 + 0.24 * len(ranking))
    panel = axes[0, 0]
    # Of a variant of which no network got a recording right there are no values, and its cells stay empty.
    highest = np.nan_to_num(values).max() or 1.0
    image = panel.imshow(values, aspect="auto", cmap=style.MAP_COLOURS, vmin=0, vmax=highest)
    for row, column in np.argwhere(np.isfinite(values)):
        value = values[row, column]
        colour = "white" if value < 0.6 * highest else "black"
        panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    panel.set_yticks(range(len(ranking)), [_row_label(row) for _, row in ranking.iterrows()])
    names = [name.replace("_", " ") for name in columns]
    style.turned_ticks(panel, names, degrees=40)
    figure.colorbar(image, ax=panel, label=SCORE_LABELS[score])
    return figure


def _row_label(row: pd.Series) -> str:
    if row["source"] in SHARED:
        return f"({row['source']})"
    return row["method"] if row["placement"] == NOT_PLACED else f"{row['method']}, {row['placement']}"
