"""What members of several folds show together: per seed the accuracy, per group the masks.

A recording is tested in one fold, so the folds of a seed together answer for every recording once.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.data.members import Cohort


def seed_accuracy(members: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of every seed of a group, over the recordings of all folds.

    members, predictions: the tables of members.csv and predictions.csv (which may be empty where there is one fold).
    Returns group, seed, test_accuracy (0..1), chosen. With several folds a seed is chosen in each of them, so that none
    is the chosen one of the group.
    """
    return pd.concat(
        [_of_group(own, predictions) for _, own in members.groupby("group", sort=False)], ignore_index=True
    )[["group", "seed", "test_accuracy", "chosen"]]


def _of_group(members: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    if members["fold"].nunique() == 1:
        return members
    group = members["group"].iloc[0]
    of_group = predictions[predictions["group"] == group]
    per_seed = (of_group["truth"] == of_group["predicted"]).groupby(of_group["seed"]).mean()
    return per_seed.rename("test_accuracy").reset_index().assign(group=group, chosen=False)


def group_masks(masks: Mapping[Cohort, Float[np.ndarray, "*S C F T"]]) -> dict[str, Float[np.ndarray, "*S C F T"]]:
    """Masks by group, in the order of the alphabet: sums over the folds; of several members seed by seed.

    A mask is a sum over recordings, so that of a seed's folds is over all recordings that the seed is tested on.
    """
    by_group: dict[str, Float[np.ndarray, "*S C F T"]] = {}
    for cohort in sorted(masks):
        so_far = by_group.get(cohort.group)
        by_group[cohort.group] = masks[cohort] if so_far is None else so_far + masks[cohort]
    return by_group
