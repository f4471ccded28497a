import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Cohort
from convcam_jax.measures.analysis import Contours
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metrics import RecordingMetrics
from convcam_jax.measures.result_tables import (
    MemberScores,
    contour_table,
    member_table,
    metrics_table,
    prediction_table,
    recording_views,
)
from convcam_jax.measures.views import GridAxes

EMOTIONS = ("anger", "sadness", "neutral")
PROBABILITIES = [f"probability/{emotion}" for emotion in EMOTIONS]
FEMALE = Cohort("female", "1")
TRUTH = ("anger", "anger", "anger", "sadness", "neutral")
UTTERANCES = [
    Utterance(f"0{i}a01Wa", f"0{i}", "female", emotion, "a01", Path("x.wav")) for i, emotion in enumerate(TRUTH)
]
# Two members: right in the first three and in the last; right in the second and fourth.
WINNERS = np.array([[0, 0, 0, 2, 2], [1, 0, 2, 1, 1]])
LOGITS = np.log(np.where(np.arange(3) == WINNERS[:, :, None], 2.0, 1.0)).astype(np.float32)
PREDICTIONS = prediction_table(FEMALE, [4, 7], UTTERANCES, LOGITS, EMOTIONS)


def scores(seed: int, validation: float = 0.5, loss: float = 1.0, cohort: Cohort = FEMALE) -> MemberScores:
    return MemberScores(*cohort, seed, 6, 2, 0.9, validation, loss, 0)


def chosen(members: pd.DataFrame) -> list[tuple[str, str, int]]:
    return list(members[members["chosen"]][["group", "fold", "seed"]].itertuples(index=False, name=None))


def test_predictions_by_hand():
    columns = ["recording", "group", "fold", "seed", "truth", "predicted", *PROBABILITIES]
    assert list(PREDICTIONS.columns) == columns
    assert len(PREDICTIONS) == 10
    assert (PREDICTIONS["group"] == "female").all()
    assert (PREDICTIONS["fold"] == "1").all()
    assert PREDICTIONS["seed"].tolist() == [4] * 5 + [7] * 5
    assert PREDICTIONS["truth"].tolist() == list(TRUTH) * 2
    assert PREDICTIONS["predicted"].tolist() == [EMOTIONS[i] for i in WINNERS.ravel()]
    np.testing.assert_allclose(PREDICTIONS[PROBABILITIES].iloc[0], [0.5, 0.25, 0.25], rtol=1e-6)
    np.testing.assert_allclose(PREDICTIONS[PROBABILITIES].sum(axis=1), 1.0, rtol=1e-12)


def test_probabilities_of_large_logits_are_finite():
    table = prediction_table(Cohort("male", "all"), [0], UTTERANCES[:1], np.array([[[1000.0, 0.0, -1000.0]]]), EMOTIONS)
    assert table[PROBABILITIES].to_numpy().tolist() == [[1.0, 0.0, 0.0]]


def test_accuracy_and_unweighted_recall_by_hand():
    members = member_table([scores(4), scores(7)], PREDICTIONS, AnalysisConfig()).set_index("seed")
    assert members["test_accuracy"].tolist() == pytest.approx([4 / 5, 2 / 5])
    # Recalls: 3/3, 0, 1; and 1/3, 1, 0.
    assert members["uar"].tolist() == pytest.approx([2 / 3, 4 / 9])


@pytest.mark.parametrize(
    ("chosen_by", "first", "second", "winner"),
    [
        ("validation_accuracy", {"validation": 0.5}, {"validation": 0.6, "loss": 9.0}, 7),
        ("validation_accuracy", {"validation": 0.6}, {"validation": 0.5, "loss": 0.1}, 4),
        # A tie: the lower loss, then the lower seed.
        ("validation_accuracy", {"loss": 1.0}, {"loss": 0.9}, 7),
        ("validation_accuracy", {}, {}, 4),
        # Seed 4 is better on the test.
        ("test_accuracy", {"validation": 0.1}, {"validation": 0.9}, 4),
    ],
)
def test_choice_of_the_member(chosen_by, first, second, winner):
    analysis = dataclasses.replace(AnalysisConfig(), chosen_by=chosen_by)
    # In either order of the rows.
    for rows in ([scores(4, **first), scores(7, **second)], [scores(7, **second), scores(4, **first)]):
        assert chosen(member_table(rows, PREDICTIONS, analysis)) == [("female", "1", winner)]


