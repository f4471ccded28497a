"""The smallest cue that a method finds, and that a network learns: shares of networks by the strength of the cue.

Tables in, tables out. A network learns a cue if its test accuracy is at least halfway between chance and 1. A method
finds the cue in a network that has learned it if, over the recordings that this network classifies correctly, the
95 % intervals of the mean excess of its maps' relevance mass and average precision over every control lie above 0;
random weights are one where their map is not the same everywhere, which has to be so in half of the recordings or
more. Versions of one original count as one recording, by their mean, for they are alike. The threshold is the
strength at which half of the networks come to it: shares are made monotonic in the strength (isotonic regression) and
read linearly between the levels, which supposes no form of the curve (compare Zychaluk and Foster, "Model-free
estimation of the psychometric function", Attention, Perception & Psychophysics 71, 2009).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import stats
from scipy.optimize import isotonic_regression

from convcam_jax.checks.evidence.scoring import (
    CONTROLS,
    CRITERION,
    JUDGED_BY,
    NETWORK,
    NO_METHOD,
    NOT_PLACED,
    RECORDING,
    SHARED,
    WAY,
    has_control,
    network_accuracies,
    without_flat_controls,
)
from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.variants import levels, of_cue
from convcam_jax.measures.statistics import limited, mean_interval, t_quantile

RESAMPLES = 1000
# What a threshold is: between two levels, or beyond those that were planted.
MEASURED, AT_MOST, ABOVE = "measured", "at most", "above"


def networks_table(scores: pd.DataFrame, n_classes: int, originals: Mapping[str, str]) -> pd.DataFrame:
    """Of every network, method and placement: accuracy, learned, found, and mean average precision.

    scores: `evidence.csv`; originals: of every recording what it is a version of. Folds of a seed are one network,
    whose accuracy is that over the recordings of all of them. The average precision is that over correctly classified
    recordings, and missing where there is none.
    """
    accuracy = network_accuracies(scores, n_classes)
    correct = scores[scores["correct"]]
    network = correct[correct["source"] == "network"]
    precision = network.groupby([*NETWORK, *WAY], as_index=False)["average_precision"].mean()
    # Of each network those that it has maps of: an entry may have other methods for other cues.
    ways = scores.loc[scores["source"] == "network", [*NETWORK, *WAY]].drop_duplicates()
    table = accuracy.merge(ways, on=NETWORK)
    for columns in (_found(correct, originals), precision):
        table = table.merge(columns, how="left", on=[*NETWORK, *WAY])
    return table.assign(found=table["found"].eq(True) & table["learned"])


def _found(correct: pd.DataFrame, originals: Mapping[str, str]) -> pd.DataFrame:
    """Whether the intervals of the mean excess over every control lie above 0, by network, method and placement."""
    maps = correct[correct["method"] != NO_METHOD]
    if maps.empty:
        return pd.DataFrame(columns=[*NETWORK, *WAY, "found"])
    maps = without_flat_controls(maps)
    by_score = [_exceeds_controls(score, maps, correct, originals) for score in JUDGED_BY]
    asked = pd.concat([*by_score, has_control(correct, [*NETWORK, *WAY])], axis=1, join="inner")
    return asked.all(axis=1).rename("found").reset_index()


def _exceeds_controls(score: str, maps: pd.DataFrame, correct: pd.DataFrame, originals: Mapping[str, str]) -> pd.Series:
    """The same by one score, with network, method and placement as the index."""
    wide = maps.pivot_table(score, [*RECORDING, *WAY], "source")
    wide = wide.reindex(columns=["network", "random_weights"]).reset_index()
    for control in SHARED:
        of_control = correct.loc[correct["source"] == control, [*RECORDING, score]]
        wide = wide.merge(of_control.rename(columns={score: control}), on=RECORDING)
    wide["original"] = [originals[name] for name in wide["recording"]]
    wide[list(CONTROLS)] = wide[["network"]].to_numpy() - wide[list(CONTROLS)]
    # Without a control a recording has no excess over it.
    excess = wide.groupby([*NETWORK, *WAY, "original"])[list(CONTROLS)].mean().groupby([*NETWORK, *WAY])
    n = excess.count()
    half_width = t_quantile(n) * excess.std() / np.sqrt(n)
    return (excess.mean() - half_width > 0).all(axis=1)


def psychometric_table(networks: pd.DataFrame) -> pd.DataFrame:
    """A row per cue, strength, method and placement: the shares of networks that learned it and in which it is found.

    networks: that of `networks_table`. Returns variant (the cue), strength, unit, method, placement, members, learned
    and found with 95 % intervals (Wilson), mean accuracy, and the mean average precision with its interval.
    """
    rows = []
    for (variant, *way), of_networks in networks.groupby(["variant", *WAY], sort=False):
        planted = levels(variant)
        if len(planted) != 1:
            continue
        [(cue, strength)] = planted
        row = {"variant": cue, "strength": strength, "unit": CUES[cue].unit, **dict(zip(WAY, way, strict=True))}
        row |= {"members": len(of_networks), "accuracy": of_networks["accuracy"].mean()}
        for what in ("learned", "found"):
            limits = stats.binomtest(int(of_networks[what].sum()), len(of_networks)).proportion_ci(method="wilson")
            row |= {what: of_networks[what].mean(), f"{what}_low": limits.low, f"{what}_high": limits.high}
        precision = limited(mean_interval(of_networks["average_precision"]), 1)
        rows.append(row | precision.columns("average_precision"))
    order = {cue: number for number, cue in enumerate(CUES)}
    return pd.DataFrame(rows).sort_values(
        ["variant", *WAY, "strength"],
        key=lambda column: column.map(order) if column.name == "variant" else column,
        ignore_index=True,
    )


def threshold(strengths: Float[np.ndarray, " L"], passed: Bool[np.ndarray, "L S"]) -> float:
    """The strength at which half of the networks pass, see above; inf if no level does, the lowest if that one does.

    strengths ascending; `passed` says of every level's networks whether they do.

    >>> threshold(np.array([1.0, 3.0]), np.array([[True, False, False, False], [True, True, True, False]]))
    2.0
    """
    # Means over levels are rounded: a half may be a little less.
    share = np.round(isotonic_regression(passed.mean(axis=1)).x, 9)
    if share[-1] < CRITERION:
        return np.inf
    above = int(np.argmax(share >= CRITERION))
    if above == 0:
        return float(strengths[0])
    steep = (CRITERION - share[above - 1]) / (share[above] - share[above - 1])
    return float(strengths[above - 1] + steep * (strengths[above] - strengths[above - 1]))


def threshold_table(networks: pd.DataFrame) -> pd.DataFrame:
    """The smallest cue that networks learn (`what` is `learned`, no method) and that methods find (`found`).

    Returns variant (the cue), unit, what, method, placement, threshold with its 95 % interval over networks
    (percentiles of resampled networks, each with all of its levels; none of a single network), and threshold_is:
    `measured`, `at most` (half of the networks pass at the lowest level), or `above` (not at the highest; the threshold
    is inf). Limits of inf and of the lowest level mean the same. Cues that were planted at one strength have no row.
    """
    rows = []
    for cue in CUES:
        of_one_cue = networks[networks["variant"].map(of_cue) == cue]
        if of_one_cue["variant"].nunique() > 1:
            rows += [[cue, CUES[cue].unit, *rest] for rest in _thresholds(of_one_cue)]
    limits = ["threshold", "threshold_low", "threshold_high", "threshold_is"]
    return pd.DataFrame(rows, columns=["variant", "unit", "what", *WAY, *limits])


def _thresholds(networks: pd.DataFrame) -> Iterator[list]:
    """What, method, placement and threshold with interval, of one cue's networks."""
    networks = networks.assign(strength=networks["variant"].map(lambda name: levels(name)[0].strength))
    # Of all networks: those of one group may have other methods than those of another.
    yield ["learned", NO_METHOD, NOT_PLACED, *_with_interval(networks.drop_duplicates(NETWORK), "learned")]
    for way, of_way in networks.groupby(WAY, sort=False):
        yield ["found", *way, *_with_interval(of_way, "found")]


def _with_interval(of_way: pd.DataFrame, what: str) -> tuple[float, float, float, str]:
    wide = of_way.pivot_table(what, "strength", ["group", "seed"], aggfunc="all")
    if wide.isna().any(axis=None):
        raise ValueError("all networks of a cue must have all of its strengths")
    strengths, passed = wide.index.to_numpy(float), wide.to_numpy(bool)
    found = threshold(strengths, passed)
    threshold_is = {np.inf: ABOVE, strengths[0]: AT_MOST}.get(found, MEASURED)
    if passed.shape[1] == 1:
        return found, np.nan, np.nan, threshold_is
    rng = np.random.default_rng(0)
    drawn = rng.integers(passed.shape[1], size=(RESAMPLES, passed.shape[1]))
    resampled = [threshold(strengths, passed[:, columns]) for columns in drawn]
    # Of values that are all taken: between inf and a number there is no mean.
    low, high = np.quantile(resampled, [0.025, 0.975], method="inverted_cdf").tolist()
    return found, low, high, threshold_is
