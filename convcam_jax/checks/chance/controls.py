"""The figures of Tables 3 to 5 beside what they would be by chance: the table of `controls.csv`.

Axes: N recording; P draw of a control.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from convcam_jax.checks.chance.permutation import (
    Test,
    false_discovery,
    mean_of_draws,
    permutation_test,
    quantile_limits,
)
from convcam_jax.checks.zero_maps import only_zero_maps
from convcam_jax.measures.metric_table import METRICS, Metric
from convcam_jax.measures.statistics import limited, mean_over_speakers

# The level is "recording", "emotion" (a group's recordings of an emotion, a cell of the paper's tables) or "group".
CONTROL_TABLE_COLUMNS = (
    *("level", "group", "emotion", "recording", "metric", "control", "better", "observed", "observed_low"),
    *("observed_high", "mask_area", "control_mean", "control_low", "control_high", "excess", "excess_low"),
    *("excess_high", "n_draws", "p", "smallest_p", "q", "above_chance", "n_recordings", "n_speakers", "n_zero_maps"),
)
# The ceiling, and masks that do not hold the recording's own map, as its own emotion's does: shown, and not tested.
UNTESTED = ("another_emotion", "top_energy")


class ControlDraws(NamedTuple):
    """A metric of N recordings and what P draws of a control give instead.

    Attributes:
      metric: column of metrics.csv.
      control: name of the control.
      observed: NaN where there is no value.
      draws: NaN where there is no value. Column b is one draw in all recordings of a cohort.
      unchanged: where a draw can be nothing but what was observed, and is not just of equal value; None: nowhere.
      labels: the emotion (its index) that a recording has in a draw that exchanges emotions; None: always its own.
      gain: where emotions are exchanged, `draws` are gains over what other draws give, and this is that of `observed`;
        None: draws are values of the metric.
      tested: False for a bound, which is not a matter of chance.
    """

    metric: str
    control: str
    observed: Float[np.ndarray, " N"]
    draws: Float[np.ndarray, "N P"]
    unchanged: Bool[np.ndarray, "N P"] | None = None
    labels: Int[np.ndarray, "N P"] | None = None
    gain: Float[np.ndarray, " N"] | None = None
    tested: bool = True


class _Compared(NamedTuple):
    """The draws of a control in a group, as its rows need them.

    emotion: of each recording; labels: that which it has in each draw; counted: whether it has a value; gain, gains: of
    what was observed and of the draws over what both are compared with.
    """

    draw: ControlDraws
    emotion: Int[np.ndarray, " N"]
    labels: Int[np.ndarray, "N P"]
    counted: Bool[np.ndarray, " N"]
    gain: Float[np.ndarray, " N"]
    gains: Float[np.ndarray, "N P"]


def unmoved_by(shifts: Int[np.ndarray, " P"], values: NDArray, axis: int) -> Bool[np.ndarray, " P"]:
    """Which circular shifts along an axis leave values as they are: 0, and others of what repeats itself.

    >>> unmoved_by(np.array([0, 1, 2, 3]), np.array([5, 7, 5, 7]), axis=0).tolist()
    [True, False, True, False]
    """
    drawn, places = np.unique(shifts, return_inverse=True)
    return np.array([np.array_equal(np.roll(values, shift, axis), values) for shift in drawn])[places]


def control_table(
    recordings: Sequence[pd.DataFrame],
    draws: Sequence[Sequence[ControlDraws]],
    emotions: Sequence[str],
    false_discovery_rate: float,
) -> pd.DataFrame:
    """The table of `controls.csv`, from the recordings and draws of each cohort's chosen member.

    recordings: rows of metrics.csv (group, emotion, speaker, recording, correct, mask_area, map_is_zero), one for each
    of the N recordings of the draws. Only correctly classified recordings count, as in Tables 3 to 5; those whose map
    is zero are left out and counted. A group's cells hold the recordings of all its cohorts. q is taken over the rows
    of the same level, metric and control. Where all draws of a row are what was observed, there is no test. What the
    draws cannot decide is neither above chance nor not above it: where no p that they can give is low enough, or the
    lowest that they can give is not for so many rows.
    """
    rows = [
        row
        for own, of_group in _by_group(recordings, draws)
        for draw in of_group
        for row in _rows(own, draw, list(emotions))
    ]
    table = pd.DataFrame(rows, columns=[c for c in CONTROL_TABLE_COLUMNS if c not in ("q", "above_chance")])
    table["q"] = table.groupby(["level", "metric", "control"])["p"].transform(lambda p: false_discovery(p.to_numpy()))
    above = (table["q"] <= false_discovery_rate).astype("boolean")
    too_few = (table["p"] <= table["smallest_p"]) | (table["smallest_p"] > false_discovery_rate)
    table["above_chance"] = above.mask(table["q"].isna() | (~above & too_few))
    return table[list(CONTROL_TABLE_COLUMNS)]


def _by_group(
    recordings: Sequence[pd.DataFrame], draws: Sequence[Sequence[ControlDraws]]
) -> Iterator[tuple[pd.DataFrame, list[ControlDraws]]]:
    """Recordings and draws of each group, its cohorts one after the other; those of a draw are independent of others'.

    So column b of a group's draws is one draw in every cohort.
    """
    groups = [own["group"].iloc[0] for own in recordings]
    for group in dict.fromkeys(groups):
        cohorts = [index for index, own in enumerate(groups) if own == group]
        merged = [_merged([draws[cohort][place] for cohort in cohorts]) for place in range(len(draws[cohorts[0]]))]
        yield pd.concat([recordings[cohort] for cohort in cohorts], ignore_index=True), merged


def _merged(draws: Sequence[ControlDraws]) -> ControlDraws:
    """One control's draws of several cohorts as if they were one."""
    arrays = ("observed", "draws", "unchanged", "labels", "gain")
    there = [name for name in arrays if getattr(draws[0], name) is not None]
    merged: dict[str, Any] = {name: np.concatenate([getattr(own, name) for own in draws]) for name in there}
    return draws[0]._replace(**merged)


