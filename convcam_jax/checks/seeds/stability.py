"""How much maps, metrics and masks depend on the seed of the network: the tables of `stability.csv` and of mask bands.

Axes: S member (seed); N recording; C emotion; F frequency bin; T time frame.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from convcam_jax.checks.seeds.map_similarity import rank_correlations, structural_similarities
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import cell_statistics, groups_of, limited, mean_interval, mean_over_speakers

STABILITY_COLUMNS = (
    *("kind", "level", "group", "emotion", "recording", "name", "statistic", "value", "low", "high", "spread"),
    *("n", "n_speakers", "n_zero_maps"),
)


# What rounding leaves, as a share of what is added up, of a sum that is zero.
_ROUNDING = 1e-12


class Correlations(NamedTuple):
    """Intraclass correlations of Shrout and Fleiss (1979) for targets and judges that are both random samples.

    single: ICC(2,1), of one judge's values. average: ICC(2,k), of the means of all k judges.
    """

    single: float
    average: float


def intraclass_correlations(values: Float[np.ndarray, "targets judges"]) -> Correlations:
    """ICC(2,1) and ICC(2,k), absolute agreement, of `values` without NaN.

    NaN with fewer than two of either, where all values are equal, and where the estimates can be none: k judges cannot
    correlate by -1/(k - 1) or less on average. So low an ICC(2,1) makes the denominator of ICC(2,k) zero or negative,
    whose value is then infinite, or above 1.
    """
    n, k = values.shape
    if n < 2 or k < 2 or np.ptp(values) == 0:
        return Correlations(np.nan, np.nan)
    values = values.astype(float)
    of_targets, of_judges, mean = values.mean(1), values.mean(0), values.mean()
    targets = k * np.square(of_targets - mean).sum() / (n - 1)
    judges = n * np.square(of_judges - mean).sum() / (k - 1)
    error = np.square(values - of_targets[:, None] - of_judges + mean).sum() / ((n - 1) * (k - 1))
    of_average = targets + (judges - error) / n
    if of_average <= _ROUNDING * (targets + judges + error):
        return Correlations(np.nan, np.nan)
    single = (targets - error) / (targets + (k - 1) * error + k * (judges - error) / n)
    average = (targets - error) / of_average
    return Correlations(float(single), float(average))


def recording_agreement(
    maps: Float[np.ndarray, "S N F T"], n_frames: Int[np.ndarray, " N"], recordings: pd.DataFrame
) -> pd.DataFrame:
    """Agreement of one cohort's members on each recording, from maps in 0..1: rows of `stability.csv`.

    recordings: group, emotion, speaker, recording, one row for each of the N. Pairs with a map that is the same
    everywhere are left out, and a single member has none. low and high are the lowest and highest pair, spread is the
    standard deviation of the pairs.
    """
    rows = []
    for i, recording in enumerate(recordings.itertuples(index=False)):
        of_recording = maps[:, i, :, : n_frames[i]]
        some = of_recording[of_recording.any((1, 2))]
        for name, measure in {"rank_correlation": rank_correlations, "ssim": structural_similarities}.items():
            pairs = measure(some) if len(some) > 1 else np.array([])
            pairs = pairs[np.isfinite(pairs)]
            rows.append(
                {
                    "kind": "map_pairs",
                    "level": "recording",
                    "group": recording.group,
                    "emotion": recording.emotion,
                    "recording": recording.recording,
                    "name": name,
                    "statistic": "mean",
                    "n": len(pairs),
                    "speaker": recording.speaker,
                    "n_zero_maps": len(of_recording) - len(some),
                    **_of_pairs(pairs),
                }
            )
    return pd.DataFrame(rows)


def map_agreement(by_cohort: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Agreement of the members on maps: rows of `stability.csv`, from `recording_agreement` of every cohort.

    For each group the rows of its recordings, then one per emotion and one for the group: means over the recordings of
    all its cohorts, with limits over speakers.
    """
    per_recording = pd.concat(by_cohort, ignore_index=True)
    parts = [part for _, own in per_recording.groupby("group", sort=False) for part in (own, _means_of_recordings(own))]
    return pd.concat(parts, ignore_index=True).reindex(columns=STABILITY_COLUMNS)


def _of_pairs(pairs: Float[np.ndarray, " pairs"]) -> dict[str, float]:
    if len(pairs) == 0:
        return dict.fromkeys(("value", "low", "high", "spread"), np.nan)
    spread = float(pairs.std(ddof=1)) if len(pairs) > 1 else np.nan
    return {"value": float(pairs.mean()), "low": float(pairs.min()), "high": float(pairs.max()), "spread": spread}


def _means_of_recordings(per_recording: pd.DataFrame) -> pd.DataFrame:
    of_group = per_recording.assign(level="group", emotion="all")
    everything = pd.concat([per_recording.assign(level="emotion"), of_group])
    rows = []
    for (group, level, emotion, name), all_own in everything.groupby(["group", "level", "emotion", "name"], sort=False):
        known = all_own.dropna(subset="value")
        if known.empty:
            continue
        values = known["value"].to_numpy()
        mean, *limits, n_speakers = mean_over_speakers(values, known["speaker"].tolist())
        # Correlations and structural similarities lie between these.
        low, high = np.clip(limits, -1, 1).tolist()
        spread = values.std(ddof=1) if len(values) > 1 else np.nan
        rows.append(
            {
                "kind": "map_mean",
                "level": level,
                "group": group,
                "emotion": emotion,
                "name": name,
                "statistic": "mean",
                "value": mean,
                "low": low,
                "high": high,
                "spread": spread,
                "n": len(values),
                "n_speakers": n_speakers,
                "n_zero_maps": all_own["n_zero_maps"].sum(),
            }
        )
    return pd.DataFrame(rows)


