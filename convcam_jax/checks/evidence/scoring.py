"""Planted evidence: how well maps find the cells that carry a cue (tables in, tables out; no files).

Axes: S member (trained network, and as many with random weights); N recording; F frequency bin; n time frame.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from convcam_jax.checks.evidence.relevance_scores import SCORES, chance_scores, relevance_scores, shift_p_value
from convcam_jax.corpora.synthetic.variants import SHUFFLED_LABELS, in_order, in_words
from convcam_jax.data.members import Cohort
from convcam_jax.measures.statistics import MEMBER, limited, mean_interval
from convcam_jax.system.progress import counted

SOURCES = ("network", "random_weights", "energy", "chance")
CONTROLS = SOURCES[1:]
# What is the same for all methods.
SHARED = ("energy", "chance")
# Of methods whose maps need none, and of what is no explanation.
NOT_PLACED = "none"
NO_METHOD = "none"
# By which tables name a network, whatever its folds, and a way of explaining it.
NETWORK, WAY = ["variant", "group", "seed"], ["method", "placement"]
RECORDING = [*NETWORK, "fold", "recording"]
# The network's mean over the recordings that have a control by random weights.
_CONTROLLED = "network_controlled"
KEYS = ["variant", *MEMBER, "recording", "class", "correct", *WAY, "source"]
EVIDENCE_COLUMNS = [*KEYS, *SCORES, "shift_p", "truth_share", "map_is_zero"]
RANKING_KEYS = (*WAY, "source")
SIGNIFICANT_P = 0.05
# What a verdict rests on.
JUDGED_BY = ("relevance_mass", "average_precision")
NOT_LEARNED = "not learnt"
NO_CONTROL = "no control"
# The share of networks that has to come to something for it to be said of them all.
CRITERION = 0.5


class MemberMaps(NamedTuple):
    """The maps of one cohort's members by one method, in one placement.

    Attributes:
      method: its name.
      placement: `stretched`, `receptive_field`, or `NOT_PLACED`.
      trained: maps of the trained networks.
      random: maps of networks with random weights.
    """

    method: str
    placement: str
    trained: Float[np.ndarray, "S N F T"]
    random: Float[np.ndarray, "S N F T"]


class HeldOut(NamedTuple):
    """One cohort's test recordings of a variant: names, classes, magnitudes, and the cells that carry the cue."""

    recordings: Sequence[str]
    classes: Sequence[str]
    magnitude: Sequence[Float[np.ndarray, "F n"]]
    truth: Sequence[Bool[np.ndarray, "F n"]]


