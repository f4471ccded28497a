"""Accuracy and unweighted average recall (UAR) of the test, over seeds, folds, groups and speakers.

Every recording is tested in one fold, so the members of one seed answer together for all recordings of their groups.
Axes: P speaker; C emotion.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.measures.statistics import Interval, chosen_rows, groups_of, jackknife_interval, limited, mean_interval

# In the columns group, fold and speaker: all of them together.
EVERY = "all"
Measure = Literal["accuracy", "uar"]
SCORES: tuple[Measure, ...] = ("accuracy", "uar")
ACCURACY_COLUMNS = (
    *("level", "group", "fold", "speaker", "measure"),
    *("mean", "seeds_low", "seeds_high", "lowest", "highest", "chosen", "seeds"),
    *("speakers_low", "speakers_high", "n_speakers", "n_recordings"),
)
ACCURACY_NOTE = (
    "In per cent. The mean is over the seeds, whose members answer together for the recordings of all folds; its 95 % "
    "intervals are over the seeds (which networks) and over the speakers of the test (which people). "
    "Where the split lets others of a speaker's recordings be trained on, as the paper's does, these people are known "
    "ones: for new people take a split by speakers."
)


def score_of(
    right: Float[np.ndarray, "P C"], counts: Float[np.ndarray, "P C"], score: Measure
) -> Float[np.ndarray, " P"]:
    """Accuracy, or mean recall of the emotions (UAR), of each row, in 0..1.

    right: how many recordings of each emotion are classified correctly; counts: how many there are. NaN without a
    recording, of the UAR without one of some emotion.
    """
    if score == "accuracy":
        right, counts = right.sum(-1, keepdims=True), counts.sum(-1, keepdims=True)
    recalls = np.divide(right, counts, out=np.full(np.shape(right), np.nan), where=np.asarray(counts) > 0)
    return recalls.mean(-1)


def speaker_interval(right: Float[np.ndarray, "P C"], counts: Float[np.ndarray, "P C"], score: Measure) -> Interval:
    """A score in 0..1 with 95 % limits that tell where it would lie for other speakers.

    The speakers are left out one by one (`jackknife_interval`). A speaker's recordings go together, since they are no
    independent trials. Of speakers with as many recordings each, the interval of the accuracy is the t interval of the
    speakers' accuracies. One speaker has no interval, nor has the UAR where an emotion has one speaker.

    Args:
      right: of each speaker and emotion, how many recordings are classified correctly; a mean over seeds need not be
        whole.
      counts: how many there are.
      score: which score.
    """
    value = score_of(right.sum(0, keepdims=True), counts.sum(0, keepdims=True), score).item()
    left_out = score_of(right.sum(0) - right, counts.sum(0) - counts, score)
    return limited(jackknife_interval(value, left_out), 1)


def accuracy_summary(members: pd.DataFrame, predictions: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """The table of accuracies, from those of members.csv, predictions.csv and utterances.csv; scores in per cent.

    A row and measure ("accuracy" or "uar") for each group, over all its folds; then for each of its speakers and each
    of its folds, unless these hold the same recordings as a row before them; at last for all groups together. Returns
    ACCURACY_COLUMNS: level (what the row is of: "group", "speaker", "fold" or "all"), group, fold and speaker ("all"
    but where the row is of one), measure, mean (of the seeds), seeds_low, seeds_high (95 %
    limits of that mean by Student's t over the seeds, within 0..100, with the speakers and the split as they are),
    lowest, highest (of the seeds), chosen (of each fold's chosen member), seeds, speakers_low, speakers_high (95 %
    limits over the speakers, see `speaker_interval`, with the networks as they are), n_speakers, n_recordings. The UAR
    is over the emotions that occur in the row's recordings.
    """
    answers = predictions.merge(utterances[["recording", "speaker"]], on="recording")
    answers = answers.assign(correct=(answers["truth"] == answers["predicted"]).astype(float))
    chosen = chosen_rows(answers, members)
    rows = [
        [*place, score, *_summary(own, chosen[chosen["recording"].isin(own["recording"])], score)]
        for place, own in _parts(answers)
        for score in SCORES
    ]
    return pd.DataFrame(rows, columns=list(ACCURACY_COLUMNS))


def _parts(answers: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str, str], pd.DataFrame]]:
    """Level, group, fold and speaker of each row, and the answers that it is about."""
    groups = groups_of(answers)
    for group in groups:
        of_group = answers[answers["group"] == group]
        yield ("group", group, EVERY, EVERY), of_group
        if of_group["speaker"].nunique() > 1:
            for speaker, of_speaker in of_group.groupby("speaker"):
                yield ("speaker", group, EVERY, str(speaker)), of_speaker
        # Folds that are one speaker each have their row already.
        pairs = of_group[["fold", "speaker"]].drop_duplicates()
        if of_group["fold"].nunique() > 1 and not (pairs["fold"].is_unique and pairs["speaker"].is_unique):
            for fold, of_fold in of_group.groupby("fold"):
                yield ("fold", group, str(fold), EVERY), of_fold
    if len(groups) > 1:
        yield ("all", EVERY, EVERY, EVERY), answers


def _summary(answers: pd.DataFrame, chosen: pd.DataFrame, score: Measure) -> list[float]:
    """A row's numbers, from `mean` on."""
    by_seed = [100 * _score(own, score) for _, own in answers.groupby("seed")]
    mean, *seed_limits, n_seeds = mean_interval(by_seed)
    seed_limits = np.clip(seed_limits, 0, 100).tolist()
    cells = answers.groupby("recording").agg(
        speaker=("speaker", "first"), truth=("truth", "first"), correct=("correct", "mean")
    )
    of_cells = cells.groupby(["speaker", "truth"])["correct"]
    right, counts = (part.unstack(fill_value=0).to_numpy(float) for part in (of_cells.sum(), of_cells.size()))
    over_speakers = speaker_interval(right, counts, score)
    return [
        *(mean, *seed_limits, min(by_seed), max(by_seed), 100 * _score(chosen, score), n_seeds),
        *(100 * over_speakers.low, 100 * over_speakers.high, over_speakers.n, len(cells)),
    ]


def _score(answers: pd.DataFrame, score: Measure) -> float:
    """The score of the answers of one seed, in 0..1."""
    by_emotion = answers.groupby("truth")["correct"]
    right, counts = (part.to_numpy(float)[None] for part in (by_emotion.sum(), by_emotion.size()))
    return score_of(right, counts, score).item()
