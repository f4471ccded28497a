"""What a training loses when a part of it is left out, from what its members reach on validation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from convcam_jax.measures.statistics import MEMBER, groups_of, limited, mean_interval

_BOTH = "all"
_SCORES = {"accuracy": "validation_accuracy", "loss": "validation_loss"}
_HIGHEST = {"accuracy": 1.0, "loss": np.inf}


def gains(histories: Mapping[str, pd.DataFrame], given: str, folds: pd.DataFrame) -> pd.DataFrame:
    """A row for each group and training; `all` is the mean over the groups, if there are several, none of that name.

    Args:
      histories: the table of `history.csv` of each training.
      given: the name of the one that has all parts.
      folds: the table of `folds.csv`, the same for all.

    Returns:
      without (the part), group, seeds; accuracy and loss (cross-entropy, in nats) on validation after each member's
      last epoch, of a seed over the validation recordings of all its folds: the mean over the seeds with its 95 %
      interval `_low`, `_high`; accuracy_gain and loss_gain, what the part adds to them, seed by seed, with their
      intervals (none in the training that has all parts).
    """
    shares = _fold_shares(folds)
    scores = {name: _scores(history, shares) for name, history in histories.items()}
    rows = []
    for group in scores[given].columns.unique("group"):
        for name, by_group in scores.items():
            row: dict[str, object] = {"without": name, "group": group, "seeds": len(by_group)}
            for score in _SCORES:
                values = by_group[group][score]
                row |= limited(mean_interval(values), _HIGHEST[score]).columns(score)
                differences = scores[given][group][score] - values if name != given else []
                row |= mean_interval(differences).columns(f"{score}_gain")
            rows.append(row)
    return pd.DataFrame(rows)


def _fold_shares(folds: pd.DataFrame) -> pd.Series:
    """Of a group's validation recordings the share of each fold: index group, fold."""
    n = folds[folds["split"] == "validation"].groupby(["group", "fold"]).size()
    return n / n.groupby("group").transform("sum")


def _scores(history: pd.DataFrame, fold_shares: pd.Series) -> pd.DataFrame:
    """The scores of each seed (rows) in each group: columns group, score."""
    last = history.sort_values("epoch").groupby(MEMBER)[list(_SCORES.values())].last()
    weighted = last.mul(fold_shares, axis=0)
    of_group = weighted.groupby(["group", "seed"]).sum().rename(columns={own: name for name, own in _SCORES.items()})
    groups = {group: of_group.loc[group] for group in groups_of(history)}
    # A group may be called so itself.
    if len(groups) > 1 and _BOTH not in groups:
        groups[_BOTH] = of_group.groupby("seed").mean()
    return pd.concat(groups, axis=1, names=["group", "score"])
