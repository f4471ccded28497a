"""The figures of Tables 3 to 5 beside what they would be by chance: the table of `controls.csv`.

Axes: N recording; P draw of a control.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.chance.permutation import (
    Test,
    false_discovery,
    mean_limits,
    mean_of_draws,
    permutation_test,
    quantile_limits,
)
from convcam_jax.measures.metric_table import METRICS, Metric
from convcam_jax.system.progress import counted

# The level is "recording", "emotion" (a group's recordings of an emotion, a cell of the paper's tables) or "group".
CONTROL_TABLE_COLUMNS = (
    *("level", "group", "emotion", "recording", "metric", "control", "better", "observed", "observed_low"),
    *("observed_high", "mask_area", "control_mean", "control_low", "control_high", "excess", "excess_low"),
    *("excess_high", "n_draws", "p", "q", "above_chance", "n_recordings", "n_speakers", "n_zero_maps"),
)


class ControlDraws(NamedTuple):
    """A metric of N recordings and what P draws of a control give instead.

    Attributes:
      metric: column of metrics.csv.
      control: name of the control.
      observed: NaN where there is no value.
      draws: NaN where there is no value. Column b is one draw in all recordings of a cohort.
      tested: False for a bound, which is not a matter of chance.
    """

    metric: str
    control: str
    observed: Float[np.ndarray, " N"]
    draws: Float[np.ndarray, "N P"]
    tested: bool = True


def control_table(
    recordings: Sequence[pd.DataFrame],
    draws: Sequence[Sequence[ControlDraws]],
    emotions: Sequence[str],
    config: ControlsConfig,
) -> pd.DataFrame:
    """The table of `controls.csv`, from the recordings and draws of each cohort's chosen member.

    recordings: rows of metrics.csv (group, emotion, speaker, recording, correct, mask_area, map_is_zero), one for each
    of the N recordings of the draws. Only correctly classified recordings count, as in Tables 3 to 5; those whose map
    is zero are left out and counted. A group's cells hold the recordings of all its cohorts. q is taken over the rows
    of the same level, metric and control.
    """
    generator = np.random.default_rng(config.seed)
    rows: list[dict[str, object]] = []
    for own, of_group in _by_group(recordings, draws):
        for draw in of_group:
            rows += _rows(own, draw, emotions, config.resamples, generator)
    table = pd.DataFrame(rows, columns=[c for c in CONTROL_TABLE_COLUMNS if c not in ("q", "above_chance")])
    table["q"] = table.groupby(["level", "metric", "control"])["p"].transform(lambda p: false_discovery(p.to_numpy()))
    above = (table["q"] <= config.false_discovery_rate).astype("boolean")
    decidable = table["n_draws"].map(lambda draws: can_decide(draws, config.false_discovery_rate))
    table["above_chance"] = above.mask(table["q"].isna() | ~decidable)
    return table[list(CONTROL_TABLE_COLUMNS)]


def can_decide(draws: int, rate: float) -> bool:
    """Whether the smallest p that so many draws can give is at most the rate."""
    return 1 / (1 + draws) <= rate


def _by_group(
    recordings: Sequence[pd.DataFrame], draws: Sequence[Sequence[ControlDraws]]
) -> Iterator[tuple[pd.DataFrame, list[ControlDraws]]]:
    """Recordings and draws of each group, its cohorts one after the other; those of a draw are independent of others'.

    So column b of a group's draws is one draw in every cohort.
    """
    groups = [own["group"].iloc[0] for own in recordings]
    for group in dict.fromkeys(groups):
        cohorts = [index for index, own in enumerate(groups) if own == group]
        merged = [
            first._replace(
                observed=np.concatenate([draws[cohort][place].observed for cohort in cohorts]),
                draws=np.concatenate([draws[cohort][place].draws for cohort in cohorts]),
            )
            for place, first in enumerate(draws[cohorts[0]])
        ]
        yield pd.concat([recordings[cohort] for cohort in cohorts], ignore_index=True), merged


def _rows(
    own: pd.DataFrame, draw: ControlDraws, emotions: Sequence[str], resamples: int, generator: np.random.Generator
) -> list[dict[str, object]]:
    """Rows of every recording, every emotion and the group."""
    correct, zero = own["correct"].astype(bool).to_numpy(), own["map_is_zero"].astype(bool).to_numpy()
    of_emotion = own["emotion"].to_numpy()
    counted = np.flatnonzero(correct & ~zero & np.isfinite(draw.observed))
    parts = [("recording", of_emotion[i], own["recording"][i], np.arange(len(own)) == i) for i in counted]
    parts += [("emotion", emotion, "", correct & (of_emotion == emotion)) for emotion in emotions]
    parts.append(("group", "all", "", correct))
    rows = []
    for level, emotion, recording, selected in parts:
        place = {"level": level, "group": own["group"][0], "emotion": emotion, "recording": recording}
        rows.append({**place, **_row(own, draw, selected, zero, resamples, generator)})
    return rows


def _row(
    own: pd.DataFrame,
    draw: ControlDraws,
    selected: NDArray,
    zero: NDArray,
    resamples: int,
    generator: np.random.Generator,
) -> dict[str, object]:
    counted, better = selected & ~zero & np.isfinite(draw.observed), METRICS[draw.metric].better
    observed, draws, speakers = (
        draw.observed[counted].astype(float),
        draw.draws[counted],
        own["speaker"][counted].tolist(),
    )
    mean, excess = _finite_mean(observed), observed - mean_of_draws(draws.T)
    # A draw without a value for a recording is compared over the others, also as far as what was observed goes.
    of_draws = mean + mean_of_draws(draws - observed[:, None])
    test = permutation_test(mean, of_draws, better) if draw.tested else Test(np.nan, 0)
    return {
        "metric": draw.metric,
        "control": draw.control,
        "better": better,
        "observed": mean,
        **_limits("observed", mean_limits(observed, speakers, resamples, generator)),
        "mask_area": own.loc[counted, "mask_area"].mean() if draw.metric == "energy_ratio" else np.nan,
        "control_mean": _finite_mean(of_draws),
        **_limits("control", quantile_limits(of_draws) if draw.tested else (np.nan, np.nan)),
        "excess": mean - _finite_mean(of_draws),
        **_limits("excess", mean_limits(excess, speakers, resamples, generator)),
        "n_draws": test.n,
        "p": test.p,
        "n_recordings": int(counted.sum()),
        "n_speakers": len(set(speakers)),
        "n_zero_maps": int((selected & zero).sum()),
    }


def _limits(name: str, limits: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_low": limits[0], f"{name}_high": limits[1]}


def _finite_mean(values: NDArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def only_zero_maps(row: pd.Series | Mapping[str, Any]) -> str:
    """The words for a row of a check's table without a value because all its maps are zero; else nothing."""
    if row["n_recordings"] > 0 or row["n_zero_maps"] == 0:
        return ""
    return f"all maps are zero ({row['n_zero_maps']})"


