"""What the comparison with chance comes to, in sentences made of its numbers."""

from typing import Any

import numpy as np
import pandas as pd

from convcam_jax.checks.zero_maps import only_zero_maps
from convcam_jax.corpora.config import ALL
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.system.digits import per_cent, setting_in_per_cent, with_first_digit
from convcam_jax.system.progress import counted

CONTROL_VERDICT_COLUMNS = ("about", "group", "emotion", "metric", "control", "above_chance", "sentence")

_CONTROLS = {
    "random_blobs": "random blobs of the same area",
    "time_shift": "the same mask moved in time",
    "frequency_shift": "the same mask moved in frequency",
    "another_emotion": "other emotions' masks of the same area",
    "shuffled_emotions": "masks of the same area made without regard to emotion",
    "top_energy": "the strongest cells of the same area",
    "other_recordings": "other recordings' maps",
}
# On what is not tested.
_NO_OTHER_DRAW = "no test: no draw can differ"
_REMARKS = {
    "another_emotion": "no test: they do not hold the recording's own map",
    "top_energy": "the ceiling, not chance",
}


def control_in_words(metric: str, control: str) -> str:
    """What a metric is compared with."""
    moved = metric != "energy_ratio" and control == "time_shift"
    return "the same map moved in time" if moved else _CONTROLS[control]


def control_verdicts(controls: pd.DataFrame, false_discovery_rate: float) -> pd.DataFrame:
    """Sentences about every metric and control (how many cells are above chance), group, and group and emotion.

    controls: the table of controls.csv. Returns CONTROL_VERDICT_COLUMNS; above_chance is empty where nothing could be
    tested, and where the draws cannot decide.
    """
    n_tests = controls.groupby(["level", "metric", "control"])["q"].transform("count")
    controls = controls.assign(n_tests=n_tests)
    cells, groups = controls[controls["level"] == "emotion"], controls[controls["level"] == "group"]
    rows = [
        _summary(str(metric), str(control), own, false_discovery_rate)
        for (metric, control), own in cells.groupby(["metric", "control"], sort=False)
    ]
    is_only = controls["group"].nunique() == 1
    for part in (groups, cells):
        rows += [_cell(row, false_discovery_rate, is_only) for _, row in part.iterrows() if row["n_recordings"] > 0]
    return pd.DataFrame(rows, columns=list(CONTROL_VERDICT_COLUMNS))


def _summary(metric: str, control: str, cells: pd.DataFrame, rate: float) -> list[object]:
    tested = cells[cells["q"].notna()]
    what, against = f"The {METRICS[metric].words}", control_in_words(metric, control)
    place: list[object] = ["summary", "all", "all", metric, control]
    if control in _REMARKS:
        reached = cells["observed"] / cells["control_mean"]
        share = f"{per_cent(reached.min())} to {per_cent(reached.max())}" if reached.notna().any() else "no share"
        return [*place, None, f"{what}: {share} of that inside {against} ({_REMARKS[control]})."]
    if tested.empty:
        return [*place, None, f"{what}, against {against}: nothing could be tested.{_without_test(cells)}"]
    better, undecided = tested[tested["above_chance"].eq(True).fillna(False)], tested[tested["above_chance"].isna()]
    listed = f" ({_names(better)})" if len(better) else ""
    sentence = (
        f"{what}, against {against}: {len(better)} of {len(tested)} cells are better than chance at a false "
        f"discovery rate of {setting_in_per_cent(rate)}{listed}."
    )
    if len(undecided):
        sentence += f" Of {len(undecided)} this cannot be decided with these draws ({_names(undecided)})."
    is_known = len(better) > 0 or undecided.empty
    return [*place, len(better) > 0 if is_known else None, sentence + _without_test(cells)]


def _names(cells: pd.DataFrame) -> str:
    return ", ".join(cells["group"] + " " + cells["emotion"])


def _without_test(cells: pd.DataFrame) -> str:
    """Remarks on the cells whose maps are all zero, and on those of which all draws are what was observed."""
    zero = cells[[bool(only_zero_maps(row)) for _, row in cells.iterrows()]]
    same = cells[_has_no_other_draw(cells)]
    remark = f" All maps are zero of {_names(zero)}." if len(zero) else ""
    return remark + (f" No draw can differ from what was observed of {_names(same)}." if len(same) else "")


def _has_no_other_draw(cells: pd.DataFrame | pd.Series) -> Any:
    """Whether there are draws of what is tested, but none that differs from what was observed."""
    return pd.isna(cells["p"]) & pd.notna(cells["control_mean"])


def _cell(row: pd.Series, rate: float, is_only_group: bool) -> list[object]:
    all_of_group = "all recordings" if is_only_group and row["group"] == ALL else f"all {row['group']} recordings"
    of_emotion = f"{row['group']} {row['emotion']} ({counted(row['n_recordings'], 'recording')})"
    who = of_emotion if row["level"] == "emotion" else all_of_group
    metric = METRICS[row["metric"]]
    show = metric.as_text
    subject = f"The {metric.words}, {who}: {show(row['observed'])}"
    if row["metric"] == "energy_ratio":
        subject += f" on {per_cent(row['mask_area'])} of the area"
    place: list[object] = [row["level"], row["group"], row["emotion"], row["metric"], row["control"]]
    control = control_in_words(row["metric"], row["control"])
    against = f"{control} ({show(row['control_mean'])} on average"
    if not np.isfinite(row["p"]):
        is_same = row["control"] not in _REMARKS and _has_no_other_draw(row)
        remark = f" ({_NO_OTHER_DRAW})" if is_same else ""
        return [*place, None, f"{subject}; {control}: {show(row['control_mean'])}{remark}."]
    p, q, smallest_p = (with_first_digit(row[name], 3) for name in ("p", "q", "smallest_p"))
    test = f"p = {p} with {counted(row['n_draws'], 'draw')}, q = {q})"
    better = "above that inside" if metric.better == "higher" else "below that with"
    if pd.isna(row["above_chance"]):
        reason = f"no p of these draws is below {smallest_p}, of {counted(row['n_tests'], 'test')}"
        return [*place, None, f"{subject}; {against}; {test}: it cannot be decided, as {reason}."]
    if row["above_chance"]:
        return [*place, True, f"{subject} is {better} {against}; {test}."]
    answer = f"is not better than chance at a false discovery rate of {setting_in_per_cent(rate)}: {against}; {test}"
    return [*place, False, f"{subject} {answer}.{_opposite(row)}"]


def _opposite(row: pd.Series) -> str:
    """A remark where the control is better than what was observed in nearly all draws; equal ones are no better."""
    higher = METRICS[row["metric"]].better == "higher"
    is_worse = row["observed"] < row["control_low"] if higher else row["observed"] > row["control_high"]
    if row["p"] < 0.975 or not is_worse:
        return ""
    return " It is worse than in nearly all draws."
