"""The table of `faithfulness.csv`, and what it says: areas, their means over seeds, and verdicts in words.

Axes: N recording; P share of cells.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import ttest_1samp

from convcam_jax.checks.chance.permutation import false_discovery
from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS, shares
from convcam_jax.checks.zero_maps import only_zero_maps, some_zero_maps, without_zero_maps
from convcam_jax.measures.cohort_maps import CohortMaps
from convcam_jax.measures.statistics import groups_of, limited, mean_interval
from convcam_jax.system.digits import with_first_digit

_COMPARED = [
    *("group", "curve", "fill", "order", "gain", "low", "high", "better_in", "n_recordings", "n_zero_maps"),
    *("seeds_better", "seeds", "map_area", "order_area", "p"),
]
_SPOKEN = {
    ("deletion", "zeros"): "Deleting (zeros) what the map marks lowers",
    ("deletion", "blurred"): "Blurring what the map marks lowers",
    ("insertion", "zeros"): "Putting what the map marks into silence raises",
    ("insertion", "blurred"): "Putting what the map marks into the blurred recording raises",
    "shifted_map": "the order of the same map moved elsewhere",
    "random": "random order",
    "energy": "the order of energy",
}


def curve_table(
    of_cohort: CohortMaps, row: int, probability: Float[np.ndarray, "N curves fills orders P"]
) -> pd.DataFrame:
    """One member's part of `faithfulness.csv`; `row` is its row in the cohort's arrays."""
    names = [u.recording for u in of_cohort.utterances]
    axes = (names, CURVES, FILLS, ORDERS, shares(probability.shape[-1] - 1))
    index = pd.MultiIndex.from_product(axes, names=["recording", "curve", "fill", "order", "share"])
    curve_points = pd.DataFrame({"probability": probability.ravel()}, index).reset_index()
    known = pd.DataFrame(
        {
            "recording": names,
            **of_cohort.cohort._asdict(),
            "speaker": [u.speaker for u in of_cohort.utterances],
            "emotion": [u.emotion for u in of_cohort.utterances],
            "seed": of_cohort.seeds[row],
            "correct": of_cohort.correct[row],
            "map_is_zero": of_cohort.maps[row].max((1, 2)) <= 0,
        }
    )
    return known.merge(curve_points, on="recording")


def areas(table: pd.DataFrame) -> pd.DataFrame:
    """Area under each curve, in 0..1: the columns of `faithfulness.csv` with `area` instead of share and probability.

    It is that of the trapezoidal rule. Each curve's rows stand together, in rising order of the share.
    """
    n_shares = table["share"].nunique()
    curve_of = table.drop(columns=["share", "probability"]).iloc[::n_shares].reset_index(drop=True)
    values = table["probability"].to_numpy().reshape(-1, n_shares)
    return curve_of.assign(area=np.trapezoid(values, table["share"].to_numpy()[:n_shares]))


def area_summary(by_recording: pd.DataFrame) -> pd.DataFrame:
    """Mean area per group, curve, fill and order, without recordings whose map is zero.

    Returns group, curve, fill, order, mean (of the seeds' means over recordings), low, high (95 % t interval of that
    mean over the seeds), seeds, n_curves, n_zero_maps (of all seeds, left out).
    """
    keys = ["group", "curve", "fill", "order"]
    parts = dict(list(by_recording.groupby(keys)))
    rows = []
    for key in ((g, c, f, o) for g in groups_of(by_recording) for c in CURVES for f in FILLS for o in ORDERS):
        shown, n_zero = without_zero_maps(parts[key])
        interval = limited(mean_interval(shown.groupby("seed")["area"].mean()), 1)
        rows.append([*key, *interval, len(shown), n_zero])
    return pd.DataFrame(rows, columns=[*keys, "mean", "low", "high", "seeds", "n_curves", "n_zero_maps"])


def area_verdicts(by_recording: pd.DataFrame, false_discovery_rate: float) -> pd.DataFrame:
    """The map's order against the others, one row per group, curve, fill and other order, with a sentence.

    A map is better where its area is smaller under deletion, larger under insertion; of several seeds, each recording's
    mean area counts. `gain` is the mean difference, positive where the map is better, with a 95 % t interval over the
    recordings (low, high), and `p` is that of the same paired t test: it is below 0.05 where the interval leaves out 0.
    Neither is adjusted. `p_adjusted` is, after Benjamini and Hochberg over the table: the verdict is better or worse
    where it is at most `false_discovery_rate`, else undecided. All of it is of these seeds' networks: of others it says
    only what `seeds_better` does, the number of seeds whose mean gain is positive. Maps of zeros, counted over the
    seeds, are left out; a group that has no others has no values, which its sentence says.
    """
    rows = []
    for group in groups_of(by_recording):
        for curve in CURVES:
            for fill in FILLS:
                areas = by_recording.query("group == @group and curve == @curve and fill == @fill")
                rows += [[group, curve, fill, *_compare(areas, curve, order)] for order in ORDERS[1:]]
    frame = pd.DataFrame(rows, columns=_COMPARED)
    frame["p_adjusted"] = false_discovery(frame["p"].to_numpy())
    decided = frame["p_adjusted"] <= false_discovery_rate
    frame["verdict"] = np.where(decided, np.where(frame["gain"] > 0, "better", "worse"), "undecided")
    frame["sentence"] = [_sentence(row) for _, row in frame.iterrows()]
    return frame


def _compare(areas: pd.DataFrame, curve: str, order: str) -> list:
    shown, n_zero = without_zero_maps(areas)
    wide = shown.pivot(index=["seed", "recording"], columns="order", values="area").reindex(columns=list(ORDERS))
    gain = (wide[order] - wide["map"]) * (1 if curve == "deletion" else -1)
    by_recording, by_seed = gain.groupby("recording").mean(), gain.groupby("seed").mean()
    interval = mean_interval(by_recording)
    counts = [int((by_recording > 0).sum()), len(by_recording), n_zero, int((by_seed > 0).sum()), len(by_seed)]
    of_recordings = wide.groupby("recording").mean()
    means = [of_recordings["map"].mean(), of_recordings[order].mean()]
    return [order, *interval[:3], *counts, *means, _t_test(by_recording)]


def _t_test(gains: pd.Series) -> float:
    """The p of the two-sided t test that the mean is 0; NaN for a single value."""
    if len(gains) < 2:
        return np.nan
    # Equal areas everywhere are no evidence, and the test is not defined for them.
    return float(ttest_1samp(gains, 0).pvalue) if gains.any() else 1.0


def _sentence(verdict: pd.Series) -> str:
    other = _SPOKEN[verdict["order"]]
    if words := only_zero_maps(verdict):
        where = f"{verdict['curve']}, {verdict['fill']}, {verdict['group']} recordings"
        return f"The map's order is not compared with {other} ({where}): {words}."
    seeds = "" if verdict["seeds"] == 1 else f", in the mean of {verdict['seeds_better']} of {verdict['seeds']} seeds"
    whose = "of this network" if verdict["seeds"] == 1 else f"of these {verdict['seeds']} networks"
    conclusion = {
        "better": f"the map's order is better, {whose}",
        "worse": f"the map's order is worse, {whose}",
        "undecided": "undecided",
    }[verdict["verdict"]]
    tested = np.isfinite(verdict["p"])
    gain, low, high = (with_first_digit(verdict[name], 3) for name in ("gain", "low", "high"))
    limits = f" ({low} to {high})" if tested else ""
    p = f", adjusted p = {verdict['p_adjusted']:.2g}" if tested else ""
    return (
        f"{_SPOKEN[verdict['curve'], verdict['fill']]} the probability of the class faster than {other} in "
        f"{verdict['better_in']} of {verdict['n_recordings']} {verdict['group']} recordings{seeds}: gain in area "
        f"{gain}{limits}, {verdict['map_area']:.3f} against {verdict['order_area']:.3f}{p}: "
        f"{conclusion}.{some_zero_maps(verdict)}"
    )
