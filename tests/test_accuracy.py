"""Accuracy and unweighted average recall over seeds, folds, groups and speakers, by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest
from fake_results import in_groups, in_two_folds, make_results
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from convcam_jax.measures.accuracy import (
    ACCURACY_COLUMNS,
    SCORES,
    accuracy_summary,
    score_of,
    speaker_interval,
)
from convcam_jax.measures.statistics import mean_interval

# One recording more than is tested.
UTTERANCES = pd.DataFrame({"recording": list("abcde"), "speaker": ["1", "1", "1", "2", "2"]})
RESULTS = make_results(seeds=3)


def predictions(folds: list[str]) -> pd.DataFrame:
    """Two seeds' answers to the recordings a to d, each tested in its fold."""
    place = {"recording": list("abcd"), "group": "female", "fold": folds, "truth": ["joy", "joy", "joy", "rage"]}
    answers = {0: ["joy", "joy", "rage", "rage"], 1: ["joy", "rage", "rage", "joy"]}
    return pd.concat(pd.DataFrame({**place, "seed": seed, "predicted": own}) for seed, own in answers.items())


def one_fold() -> pd.DataFrame:
    members = pd.DataFrame({"group": "female", "fold": "all", "seed": [0, 1], "chosen": [False, True]})
    return accuracy_summary(members, predictions(["all"] * 4), UTTERANCES)


def test_accuracies_by_hand():
    # Accuracies 3/4 and 1/4; UARs (2/3 + 1)/2 and (1/3 + 0)/2.
    summary = one_fold()
    assert list(summary.columns) == list(ACCURACY_COLUMNS)
    assert (summary["fold"] == "all").all()
    rows = summary.set_index(["speaker", "measure"])
    assert list(rows.index) == [(speaker, score) for speaker in ("all", "1", "2") for score in SCORES]
    everyone = rows.loc[("all", "accuracy")]
    assert everyone[["mean", "lowest", "highest", "chosen"]].tolist() == [50, 25, 75, 25]
    assert everyone[["seeds", "n_speakers", "n_recordings"]].tolist() == [2, 2, 4]
    # t of one degree of freedom, 12.706, times half of the difference, is more than there can be.
    assert everyone[["seeds_low", "seeds_high"]].tolist() == [0, 100]
    assert rows.loc[("all", "uar"), "mean"] == pytest.approx(50)
    assert rows.loc[("1", "accuracy"), "mean"] == pytest.approx(50)
    assert rows.loc[("2", "uar"), "chosen"] == 0


def test_intervals_over_speakers_are_of_the_mean_of_the_seeds():
    rows = one_fold().set_index(["speaker", "measure"])
    # Over both seeds speaker 1 is right in 3 of 6, speaker 2 in 1 of 2: as right as each other.
    assert rows.loc[("all", "accuracy"), ["speakers_low", "speakers_high"]].tolist() == [50, 50]
    # Only one of them speaks each emotion, or there is only one.
    assert rows.loc[[("all", "uar"), ("1", "accuracy"), ("2", "uar")], "speakers_low"].isna().all()


def test_folds_are_taken_together_and_shown_each():
    # Fold one: a, b, d; fold two: c. The chosen members are of seed 1 and of seed 0.
    members = pd.DataFrame({"group": "female", "fold": ["one", "one", "two", "two"], "seed": [0, 1, 0, 1]}).assign(
        chosen=[False, True, True, False]
    )
    summary = accuracy_summary(members, predictions(["one", "one", "two", "one"]), UTTERANCES)
    rows = summary.set_index(["fold", "speaker", "measure"])
    whole = one_fold().set_index(["fold", "speaker", "measure"])
    measured = [name for name in summary.columns[5:] if name != "chosen"]
    pd.testing.assert_frame_equal(rows.loc[whole.index, measured], whole[measured])
    assert list(rows.index.drop(whole.index)) == [(fold, "all", score) for fold in ("one", "two") for score in SCORES]
    # Of a, b and d seed 0 has 3 right and seed 1 has 1; of c neither has it.
    shown = ["lowest", "highest", "chosen"]
    assert rows.loc[("one", "all", "accuracy"), shown].tolist() == pytest.approx([100 / 3, 100, 100 / 3])
    assert rows.loc[("two", "all", "accuracy"), shown].tolist() == [0, 0, 0]
    assert rows.loc[("all", "all", "accuracy"), "chosen"] == 25
    # Recalls of the chosen members' answers: 1/3 of joy, 0 of rage.
    assert rows.loc[("all", "all", "uar"), "chosen"] == pytest.approx(100 / 6)