def some_zero_maps(row: pd.Series | Mapping[str, Any]) -> str:
    """A remark on the maps of a row that were left out because they are zero, where others were not; else nothing."""
    if row["n_recordings"] == 0 or row["n_zero_maps"] == 0:
        return ""
    return f" Left out: {counted(row['n_zero_maps'], 'map')} of zeros."


def readable_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows of one metric as text, one line per group and emotion: observed, area, then mean (limits), q per control.

    In the unit of `Metric.cells_in_words`; areas are in per cent.
    """
    rows = []
    for (group, _, emotion), own in cells.groupby(["group", "level", "emotion"], sort=False):
        first = own.iloc[0]
        metric = METRICS[first["metric"]]
        observed = only_zero_maps(first) or metric.in_a_cell(first["observed"])
        row = {"group": group, "emotion": emotion, "recordings": first["n_recordings"], "observed": observed}
        if metric.name == "energy_ratio":
            row["mask area"] = METRICS["mask_area"].in_a_cell(first["mask_area"])
        rows.append(
            row
            | {
                name.replace("_", " "): _as_text(control, metric)
                for name, control in own.set_index("control").iterrows()
            }
        )
    return pd.DataFrame(rows)


def _as_text(control: pd.Series, metric: Metric) -> str:
    mean, low, high = (metric.in_a_cell(control[f"control_{name}"]) for name in ("mean", "low", "high"))
    return f"{mean} ({low} to {high}), q = {control['q']:.2g}" if np.isfinite(control["p"]) else mean
