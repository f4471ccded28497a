"""What the networks say of sounds that hold only what a map marks, or all but that: probabilities, and their summary.

Axes: S member; N sound; C class.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array

from convcam_jax.data.batches import ABSENT, stratify, strip_columns
from convcam_jax.measures.statistics import mean_interval
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.training.ensemble import member_mesh, over_members
from convcam_jax.training.member import Params, Recordings, compiler_options

BATCH_SIZE = 16
SOUNDS = ("only", "without")
_SENTENCES = {
    "only": "Of the recording, only what the map marks",
    "without": "All of the recording but what the map marks",
}


def probabilities(params: Params, sounds: Recordings, model: SimpleNet) -> np.ndarray:
    """Each member's probabilities `[S, N, C]` of the sounds, from parameters `[S, ...]`."""
    n_frames = np.asarray(sounds.n_frames)
    n_steps = -(-len(n_frames) // BATCH_SIZE)
    strata = stratify(n_frames, np.arange(len(n_frames)), n_steps, BATCH_SIZE)
    batches = strata.T
    classify = _program(len(jax.tree.leaves(params)[0]), model, strip_columns(n_frames, strata))
    answers = np.asarray(classify(params, sounds, batches))
    found = np.empty((len(answers), len(n_frames), answers.shape[-1]))
    present = batches != ABSENT
    found[:, batches[present]] = answers[:, present]
    return found


@lru_cache(2)
def _program(n_members: int, model: SimpleNet, n_columns: int) -> Callable[[Params, Recordings, np.ndarray], Array]:
    classify = partial(_classify, model=model, n_columns=n_columns)
    mesh, options = member_mesh(n_members), compiler_options(model)
    return over_members(classify, mesh, (True, False, False), compiler_options=options)


def _classify(params: Params, sounds: Recordings, batches: Array, model: SimpleNet, n_columns: int) -> Array:
    """Probabilities `[n_steps, B, C]` of one member for `batches [n_steps, B]`."""

    def one(batch: Array) -> Array:
        n_frames = jnp.where(batch == ABSENT, 0, sounds.n_frames[batch])
        logits: Any = model.apply({"params": params}, sounds.spectrograms[batch], n_frames, n_columns)
        return jax.nn.softmax(logits)

    return jax.lax.map(one, batches)


def summary(answers: pd.DataFrame) -> pd.DataFrame:
    """The table of `tables/resynthesis.csv`, from that of `resynthesis.csv`.

    One row per gender, threshold and sound. Of every seed the mean over recordings is taken first; then over seeds the
    mean, and of the difference between the map's cells and random ones the 95 % interval of Student's t. Columns:
    gender, threshold, sound, seeds, n_recordings, area, energy_ratio_map, energy_ratio_random, p_truth_original,
    p_truth_map, p_truth_random, accuracy_original, accuracy_map, accuracy_random, difference (of p_truth, map less
    random), difference_low, difference_high, sentence.
    """
    rows = []
    tested = answers[answers["cells"] != "all"]
    for (gender, threshold, sound), own in tested.groupby(["gender", "threshold", "sound"], sort=True):
        original = answers[(answers["cells"] == "all") & (answers["gender"] == gender)]
        by_seed = own.groupby(["seed", "cells"])[["p_truth", "correct", "energy_ratio"]].mean().unstack()
        difference = mean_interval(by_seed["p_truth"]["map"] - by_seed["p_truth"]["random"])
        row = {
            "gender": gender,
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
        f"{_SENTENCES[row['sound']]} (cells from {row['threshold']:.0%} of its maximum, {row['gender']}): "
        f"probability of the truth {row['p_truth_map']:.2f} with {row['energy_ratio_map']:.0%} of the energy, by as "
        f"many random cells {row['p_truth_random']:.2f} with {row['energy_ratio_random']:.0%}; difference "
        f"{row['difference']:.3f}{interval}: {verdict}."
    )
