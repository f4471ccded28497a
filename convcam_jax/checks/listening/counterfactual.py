"""What the networks say of sounds that hold only what a map marks, or all but that: probabilities, and their summary.

Axes: S member; N sound; C class.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int

from convcam_jax.checks.listening.resynthesis import Probe
from convcam_jax.checks.zero_maps import only_zero_maps, some_zero_maps
from convcam_jax.data.batches import by_recording, frames_of, stratify
from convcam_jax.data.members import Cohort
from convcam_jax.data.recordings import Recordings, take
from convcam_jax.measures.statistics import MEMBER, mean_interval
from convcam_jax.networks.network import Network, Variables
from convcam_jax.system.digits import per_cent, setting_in_per_cent, with_first_digit
from convcam_jax.training.ensemble import member_mesh, over_members
from convcam_jax.training.member import compiler_options

BATCH_SIZE = 16
ANSWER_COLUMNS = ["recording", *MEMBER, "truth", "explained", *Probe._fields, "p_explained", "predicted", "correct"]
_SENTENCES = {
    "only": "Of the recording, only what the map marks",
    "without": "All of the recording but what the map marks",
}


def probabilities(variables: Variables, sounds: Recordings, network: Network) -> Float[np.ndarray, "S N C"]:
    """Each member's probabilities of the sounds, from variables `[S, ...]`."""
    n_frames = np.asarray(sounds.n_frames)
    n_steps = -(-len(n_frames) // BATCH_SIZE)
    strata = stratify(n_frames, np.arange(len(n_frames)), n_steps, BATCH_SIZE)
    layout = network.layout(frames_of(n_frames, strata))
    classify = _program(len(jax.tree.leaves(variables)[0]), network, layout)
    return by_recording(np.asarray(classify(variables, sounds, strata.T)).astype(float), strata.T)


@lru_cache(2)
def _program(n_members: int, network: Network, layout: int) -> Callable[[Variables, Recordings, np.ndarray], Array]:
    classify = partial(_classify, network=network, layout=layout)
    mesh, options = member_mesh(n_members), compiler_options(network)
    return over_members(classify, mesh, (True, False, False), compiler_options=options)


def _classify(
    variables: Variables, sounds: Recordings, batches: Int[Array, "n_steps B"], network: Network, layout: int
) -> Float[Array, "n_steps B C"]:
    """Probabilities by one member."""

    def one(batch: Array) -> Array:
        return jax.nn.softmax(network.logits(variables, take(sounds, batch), layout)[0])

    return jax.lax.map(one, batches)


def probe_table(recording: str, truth: str, probes: Sequence[Probe]) -> pd.DataFrame:
    """What is known of the sounds that were made of one recording: part of `resynthesis.csv`."""
    return pd.DataFrame(probes).assign(recording=recording, truth=truth)


def answer_table(
    cohort: Cohort,
    probes: pd.DataFrame,
    by_seed: Mapping[int, Float[np.ndarray, "N C"]],
    explained: Mapping[int, Int[np.ndarray, " N"]],
    emotions: Sequence[str],
) -> pd.DataFrame:
    """One cohort's part of `resynthesis.csv`, from its N sounds (`probe_table`) and every seed's probabilities.

    explained: the class that every seed's map of the sound's recording is of.
    """
    truth = np.array([list(emotions).index(label) for label in probes["truth"]])
    tables = []
    for seed, answers in by_seed.items():
        predicted = answers.argmax(-1)
        p_explained = answers[np.arange(len(truth)), explained[seed]]
        names, asked = ([emotions[i] for i in classes] for classes in (predicted, explained[seed]))
        known = probes.assign(**cohort._asdict(), seed=seed, explained=asked)
        tables.append(known.assign(p_explained=p_explained, predicted=names, correct=predicted == truth))
    return pd.concat(tables, ignore_index=True)[ANSWER_COLUMNS]


def answer_summary(answers: pd.DataFrame, n_zero_maps: Mapping[str, int], thresholds: Sequence[float]) -> pd.DataFrame:
    """The table of `tables/resynthesis.csv`, from that of `resynthesis.csv`.

    One row per group, threshold and sound. Of every seed the mean over recordings of all folds is taken first; then
    over seeds the mean, and of the difference between the map's cells and random ones the 95 % interval of Student's t.
    Columns: group, threshold, sound, seeds, n_recordings, n_zero_maps, area, energy_ratio_map, energy_ratio_random,
    p_explained_original, p_explained_map, p_explained_random, accuracy_original, accuracy_map, accuracy_random,
    difference (of p_explained, map less random), difference_low, difference_high, sentence.

    n_zero_maps: of each group, the recordings without answers because their mean map is zero; where there are no
    others, its rows have no values and say so.
    """
    rows = []
    for group in sorted(n_zero_maps):
        of_group = answers[answers["group"] == group]
        original = of_group[of_group["cells"] == "all"]
        for threshold in sorted(thresholds):
            for sound in _SENTENCES:
                of_sound = of_group[(of_group["threshold"] == threshold) & (of_group["sound"] == sound)]
                place = {"group": group, "threshold": threshold, "sound": sound, "seeds": of_sound["seed"].nunique()}
                place |= {"n_recordings": of_sound["recording"].nunique(), "n_zero_maps": n_zero_maps[group]}
                row = place | _means(of_sound, original)
                rows.append({**row, "sentence": _sentence(row)})
    return pd.DataFrame(rows)


def _means(of_sound: pd.DataFrame, original: pd.DataFrame) -> dict[str, float]:
    """What the answers to the map's and to random cells come to, beside those to the recordings as they are."""
    measures = ["p_explained", "correct", "energy_ratio"]
    by_seed = {name: of_sound[of_sound["cells"] == name].groupby("seed")[measures].mean() for name in ("map", "random")}
    difference = mean_interval(by_seed["map"]["p_explained"] - by_seed["random"]["p_explained"])
    return {
        "area": of_sound["area"].mean(),
        **{f"energy_ratio_{cells}": means["energy_ratio"].mean() for cells, means in by_seed.items()},
        "p_explained_original": original["p_explained"].mean(),
        **{f"p_explained_{cells}": means["p_explained"].mean() for cells, means in by_seed.items()},
        "accuracy_original": original["correct"].mean(),
        **{f"accuracy_{cells}": means["correct"].mean() for cells, means in by_seed.items()},
        **difference.columns("difference"),
    }


def _sentence(row: dict) -> str:
    """The row's result in words."""
    threshold = setting_in_per_cent(row["threshold"])
    subject = f"{_SENTENCES[row['sound']]} (cells from {threshold} of its maximum, {row['group']})"
    if words := only_zero_maps(row):
        return f"{subject}: {words}."
    low, high = row["difference_low"], row["difference_high"]
    # The map is right if its cells alone speak for the class that it explains, and if without them less does.
    sign = 1 if row["sound"] == "only" else -1
    if np.isnan(low):
        verdict = "one seed has no interval"
    elif low <= 0 <= high:
        verdict = "undecided"
    elif sign * low > 0:
        verdict = "the map's cells matter more than as many random ones"
    else:
        verdict = "as many random cells matter more than the map's"
    limits = f" ({with_first_digit(low, 3)} to {with_first_digit(high, 3)} over the seeds)"
    difference = with_first_digit(row["difference"], 3) + ("" if np.isnan(low) else limits)
    return (
        f"{subject}: probability of the explained class {row['p_explained_map']:.2f} with "
        f"{per_cent(row['energy_ratio_map'])} of the energy, by as many random cells {row['p_explained_random']:.2f} "
        f"with {per_cent(row['energy_ratio_random'])}; difference {difference}: {verdict}."
        f"{some_zero_maps(row)}"
    )