def metric_agreement(metrics: pd.DataFrame) -> pd.DataFrame:
    """ICC(2,1) and ICC(2,k) of each metric, recordings as targets and seeds as judges: rows of `stability.csv`.

    metrics: the table of metrics.csv. A recording counts where every seed has a value (n says how many do), whether it
    was classified correctly or not. It is tested in one fold, whose members are its judges.
    """
    rows = []
    for group, of_group in metrics.groupby("group"):
        for name in METRICS:
            complete = of_group.pivot(index="recording", columns="seed", values=name).dropna()
            place = {"kind": "icc", "level": "group", "group": group, "emotion": "all", "name": name}
            place |= {"n": len(complete)}
            found = intraclass_correlations(complete.to_numpy())
            rows.append({**place, "statistic": "icc_2_1", "value": found.single})
            rows.append({**place, "statistic": "icc_2_k", "value": found.average})
    return pd.DataFrame(rows).reindex(columns=STABILITY_COLUMNS)


def table_cells(metrics: pd.DataFrame, columns: Sequence[str], emotions: Sequence[str]) -> pd.DataFrame:
    """Every cell of Tables 3 to 5, means with limits over the speakers: rows of `stability.csv`.

    metrics: the chosen members' rows; columns: the metrics of the tables. Values in the metric's unit. Least and
    greatest values have no limits: other speakers' could lie anywhere beyond them.
    """
    correct = metrics[metrics["correct"].astype(bool)]
    rows = []
    for column in columns:
        for row in cell_statistics(metrics, column, groups_of(metrics), emotions).to_dict("records"):
            in_cell = (correct["group"] == row["group"]) & (correct["emotion"] == row["emotion"])
            counted = correct[in_cell].dropna(subset=column)
            place: dict[str, object] = {"kind": "table_cell", "level": "emotion", "name": column}
            place |= {"n": row.pop("n_recordings"), "n_speakers": counted["speaker"].nunique()}
            if row["statistic"] == "mean":
                over_speakers = mean_over_speakers(counted[column].to_numpy(float), counted["speaker"].tolist())
                interval = limited(over_speakers, 1 if METRICS[column].is_share else np.inf)
                place |= {"low": interval.low, "high": interval.high}
            rows.append(place | row)
    return pd.DataFrame(rows).reindex(columns=STABILITY_COLUMNS)


def mask_profiles(
    masks: Mapping[str, Float[np.ndarray, "S C F T"]],
    emotions: Sequence[str],
    bin_hz: Float[np.ndarray, " F"],
    time_s: Float[np.ndarray, " T"],
) -> pd.DataFrame:
    """Masks R of each group's members along either axis, with a confidence band over the members.

    Each mask is divided by its sum and summed along the other axis, so that a profile says which share of the mask lies
    in a bin or frame. Returns group, emotion, axis (frequency_hz or time_s), position, mean, low, high (95 % limits of
    the mean by Student's t), lowest, highest (of the members), seeds (members with a mask).
    """
    rows = []
    for group, of_group in masks.items():
        for index, emotion in enumerate(emotions):
            of_emotion = of_group[:, index].astype(float)
            of_emotion = of_emotion[of_emotion.any((1, 2))]
            shares = of_emotion / of_emotion.sum((1, 2), keepdims=True)
            for axis, positions, profiles in (
                ("frequency_hz", bin_hz, shares.sum(2)),
                ("time_s", time_s, shares.sum(1)),
            ):
                for position, values in zip(positions, profiles.T, strict=True):
                    extremes = (values.min(), values.max()) if len(values) else (np.nan, np.nan)
                    mean, low, high, n = limited(mean_interval(values), 1)
                    rows.append([group, emotion, axis, position, mean, low, high, *extremes, n])
    columns = ["group", "emotion", "axis", "position", "mean", "low", "high", "lowest", "highest", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def surviving_claims(claims: pd.DataFrame) -> pd.DataFrame:
    """Which of the paper's claims hold in every seed.

    claims: the table of claims.csv. Returns id, section, claim, seeds_holding, seeds, seeds_undecided, answer: "holds
    in every seed", "fails in every seed", the same of "every seed that decides", "undecided in every seed" or "depends
    on the seed".
    """

    def answer(row: pd.Series) -> str:
        decided = row["seeds"] - row["seeds_undecided"]
        if decided == 0:
            return "undecided in every seed"
        if row["seeds_holding"] not in (0, decided):
            return "depends on the seed"
        every = "every seed" if decided == row["seeds"] else "every seed that decides"
        return f"{'holds' if row['seeds_holding'] else 'fails'} in {every}"

    kept = claims[["id", "section", "claim", "seeds_holding", "seeds", "seeds_undecided"]]
    return kept.assign(answer=kept.apply(answer, axis=1))