def score_table(
    variant: str,
    cohort: Cohort,
    seeds: Sequence[int],
    correct: Bool[np.ndarray, "S N"],
    test: HeldOut,
    maps: Iterable[MemberMaps],
) -> pd.DataFrame:
    """One cohort's part of `evidence.csv`; `correct` are the trained networks' answers.

    Each of the `maps` is scored before the next one is asked for, since together they may not fit into the memory. The
    rows of the sources `energy` and `chance` are the same for all seeds: they stand beside those of the networks.
    """
    shares = {name: float(truth.mean()) for name, truth in zip(test.recordings, test.truth, strict=True)}
    shared = [list(_shared_rows(n, test)) for n in range(len(test.recordings))]
    own: dict[tuple[int, int], list[tuple]] = {place: [] for place in np.ndindex(len(seeds), len(test.recordings))}
    for of_method in maps:
        for s, n in own:
            own[s, n] += _own_rows(of_method, s, n, test.truth[n])
    rows = [
        (variant, *cohort, seeds[s], test.recordings[n], test.classes[n], bool(correct[s, n]), *rest)
        for (s, n), of_methods in own.items()
        for rest in (*of_methods, *shared[n])
    ]
    columns = [column for column in EVIDENCE_COLUMNS if column != "truth_share"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(truth_share=table["recording"].map(shares))[EVIDENCE_COLUMNS]


def _own_rows(maps: MemberMaps, s: int, n: int, truth: Bool[np.ndarray, "F n"]) -> Iterator[tuple]:
    """Method, placement, source, scores, p and whether the map is zero, of one member and recording."""
    for source, of_source in (("network", maps.trained), ("random_weights", maps.random)):
        own_map = of_source[s, n, :, : truth.shape[1]]
        yield maps.method, maps.placement, source, *_scored(own_map, truth)


def _shared_rows(n: int, test: HeldOut) -> Iterator[tuple]:
    """The same of what is no map of a network: the recording's energy, and chance."""
    truth = test.truth[n]
    yield NO_METHOD, NOT_PLACED, "energy", *_scored(test.magnitude[n].astype(np.float64) ** 2, truth)
    yield NO_METHOD, NOT_PLACED, "chance", *chance_scores(truth), np.nan, False


def _scored(own_map: Float[np.ndarray, "F n"], truth: Bool[np.ndarray, "F n"]) -> tuple[float | bool, ...]:
    """Scores, p and whether the map is zero; one with a value that is not finite says nothing, as one of zeros does."""
    if not np.isfinite(own_map).all():
        own_map = np.zeros_like(own_map)
    return *relevance_scores(own_map, truth), shift_p_value(own_map, truth), not own_map.max() > 0


def member_means(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of every score over the recordings that the trained member classified correctly, with shares of p <= 0.05.

    Returns variant, method, placement, group, seed (of all its folds), score, then a column per source: the controls
    stand beside every method and placement. That of `random_weights` is over the recordings that have this control
    (`without_flat_controls`), and `network_controlled` is the network's over the same ones.
    """
    correct = without_flat_controls(table[table["correct"]])
    controls = correct.loc[correct["source"] == "random_weights", [*RECORDING, *WAY]]
    controlled = (
        correct[correct["source"] == "network"].merge(controls, on=[*RECORDING, *WAY]).assign(source=_CONTROLLED)
    )
    long = pd.concat([correct, controlled]).melt([*NETWORK, *WAY, "source"], list(SCORES), var_name="score")
    means = long.groupby([*NETWORK, *WAY, "score", "source"], as_index=False)["value"].mean()
    explained = means[means["method"] != NO_METHOD]
    wide = explained.pivot(index=[*NETWORK, *WAY, "score"], columns="source", values="value")
    # Where no network classified anything correctly, or no map is a control, there are no columns.
    wide = wide.reindex(columns=["network", "random_weights", _CONTROLLED]).reset_index()
    for source in SHARED:
        of_source = means.loc[means["source"] == source, [*NETWORK, "score", "value"]].rename(columns={"value": source})
        wide = wide.merge(of_source, on=[*NETWORK, "score"])
    return wide.rename_axis(columns=None)


def evidence_summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per variant, method, placement and score, over members (group and seed, the folds together).

    Returns the network's mean with its 95 % interval (network_low, network_high), the mean of each control, and the
    network's mean excess over each of them with its interval (over_CONTROL, over_CONTROL_low, over_CONTROL_high); that
    of random weights is over recordings that have this control, see `member_means`. share_significant is that of the
    network's correctly classified recordings with shift_p <= 0.05. All values are missing of a variant of which no
    network classified a recording correctly; its members are 0.
    """
    rows = []
    keys = ["variant", "method", "placement", "score"]
    means = member_means(table)
    ways = table.loc[table["source"] == "network", keys[:3]].drop_duplicates()
    every = ways.merge(pd.DataFrame({"score": SCORES}), how="cross").sort_values(keys)
    for key, of_way in every.merge(means, how="left", on=keys).groupby(keys, sort=False):
        of_way = of_way[of_way["network"].notna()]
        row = dict(zip(keys, key, strict=True))
        row |= limited(mean_interval(of_way["network"]), 1).columns("network")
        row |= {control: of_way[control].mean() for control in CONTROLS}
        for control in CONTROLS:
            network = _CONTROLLED if control == "random_weights" else "network"
            row |= mean_interval(of_way[network] - of_way[control]).columns(f"over_{control}")
        rows.append({**row, "members": len(of_way)})
    significant = table[table["correct"] & (table["source"] == "network")]
    significant = significant.assign(share_significant=significant["shift_p"] <= SIGNIFICANT_P)
    shares = significant.groupby(keys[:3])["share_significant"].mean().reset_index()
    merged = pd.DataFrame(rows).merge(shares, how="left", on=keys[:3])
    order = {variant: place for place, variant in enumerate(in_order(merged["variant"]))}
    return merged.sort_values("variant", key=lambda column: column.map(order), kind="stable", ignore_index=True)


def method_ranking(summarised: pd.DataFrame, score: str) -> pd.DataFrame:
    """Which method finds planted evidence best, and what energy, random weights and chance score in its place.

    Returns method, placement, source, the mean `score` for every variant, planted_mean (over the variants whose label a
    cue tells, all but `none`, of which any method has a value; rows are sorted by it, and those that lack one of these
    variants have none and come last), and for the source `network` above_CONTROL: in how many of these
    variants the interval of the mean excess over the control lies above 0. Each method has a row of the sources
    `network` and `random_weights`; `energy` and `chance` have one each, whose method and placement are `none`.
    """
    of_score, keys = summarised[summarised["score"] == score], list(RANKING_KEYS)
    long = of_score.melt(["variant", "method", "placement"], list(SOURCES), var_name="source")
    long.loc[long["source"].isin(SHARED), ["method", "placement"]] = NO_METHOD, NOT_PLACED
    wide = long.groupby([*keys, "variant"])["value"].mean().unstack("variant")
    wide = wide[in_order(wide)]
    known = wide.drop(columns=SHUFFLED_LABELS, errors="ignore").dropna(axis=1, how="all")
    # A mean over the easy cues alone is none that others could be compared with.
    wide["planted_mean"] = known.mean(axis=1, skipna=False)
    planted = of_score[of_score["variant"] != SHUFFLED_LABELS].assign(source="network")
    for control in CONTROLS:
        above = (planted[f"over_{control}_low"] > 0).groupby([planted[key] for key in keys]).sum()
        wide[f"above_{control}"] = above.reindex(wide.index).astype("Int64")
    return wide.sort_values("planted_mean", ascending=False).reset_index().rename_axis(columns=None)


def learned_accuracy(n_classes: int) -> float:
    """The accuracy from which on networks count as having learned a cue: halfway between chance and 1.

    A billionth less, so that a mean whose last digits are rounded down is enough.
    """
    return (1 + 1 / n_classes) / 2 - 1e-9


def network_accuracies(scores: pd.DataFrame, n_classes: int) -> pd.DataFrame:
    """Of every network (variant, group, seed) its test accuracy, and whether it has `learned` its cue.

    scores: the table of evidence.csv. Folds of a seed are one network, asked of the recordings of all of them.
    """
    answers = scores.drop_duplicates(RECORDING)
    table = answers.groupby(NETWORK)["correct"].mean().rename("accuracy").reset_index()
    return table.assign(learned=table["accuracy"] >= learned_accuracy(n_classes))


def evidence_verdicts(scores: pd.DataFrame, n_classes: int) -> pd.DataFrame:
    """A sentence for every variant, method and placement, from the maps of the networks that have learned the cue.

    scores: the table of evidence.csv. Of `none`, which cannot be learned, all networks count. Returns variant, method,
    placement, networks, networks_learned, verdict, sentence.
    """
    judged = scores.merge(network_accuracies(scores, n_classes), how="left", on=NETWORK)
    counts = judged["learned"] | (judged["variant"] == SHUFFLED_LABELS)
    # What a network that has not learned the cue says right is right by chance.
    judged = judged.assign(correct=judged["correct"] & counts)
    summarised, controlled = evidence_summary(judged), has_control(judged, ["variant", *WAY])
    networks = judged[judged["source"] == "network"].drop_duplicates([*NETWORK, *WAY]).groupby(["variant", *WAY])
    rows = []
    for key, summaries in summarised.groupby(["variant", *WAY], sort=False):
        variant, method, placement = key
        by_score, of_way = summaries.set_index("score"), networks.get_group(key)
        learned = of_way["learned"]
        verdict = verdict_of(variant, by_score, learned.to_numpy(), bool(controlled.get(key, default=True)))
        if verdict.words == NOT_LEARNED:
            numbers = f"{learned.sum()} of {len(learned)} (mean accuracy {of_way['accuracy'].mean():.2f})"
        else:
            judged_by = of_way if variant == SHUFFLED_LABELS else of_way[learned]
            numbers = _numbers(by_score, len(of_way), judged_by["accuracy"].mean())
        sentence = f"{method}{_PLACEMENT_WORDS[placement]} {_in_words(verdict, variant)}: {numbers}"
        rows.append([*key, len(learned), learned.sum(), verdict.words, sentence])
    return pd.DataFrame(rows, columns=["variant", *WAY, "networks", "networks_learned", "verdict", "sentence"])


# The verdict on what is not above a control, in the order in which they are asked.
_FAILS_AGAINST = {
    "chance": "does not find",
    "energy": "no better than energy",
    "random_weights": "no better than random weights",
}


class Verdict(NamedTuple):
    """What is said of a method's maps, a key of `_VERDICT_WORDS`, and the scores by which it fails, if it does."""

    words: str
    by: tuple[str, ...] = ()


def without_flat_controls(table: pd.DataFrame) -> pd.DataFrame:
    """The table, that of evidence.csv, without the rows of random weights whose map is the same everywhere.

    A map that follows the input would be better than such a map, whether or not it shows what was learned.
    """
    # Maps that are have the share of true cells by every score, see `relevance_scores`.
    flat = np.isclose(table[list(JUDGED_BY)], table[["truth_share"]], rtol=1e-9, atol=0).all(axis=1)
    return table[~flat | (table["source"] != "random_weights")]


def has_control(table: pd.DataFrame, by: list[str]) -> pd.Series:
    """Whether half or more of the recordings that a network classifies correctly have a control by random weights.

    table: that of evidence.csv; by: its columns whose values are asked one by one. See `without_flat_controls`.
    """
    random = table[table["correct"] & (table["source"] == "random_weights")]
    n_controlled = without_flat_controls(random).groupby(by).size()
    n = random.groupby(by).size()
    return n_controlled.reindex(n.index, fill_value=0) / n >= CRITERION


def verdict_of(
    variant: str, by_score: pd.DataFrame, learned: Bool[np.ndarray, " S"], controlled: bool = True
) -> Verdict:
    """`finds` if the intervals of the excess over every control lie above 0, by every score of `JUDGED_BY`.

    Else what it fails against. The relevance mass alone could be had by taking a map to a power, which changes no order
    of its cells; the average precision alone does not say how much of a map lies elsewhere. Nothing is found where
    there is nothing to find (`none`), where fewer than half of the networks have learned the cue or a single one of
    several, which has no interval, or where too few maps are `controlled` by those of random weights (`has_control`).

    by_score: the rows of `evidence_summary` of one method and placement, by their score.
    learned: whether the networks have learned the cue.
    """
    if variant == SHUFFLED_LABELS:
        return Verdict("no evidence planted")
    if learned.mean() < CRITERION or learned.sum() < min(2, len(learned)):
        return Verdict(NOT_LEARNED)
    for control, words in _FAILS_AGAINST.items():
        # The interval is over networks, of which too few may have controls where recordings enough have them.
        without_limits = by_score.loc[list(JUDGED_BY), f"over_{control}_low"].isna().any()
        if control == "random_weights" and (not controlled or without_limits):
            return Verdict(NO_CONTROL)
        failed = [score for score in JUDGED_BY if not by_score.loc[score, f"over_{control}_low"] > 0]
        if failed:
            return Verdict(words, tuple(failed))
    return Verdict("finds")


_VERDICT_WORDS = {
    "finds": "finds {cue}",
    "does not find": "does not find {cue}",
    "no better than energy": "finds {cue} no better than the input's energy does",
    "no better than random weights": "finds {cue} no better than in a network with random weights",
    NO_CONTROL: "is above chance and the input's energy on {cue}, but its maps with random weights say too little",
    NOT_LEARNED: "was not tested on {cue}, which too few networks have learnt",
    "no evidence planted": "marks {cue}",
}

_PLACEMENT_WORDS = {
    NOT_PLACED: "",
    "stretched": ", stretched over the input,",
    "receptive_field": ", placed at the receptive fields,",
}


def _in_words(verdict: Verdict, variant: str) -> str:
    by = " and ".join(score.replace("_", " ") for score in verdict.by)
    return _VERDICT_WORDS[verdict.words].format(cue=in_words(variant)) + (f", by {by}" if by else "")


def _numbers(by_score: pd.DataFrame, n_networks: int, accuracy: float) -> str:
    """The scores of a verdict beside their controls, and the networks that they are of."""
    members = by_score["members"].iloc[0]
    if members == 0:
        return "no network classified a recording correctly"
    scores = "; ".join(
        f"{score.replace('_', ' ')} {row['network']:.2f}{_interval(row['network_low'], row['network_high'])} "
        f"against {row['chance']:.2f} by chance, {row['energy']:.2f} for the input's energy and "
        f"{_or_none(row['random_weights'])} with random weights"
        for score, row in by_score.loc[list(JUDGED_BY)].iterrows()
    )
    of = f"{members} of {n_networks} networks," if members < n_networks else counted(int(members), "network")
    return f"{scores} ({of} of accuracy {accuracy:.2f})"


def _or_none(value: float) -> str:
    """The mean with random weights; where all of their maps are the same everywhere there is none."""
    return f"{value:.2f}" if np.isfinite(value) else "none"


def _interval(low: float, high: float) -> str:
    """An interval in brackets; a single network has none."""
    return f" ({low:z.2f} to {high:z.2f})" if np.isfinite([low, high]).all() else ""