def _rows(metrics: pd.DataFrame, draw: ControlDraws, emotions: list[str]) -> list[dict[str, object]]:
    """Rows of every recording, every emotion and the group."""
    correct, zero = metrics["correct"].astype(bool).to_numpy(), metrics["map_is_zero"].astype(bool).to_numpy()
    emotion = np.array([emotions.index(name) for name in metrics["emotion"]], int)
    compared = _compared(draw, emotion, correct & ~zero & np.isfinite(draw.observed))
    everything = np.arange(len(metrics))
    parts = [
        ("recording", metrics["emotion"][i], metrics["recording"][i], np.array([i]), emotion[[i]])
        for i in np.flatnonzero(compared.counted)
    ]
    parts += [("emotion", name, "", everything, np.array([label])) for label, name in enumerate(emotions)]
    parts.append(("group", "all", "", everything, np.arange(len(emotions))))
    rows = []
    for level, name, recording, places, labels in parts:
        selected = correct & np.isin(emotion, labels) & np.isin(everything, places)
        place = {"level": level, "group": metrics["group"][0], "emotion": name, "recording": recording}
        n_zero_maps = {"n_zero_maps": int((selected & zero).sum())}
        rows.append({**place, **_row(metrics, compared, places, labels), **n_zero_maps})
    return rows


def _compared(draw: ControlDraws, emotion: Int[np.ndarray, " N"], counted: Bool[np.ndarray, " N"]) -> _Compared:
    if draw.labels is None or draw.gain is None:
        labels = np.broadcast_to(emotion[:, None], draw.draws.shape)
        return _Compared(draw, emotion, labels, counted, np.zeros(len(emotion)), draw.draws - draw.observed[:, None])
    return _Compared(draw, emotion, draw.labels, counted, draw.gain, draw.draws)