def test_ties_on_the_test_go_to_the_lower_seed_whatever_the_validation_loss():
    tied = prediction_table(FEMALE, [4, 7], UTTERANCES, LOGITS[[0, 0]], EMOTIONS)
    analysis = dataclasses.replace(AnalysisConfig(), chosen_by="test_accuracy")
    assert chosen(member_table([scores(7, 0.9, 0.1), scores(4)], tied, analysis)) == [("female", "1", 4)]


def test_one_member_per_group_and_fold_is_chosen():
    cohorts = (FEMALE, Cohort("female", "2"), Cohort("male", "1"))
    predictions = pd.concat([PREDICTIONS.assign(**cohort._asdict()) for cohort in cohorts])
    validation = {(FEMALE, 7): 0.6, (cohorts[1], 4): 0.4, (cohorts[2], 4): 0.7}
    rows = [scores(seed, validation.get((own, seed), 0.5), cohort=own) for own in cohorts for seed in (4, 7)]
    members = member_table(rows, predictions, AnalysisConfig())
    assert len(members) == 6
    assert chosen(members) == [("female", "1", 7), ("female", "2", 7), ("male", "1", 4)]


def make_arrays() -> AnalysisArrays:
    generator = np.random.default_rng(0)
    n_frames = np.array([4, 6])
    voiced = np.zeros((2, 6), bool)
    voiced[:, 1:3] = True
    return AnalysisArrays(
        magnitude=generator.random((2, 3, 6)),
        energy=generator.random((2, 6)),
        f0_hz=np.where(voiced, 200.0, 0.0),
        voiced=voiced,
        n_frames=n_frames,
        emotion=np.array([0, 1]),
    )


def test_metrics_table_has_a_row_per_member_and_recording():
    values = RecordingMetrics(*(np.arange(4).reshape(2, 2) + 10 * i for i in range(len(RecordingMetrics._fields))))
    correct = np.array([[True, False], [False, True]])
    table = metrics_table(FEMALE, [4, 7], UTTERANCES[2:4], make_arrays(), correct, values)
    assert list(table.columns) == [
        *("recording", "group", "fold", "speaker", "emotion", "seed", "correct", "n_frames"),
        *RecordingMetrics._fields,
    ]
    assert table["recording"].tolist() == ["02a01Wa", "03a01Wa"] * 2
    assert table["speaker"].tolist() == ["02", "03"] * 2
    assert table["seed"].tolist() == [4, 4, 7, 7]
    assert table["correct"].tolist() == [True, False, False, True]
    assert table["n_frames"].tolist() == [4, 6] * 2
    assert table["q_mse"].tolist() == [0, 1, 2, 3]
    assert table["q_rmse"].tolist() == [10, 11, 12, 13]


def test_views_and_contours_end_with_the_recording():
    arrays = make_arrays()
    generator = np.random.default_rng(1)
    lines = Contours(*(generator.random((2, 6)) for _ in range(3)))
    maps, time_s = generator.random((2, 3, 6)), np.arange(6) / 10
    axes = GridAxes(np.array([100.0, 200.0, 300.0]), np.array([50.0, 150.0, 250.0, 350.0]), time_s)
    views = recording_views("03", UTTERANCES[2:4], arrays, maps, [None, maps[1]], lines, axes)
    assert list(views) == ["02a01Wa", "03a01Wa"]
    np.testing.assert_array_equal(views["02a01Wa"].map, maps[0, :, :4])
    np.testing.assert_array_equal(views["03a01Wa"].contour, lines.contour[1])
    np.testing.assert_array_equal(views["03a01Wa"].magnitude, arrays.magnitude[1])
    assert views["02a01Wa"].raw_map is None
    assert {view.group for view in views.values()} == {"03"}
    np.testing.assert_array_equal(views["02a01Wa"].time_s, time_s[:4])
    np.testing.assert_array_equal(views["02a01Wa"].edges_hz, axes.edges_hz)
    table = contour_table(views)
    assert table.groupby("recording").size().to_dict() == {"02a01Wa": 4, "03a01Wa": 6}
    assert table["frame"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(
        table["trajectory_hz"], np.concatenate([lines.trajectory_hz[0, :4], lines.trajectory_hz[1]])
    )
    np.testing.assert_allclose(table["time_s"][:4], time_s[:4])
