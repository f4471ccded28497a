"""The tables of a run, tidy: one row per member, per prediction, per member and recording, or per frame."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import softmax

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Cohort
from convcam_jax.measures.analysis import Contours
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metrics import RecordingMetrics
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.measures.views import GridAxes, RecordingView
from convcam_jax.system.namespaces import PROBABILITY

CHOSEN_BY = {"validation_accuracy": ("validation_accuracy", "validation_loss"), "test_accuracy": ("test_accuracy",)}


class MemberScores(NamedTuple):
    """What is known of one member besides its answers on the test set; `zero_maps` its maps without a positive node.

    Accuracies and loss are those of `history.csv` in the epoch whose parameters were kept: of validation after it, of
    training over its steps, as they change the parameters; both in the precision of training.
    """

    group: str
    fold: str
    seed: int
    epochs: int
    best_epoch: int
    train_accuracy: float
    validation_accuracy: float
    validation_loss: float
    zero_maps: int


def prediction_table(
    cohort: Cohort,
    seeds: Sequence[int],
    utterances: Sequence[Utterance],
    logits: Float[np.ndarray, "S N C"],
    emotions: Sequence[str],
) -> pd.DataFrame:
    """One cohort's part of `predictions.csv`, from its members' logits for its test recordings.

    The probabilities stand in columns `probability/EMOTION`.
    """
    frames = []
    for seed, member_logits in zip(seeds, logits, strict=True):
        frame = pd.DataFrame({"recording": [u.recording for u in utterances], **cohort._asdict(), "seed": seed})
        frame["truth"] = [u.emotion for u in utterances]
        frame["predicted"] = [emotions[index] for index in member_logits.argmax(-1)]
        frame[[f"{PROBABILITY}{emotion}" for emotion in emotions]] = softmax(member_logits.astype(float), axis=-1)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def member_table(scores: Sequence[MemberScores], predictions: pd.DataFrame, analysis: AnalysisConfig) -> pd.DataFrame:
    """The table of `members.csv`; one member per group and fold is chosen, by the config's accuracy.

    Ties are broken by the lower validation loss where the choice is made on validation, then by the lower seed.
    """
    answers = predictions.assign(correct=predictions["truth"] == predictions["predicted"])
    by_member = answers.groupby(MEMBER)
    recalls = answers.groupby([*MEMBER, "truth"])["correct"].mean().groupby(MEMBER).mean()
    tested = pd.DataFrame({"test_accuracy": by_member["correct"].mean(), "uar": recalls}).reset_index()
    members = pd.DataFrame(scores).merge(tested, on=MEMBER)
    return with_chosen(members, analysis)


def with_chosen(members: pd.DataFrame, analysis: AnalysisConfig) -> pd.DataFrame:
    """The members table with the column `chosen` set as in `member_table`; an earlier choice does not count."""
    members = members.assign(chosen=False)
    criteria = CHOSEN_BY[analysis.chosen_by]
    for _, of_cohort in members.groupby(list(Cohort._fields)):
        ranked = of_cohort.sort_values([*criteria, "seed"], ascending=[False, *(True,) * len(criteria)])
        members.loc[ranked.index[0], "chosen"] = True
    return members


def metrics_table(
    cohort: Cohort,
    seeds: Sequence[int],
    utterances: Sequence[Utterance],
    arrays: AnalysisArrays,
    correct: Bool[np.ndarray, "S N"],
    metrics: RecordingMetrics,
) -> pd.DataFrame:
    """Metrics `[S, N]` of one cohort's members and test recordings: part of `metrics.csv`."""
    frames = []
    for index, seed in enumerate(seeds):
        frame = pd.DataFrame(
            {
                "recording": [u.recording for u in utterances],
                **cohort._asdict(),
                "speaker": [u.speaker for u in utterances],
                "emotion": [u.emotion for u in utterances],
                "seed": seed,
                "correct": correct[index],
                "n_frames": arrays.n_frames,
            }
        )
        values = {name: np.asarray(column)[index] for name, column in metrics._asdict().items()}
        frames.append(frame.assign(**values))
    return pd.concat(frames, ignore_index=True)


def recording_views(
    group: str,
    utterances: Sequence[Utterance],
    arrays: AnalysisArrays,
    maps: Float[np.ndarray, "N F T"],
    raw_maps: Sequence[Float[np.ndarray, "H W"] | None],
    contours: Contours,
    axes: GridAxes,
) -> dict[str, RecordingView]:
    """What the figures show of N recordings of a group, from their maps; raw ones are of the explained convolution."""
    views = {}
    for i, utterance in enumerate(utterances):
        n = int(arrays.n_frames[i])
        views[utterance.recording] = RecordingView(
            recording=utterance.recording,
            emotion=utterance.emotion,
            group=group,
            magnitude=arrays.magnitude[i, :, :n],
            map=maps[i, :, :n],
            raw_map=raw_maps[i],
            f0_hz=arrays.f0_hz[i, :n],
            voiced=arrays.voiced[i, :n],
            trajectory_hz=np.asarray(contours.trajectory_hz)[i, :n],
            envelope=np.asarray(contours.envelope)[i, :n],
            contour=np.asarray(contours.contour)[i, :n],
            time_s=axes.time_s[:n],
            bin_hz=axes.bin_hz,
            edges_hz=axes.edges_hz,
        )
    return views


def contour_table(views: Mapping[str, RecordingView]) -> pd.DataFrame:
    """F0, c, Q and q of every frame of the chosen members' recordings: the table of `contours.csv`."""
    columns = ("time_s", "f0_hz", "voiced", "trajectory_hz", "envelope", "contour")
    frames = [
        pd.DataFrame({"recording": name, "frame": range(len(view.time_s)), **{c: getattr(view, c) for c in columns}})
        for name, view in views.items()
    ]
    return pd.concat(frames, ignore_index=True)