def _row(metrics: pd.DataFrame, compared: _Compared, places: NDArray, labels: NDArray) -> dict[str, object]:
    """A row of those of the recordings `places` that have one of the emotions `labels`: really, or in a draw."""
    draw, places = compared.draw, places[compared.counted[places]]
    rows = places[np.isin(compared.emotion[places], labels)]
    places = places[np.isin(compared.labels[places], labels).any(1)]
    observed, speakers = draw.observed[rows].astype(float), metrics["speaker"][rows].tolist()
    mean, better = _finite_mean(observed), METRICS[draw.metric].better
    taken = np.isin(compared.labels[places], labels)
    gains = mean_of_draws(np.where(taken, compared.gains[places], np.nan))
    # A draw without a value for a recording is compared over the others, also as far as what was observed goes.
    of_draws = mean + gains - _finite_mean(compared.gain[rows])
    unchanged = 0 if draw.unchanged is None else int((draw.unchanged[places] | ~taken).all(0)[np.isfinite(gains)].sum())
    can_differ = unchanged < np.isfinite(gains).sum()
    test = permutation_test(mean, of_draws, better) if draw.tested and can_differ else Test(np.nan, 0)
    of_own = np.where(compared.labels[rows] == compared.emotion[rows, None], compared.gains[rows], np.nan)
    excess = compared.gain[rows] - mean_of_draws(of_own.T)
    highest = 1 if METRICS[draw.metric].is_share else np.inf
    limits = quantile_limits(of_draws) if draw.tested else (np.nan, np.nan)
    # What is observed plus what a draw gains may lie beyond what the metric can be.
    by_chance, *limits = np.clip([_finite_mean(of_draws), *limits], 0, highest).tolist()
    return {
        "metric": draw.metric,
        "control": draw.control,
        "better": better,
        "observed": mean,
        **_limits("observed", *limited(mean_over_speakers(observed, speakers), highest)[1:3]),
        "mask_area": metrics.loc[rows, "mask_area"].mean() if draw.metric == "energy_ratio" else np.nan,
        "control_mean": by_chance,
        **_limits("control", *limits),
        "excess": mean - _finite_mean(of_draws),
        **_limits("excess", *mean_over_speakers(excess, speakers)[1:3]),
        "n_draws": test.n,
        "p": test.p,
        "smallest_p": (1 + unchanged) / (1 + test.n) if np.isfinite(test.p) else np.nan,
        "n_recordings": len(rows),
        "n_speakers": len(set(speakers)),
    }


def _limits(name: str, low: float, high: float) -> dict[str, float]:
    return {f"{name}_low": low, f"{name}_high": high}


def _finite_mean(values: NDArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def readable_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows of one metric as text, one line per group and emotion: observed, area, then mean (limits), q per control.

    In the unit of `Metric.cells_in_words`; areas are in per cent.
    """
    rows = []
    for (group, _, emotion), of_cell in cells.groupby(["group", "level", "emotion"], sort=False):
        first = of_cell.iloc[0]
        metric = METRICS[first["metric"]]
        observed = only_zero_maps(first) or metric.in_a_cell(first["observed"])
        row = {"group": group, "emotion": emotion, "recordings": first["n_recordings"], "observed": observed}
        if metric.name == "energy_ratio":
            row["mask area"] = METRICS["mask_area"].in_a_cell(first["mask_area"])
        rows.append(
            row
            | {
                name.replace("_", " "): _as_text(control, metric)
                for name, control in of_cell.set_index("control").iterrows()
            }
        )
    return pd.DataFrame(rows)


def _as_text(control: pd.Series, metric: Metric) -> str:
    mean, low, high = (metric.in_a_cell(control[f"control_{name}"]) for name in ("mean", "low", "high"))
    return f"{mean} ({low} to {high}), q = {control['q']:.2g}" if np.isfinite(control["p"]) else mean