def test_folds_of_a_speaker_each_are_not_shown_twice():
    members = pd.DataFrame({"group": "female", "fold": ["1", "1", "2", "2"], "seed": [0, 1, 0, 1], "chosen": True})
    summary = accuracy_summary(members, predictions(["1", "1", "1", "2"]), UTTERANCES)
    assert list(zip(summary["fold"], summary["speaker"], strict=True))[::2] == [
        ("all", "all"),
        ("all", "1"),
        ("all", "2"),
    ]


def test_folds_of_one_speaker_are_shown_each():
    """As with models per speaker where each text is left out once."""
    members = pd.DataFrame({"group": "female", "fold": ["1", "1", "2", "2"], "seed": [0, 1, 0, 1], "chosen": True})
    summary = accuracy_summary(members, predictions(["1", "1", "2", "2"]), UTTERANCES.assign(speaker="s"))
    assert list(zip(summary["fold"], summary["speaker"], strict=True))[::2] == [
        ("all", "all"),
        ("1", "all"),
        ("2", "all"),
    ]


def test_groups_are_taken_together_and_no_row_repeats_another():
    every = accuracy_summary(RESULTS.members, RESULTS.predictions, RESULTS.utterances)
    together = every[every["group"] == "all"].set_index("measure")
    assert together["n_recordings"].tolist() == [len(RESULTS.utterances)] * 2
    assert together["n_speakers"].tolist() == [RESULTS.utterances["speaker"].nunique()] * 2
    # A model per speaker: the row of a group is that of its speaker.
    speakers = dict(zip(RESULTS.utterances["recording"], RESULTS.utterances["speaker"], strict=True))
    answers = RESULTS.predictions.assign(group=RESULTS.predictions["recording"].map(speakers))
    members = answers[["group", "fold", "seed"]].drop_duplicates().assign(chosen=answers["seed"] == 0)
    of_speakers = accuracy_summary(members, answers, RESULTS.utterances)
    assert of_speakers.groupby(["group", "measure"]).size().max() == 1
    last = of_speakers[of_speakers["group"] == "all"].set_index("measure")
    pd.testing.assert_frame_equal(last.drop(columns="chosen"), together.drop(columns="chosen"))


@pytest.mark.parametrize("results", [RESULTS, in_two_folds(RESULTS)], ids=["one fold", "two folds"])
def test_scores_are_scikit_learns(results):
    summary = accuracy_summary(results.members, results.predictions, results.utterances)
    for group in ("female", "male"):
        own = results.predictions[results.predictions["group"] == group]
        for score, theirs in zip(SCORES, (accuracy_score, balanced_accuracy_score), strict=True):
            by_seed = [100 * theirs(seed["truth"], seed["predicted"]) for _, seed in own.groupby("seed")]
            of_group = summary[(summary["group"] == group) & (summary["measure"] == score)]
            row = of_group[(of_group["fold"] == "all") & (of_group["speaker"] == "all")].iloc[0]
            mean, low, high, n = mean_interval(by_seed)
            expected = [mean, max(low, 0), min(high, 100), n]
            assert row[["mean", "seeds_low", "seeds_high", "seeds"]].tolist() == pytest.approx(expected)
            np.testing.assert_allclose(
                row[["mean", "lowest", "highest"]].tolist(), [np.mean(by_seed), min(by_seed), max(by_seed)]
            )


