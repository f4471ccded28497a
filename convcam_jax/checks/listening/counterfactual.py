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
from convcam_jax.data.batches import by_recording, frames_of, stratify
from convcam_jax.data.members import Cohort
from convcam_jax.data.recordings import Recordings, take
from convcam_jax.measures.statistics import MEMBER, mean_interval
from convcam_jax.networks.network import Network, Variables
from convcam_jax.training.ensemble import member_mesh, over_members
from convcam_jax.training.member import compiler_options

BATCH_SIZE = 16
ANSWER_COLUMNS = ["recording", *MEMBER, "truth", *Probe._fields, "p_truth", "predicted", "correct"]
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
    emotions: Sequence[str],
) -> pd.DataFrame:
    """One cohort's part of `resynthesis.csv`, from its N sounds (`probe_table`) and every seed's probabilities."""
    truth = np.array([list(emotions).index(label) for label in probes["truth"]])
    tables = []
    for seed, answers in by_seed.items():
        predicted = answers.argmax(-1)
        p_truth = answers[np.arange(len(truth)), truth]
        names = [emotions[i] for i in predicted]
        known = probes.assign(**cohort._asdict(), seed=seed)
        tables.append(known.assign(p_truth=p_truth, predicted=names, correct=predicted == truth))
    return pd.concat(tables, ignore_index=True)[ANSWER_COLUMNS]


def answer_summary(answers: pd.DataFrame) -> pd.DataFrame:
    """The table of `tables/resynthesis.csv`, from that of `resynthesis.csv`.

    One row per group, threshold and sound. Of every seed the mean over recordings of all folds is taken first; then
    over seeds the mean, and of the difference between the map's cells and random ones the 95 % interval of Student's t.
    Columns: group, threshold, sound, seeds, n_recordings, area, energy_ratio_map, energy_ratio_random,
    p_truth_original, p_truth_map, p_truth_random, accuracy_original, accuracy_map, accuracy_random, difference (of
    p_truth, map less random), difference_low, difference_high, sentence.
    """
    rows = []
    tested = answers[answers["cells"] != "all"]
    for (group, threshold, sound), own in tested.groupby(["group", "threshold", "sound"], sort=True):
        original = answers[(answers["cells"] == "all") & (answers["group"] == group)]
        by_seed = own.groupby(["seed", "cells"])[["p_truth", "correct", "energy_ratio"]].mean().unstack()
        difference = mean_interval(by_seed["p_truth"]["map"] - by_seed["p_truth"]["random"])
        row = {
            "group": group,
            "threshold": threshold,
            "sound": sound,
            "seeds": own["seed"].nunique(),
            "n_recordings": own["recording"].nunique(),
            "area": own["area"].mean(),
            **{f"energy_ratio_{cells}": by_seed["energy_ratio"][cells].mean() for cells in ("map", "random")},
            "p_truth_original": original["p_truth"].mean(),
            **{f"p_truth_{cells}": by_seed["p_truth"][cells].mean() for cells in ("map", "random")},
            "accuracy_original": original["correct"].mean(),
            **{f"accuracy_{cells}": by_seed["correct"][cells].mean() for cells in ("map", "random")},
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
        }
        rows.append({**row, "sentence": _sentence(row)})
    return pd.DataFrame(rows)


def _sentence(row: dict) -> str:
    """The row's result in words."""
    low, high = row["difference_low"], row["difference_high"]
    # The map is right if its cells alone speak for the truth, and if without them less does.
    sign = 1 if row["sound"] == "only" else -1
    if np.isnan(low):
        verdict = "one seed has no interval"
    elif low <= 0 <= high:
        verdict = "undecided"
    elif sign * low > 0:
        verdict = "the map's cells matter more than as many random ones"
    else:
        verdict = "as many random cells matter more than the map's"
    interval = "" if np.isnan(low) else f" ({low:.3f} to {high:.3f} over the seeds)"
    return (
        f"{_SENTENCES[row['sound']]} (cells from {row['threshold']:.0%} of its maximum, {row['group']}): "
        f"probability of the truth {row['p_truth_map']:.2f} with {row['energy_ratio_map']:.0%} of the energy, by as "
        f"many random cells {row['p_truth_random']:.2f} with {row['energy_ratio_random']:.0%}; difference "
        f"{row['difference']:.3f}{interval}: {verdict}."
    )