def test_one_seed_has_no_interval_over_seeds_but_one_over_speakers():
    one = make_results(seeds=1)
    summary = accuracy_summary(one.members, one.predictions, one.utterances)
    assert summary[["seeds_low", "seeds_high"]].isna().all(axis=None)
    everyone = summary[(summary["speaker"] == "all") & (summary["measure"] == "accuracy")]
    assert everyone[["speakers_low", "speakers_high"]].notna().all(axis=None)


@pytest.mark.parametrize("names", [{"female": "08", "male": "03"}, {"female": "all", "male": "all"}])
def test_groups_may_have_any_names(names):
    results = in_groups(RESULTS, names)
    summary = accuracy_summary(results.members, results.predictions, results.utterances)
    of_groups = summary[(summary["speaker"] == "all") & (summary["measure"] == "uar")]
    assert of_groups["group"].tolist() == (["03", "08", "all"] if len(set(names.values())) > 1 else ["all"])
    assert of_groups["n_recordings"].iloc[-1] == len(results.utterances)


def test_scores_by_hand():
    right, counts = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[2.0, 8.0], [0.0, 4.0]])
    np.testing.assert_allclose(score_of(right, counts, "accuracy"), [0.3, 0.25])
    np.testing.assert_allclose(score_of(right, counts, "uar"), [(1 / 2 + 1 / 4) / 2, np.nan])
    assert np.isnan(score_of(0 * right, 0 * counts, "accuracy")).all()


def test_of_speakers_with_as_many_recordings_it_is_the_t_interval_of_their_accuracies():
    right, counts = np.array([[3.0, 1.0], [5.0, 1.0], [2.0, 6.0]]), np.full((3, 2), 10.0)
    expected = mean_interval([0.2, 0.3, 0.4])
    assert speaker_interval(right, counts, "accuracy") == pytest.approx(expected)


def test_interval_of_the_uar_by_hand():
    # Recalls without the first speaker 19/40 and 1/2, without the second 21/40 and 1/2: UARs 39/80 and 41/80.
    right, counts = np.array([[21.0, 10.0], [19.0, 10.0]]), np.array([[40.0, 20.0], [40.0, 20.0]])
    found = speaker_interval(right, counts, "uar")
    # t of one degree of freedom at 0.975 is 12.7062; the error is the root of (1/2) (2) (1/80)^2.
    assert found == pytest.approx((0.5, 0.5 - 12.7062 / 80, 0.5 + 12.7062 / 80, 2), abs=1e-6)


def test_no_interval_where_nothing_tells_its_width():
    assert np.isnan(speaker_interval(np.ones((1, 2)), np.full((1, 2), 4.0), "accuracy")[1:3]).all()
    one_of_the_second = np.array([[4.0, 4.0], [4.0, 0.0], [4.0, 0.0]])
    assert np.isnan(speaker_interval(one_of_the_second / 2, one_of_the_second, "uar")[1:3]).all()
    assert speaker_interval(one_of_the_second / 2, one_of_the_second, "accuracy")[:3] == (0.5, 0.5, 0.5)


def test_limits_are_shares():
    found = speaker_interval(np.array([[0.0], [9.0]]), np.full((2, 1), 10.0), "accuracy")
    assert (found.low, found.high) == (0, 1)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("n_speakers", [2, 4, 10])
def test_the_interval_holds_the_truth_of_all_speakers_as_often_as_it_says(n_speakers, score):
    """Emotions differ in how easily they are recognised, speakers in that and in how many recordings they have."""
    generator = np.random.default_rng(0)
    of_emotion = np.array([1.0, 0.3, 0.0, -0.5])

    def chances(n: int) -> np.ndarray:
        return 1 / (1 + np.exp(-of_emotion - generator.normal(0, 0.8, (n, 1))))

    truth = chances(200_000).mean()
    held = []
    for _ in range(1000):
        counts = generator.integers(5, 15, (n_speakers, 4))
        right = generator.binomial(counts, chances(n_speakers))
        found = speaker_interval(right.astype(float), counts.astype(float), score)
        held.append(found.low <= truth <= found.high)
    # Standard deviation of the share: 0.007.
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)
