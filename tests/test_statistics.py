"""Intervals and cells by hand-computed values."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from convcam_jax.measures.statistics import (
    cell_statistics,
    chosen_rows,
    correlation_interval,
    mean_interval,
    mean_over_pairs,
    mean_over_speakers,
    prediction_interval,
    spearman,
    within,
)


def test_interval_by_hand():
    # Standard deviation 1, n = 3: half width 4.302653 / sqrt(3).
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval == pytest.approx((2.0, 2 - 2.4841377, 2 + 2.4841377, 3), abs=1e-6)


def test_interval_is_scipys():
    values = np.random.default_rng(1).normal(3, 2, 10)
    low, high = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx((values.mean(), low, high, 10), rel=1e-12)


def test_interval_leaves_out_missing_values_and_needs_two():
    assert mean_interval([np.nan, 1.0, 3.0]) == mean_interval([1.0, 3.0])
    one = mean_interval([0.5, np.nan])
    assert one.mean == 0.5
    assert np.isnan([one.low, one.high]).all()
    none = mean_interval([])
    assert none.n == 0
    assert np.isnan(none[:3]).all()


def test_interval_covers_the_mean_as_often_as_it_says():
    samples = np.random.default_rng(2).normal(0, 1, (2000, 5))
    covered = np.mean([within(0.0, *mean_interval(sample)[1:3]) for sample in samples])
    assert covered == pytest.approx(0.95, abs=0.02)


def test_one_more_value_lies_in_its_interval_as_often_as_it_says():
    samples = np.random.default_rng(3).normal(0, 1, (2000, 6))
    inside = np.mean([within(last, *prediction_interval(others)[1:3]) for *others, last in samples])
    assert inside == pytest.approx(0.95, abs=0.02)
    assert np.isnan(prediction_interval([1.0])[1:3]).all()


def test_means_over_speakers_by_hand():
    """Without a the mean is 4, without b 1, without c 2.5: 2.5 on average, and an error of sqrt(2/3 * 2 * 1.5^2)."""
    values, speakers = np.array([1.0, 1.0, 1.0, 7.0, 1.0, np.nan]), ["a", "a", "a", "b", "c", "b"]
    mean, low, high, n = mean_over_speakers(values, speakers)
    assert (mean, n) == (pytest.approx(2.2), 3)
    assert (low, high) == pytest.approx((2.2 - 4.302653 * np.sqrt(3), 2.2 + 4.302653 * np.sqrt(3)), rel=1e-6)


def test_one_speaker_has_no_limits_and_none_no_mean():
    mean, low, high, n = mean_over_speakers(np.array([1.0, 2.0, np.nan]), ["a", "a", "b"])
    assert (mean, n) == (1.5, 1)
    assert np.isnan([low, high]).all()
    assert np.isnan(mean_over_speakers(np.array([np.nan]), ["a"])[:3]).all()


@pytest.mark.parametrize("n_speakers", [2, 4, 10])
def test_limits_over_speakers_hold_the_truth_as_often_as_they_say(n_speakers):
    generator, held = np.random.default_rng(n_speakers), []
    for _ in range(600):
        speakers = np.repeat(np.arange(n_speakers), generator.integers(3, 9, n_speakers))
        values = generator.normal(size=n_speakers)[speakers] + generator.normal(size=len(speakers))
        held.append(within(0.0, *mean_over_speakers(values, speakers.astype(str).tolist())[1:3]))
    assert 0.925 <= np.mean(held) <= 0.98


def test_limits_over_pairs_leave_out_a_network_with_its_pairs_by_hand():
    # Without network 0, 1, 2 or 3: (2 + 9) / 2, 9, 1, (1 + 2) / 2; t = 3.182446 with three degrees of freedom.
    interval = mean_over_pairs(np.array([1.0, 2.0, np.nan, 9.0]), np.array([[0, 1], [1, 2], [0, 2], [2, 3]]))
    assert (interval.mean, interval.n) == (4.0, 3)
    left_out = np.array([5.5, 9.0, 1.0, 1.5])
    half_width = 3.182446 * np.sqrt(3 / 4 * np.square(left_out - left_out.mean()).sum())
    assert interval[1:3] == pytest.approx((4 - half_width, 4 + half_width), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "mean", "n"), [([1.0, 2.0], 1.5, 2), ([1.0, np.nan], 1.0, 1), ([np.nan] * 2, np.nan, 0)]
)
@pytest.mark.parametrize("pairs", [[[0, 1], [1, 2]], [[0, 1], [2, 3]]], ids=["that share a network", "that share none"])
def test_two_pairs_have_no_limits(values, mean, n, pairs):
    interval = mean_over_pairs(np.array(values), np.array(pairs))
    np.testing.assert_array_equal(interval, (mean, np.nan, np.nan, n))


def test_pairs_that_all_share_a_network_have_no_limits():
    interval = mean_over_pairs(np.array([1.0, 2.0, 6.0]), np.array([[0, 1], [0, 2], [0, 3]]))
    np.testing.assert_array_equal(interval, (3.0, np.nan, np.nan, 3))


@pytest.mark.parametrize("n_pairs", [3, 5, 10])
@pytest.mark.parametrize("is_ring", [True, False])
def test_limits_over_pairs_hold_the_truth_as_often_as_they_say(n_pairs, is_ring):
    """Student's interval of the pairs, as if none shared a network, holds it in 81 to 94 %."""
    generator, held = np.random.default_rng(n_pairs), []
    first = np.arange(n_pairs)
    pairs = np.stack([first, (first + 1) % n_pairs if is_ring else first + 1], axis=1)
    for _ in range(600):
        values = generator.normal(size=n_pairs + 1)[pairs].sum(axis=1) + 0.5 * generator.normal(size=n_pairs)
        held.append(within(0.0, *mean_over_pairs(values, pairs)[1:3]))
    assert 0.925 <= np.mean(held) <= 0.985


def test_interval_of_correlations_by_hand():
    # In Fisher's z: 0 and 1, mean 0.5, standard deviation 1 / sqrt(2), half width 12.706205 / 2.
    interval = correlation_interval(pd.Series([0.0, np.tanh(1), np.nan]))
    assert interval == pytest.approx((np.tanh(0.5), np.tanh(-5.853102), np.tanh(6.853102), 2), abs=1e-7)
    three = correlation_interval(pd.Series(np.tanh([1.0, 2.0, 3.0])))
    assert three == pytest.approx((*np.tanh([2, 2 - 2.4841377, 2 + 2.4841377]), 3), abs=1e-6)


def test_correlations_of_one_have_an_interval_too():
    assert correlation_interval(pd.Series([1.0, 1.0])) == pytest.approx((1, 1, 1, 2), abs=2e-6)
    low, high = correlation_interval(pd.Series([-1.0, 1.0, 0.5]))[1:3]
    assert -1 <= low < -0.99
    assert 0.99 < high <= 1
    assert np.isnan(correlation_interval(pd.Series([np.nan]))[:3]).all()


def test_within_includes_its_limits_and_knows_when_it_cannot_say():
    assert within(1.0, 1.0, 2.0) is True
    assert within(2.0, 1.0, 2.0) is True
    assert within(2.1, 1.0, 2.0) is False
    assert within(np.nan, 1.0, 2.0) is None
    assert within(1.0, np.nan, np.nan) is None


def test_chosen_rows_take_each_cohorts_own_member():
    place = {
        "group": ["f", "f", "f", "f", "m", "m"],
        "fold": ["1", "1", "2", "2", "1", "1"],
        "seed": [0, 1, 0, 1, 0, 1],
    }
    members = pd.DataFrame({**place, "chosen": [True, False, False, True, False, True]})
    table = pd.DataFrame({**place, "value": [1, 2, 3, 4, 5, 6]})
    assert chosen_rows(table, members)["value"].tolist() == [1, 4, 6]


def test_cells_by_hand():
    metrics = pd.DataFrame(
        {
            "group": "female",
            "emotion": ["anger", "anger", "anger", "boredom", "fear", "neutral"],
            "correct": [True, True, False, True, False, True],
            "x": [1.0, 4.0, 100.0, 7.0, 3.0, np.nan],
        }
    )
    cells = cell_statistics(metrics, "x", ["female", "male"], ["anger", "boredom", "fear", "neutral"])
    assert len(cells) == 2 * 4 * 4
    assert cells["statistic"].tolist()[:4] == ["min", "max", "mean", "range"]
    assert cells["value"].tolist()[:4] == [1.0, 4.0, 2.5, 3.0]
    assert cells["n_recordings"].tolist()[:4] == [2, 2, 2, 2]
    # One recording has no range.
    np.testing.assert_array_equal(cells["value"].iloc[4:8], [7.0, 7.0, 7.0, np.nan])
    assert cells["n_recordings"].tolist()[4:8] == [1, 1, 1, 1]
    assert cells["value"].iloc[8:].isna().all()
    assert (cells["n_recordings"].iloc[8:] == 0).all()


def test_rank_correlations_of_too_few_or_equal_values_are_missing():
    assert np.isnan(spearman(pd.Series([1, 2]), pd.Series([1, 2]))).all()
    assert np.isnan(spearman(pd.Series([1, 1, 1]), pd.Series([1, 2, 3]))).all()
    assert spearman(pd.Series([1, 2, 3]), pd.Series([1, 4, 9])).rho == 1


def test_few_recordings_have_an_exact_p_value_by_hand():
    rising = pd.Series([1.0, 2, 3, 4])
    # One of 3! orders is as good, and one as good against it; of four one of 4!.
    assert spearman(rising[:3], rising[:3] ** 2) == pytest.approx((1, 1 / 3))
    assert spearman(rising, -rising) == pytest.approx((-1, 1 / 12))
    # One exchanged: 1 - 6 * 2 / 60; four of the 24 orders are so good, the right one and three exchanges of neighbours.
    assert spearman(rising, pd.Series([1.0, 2, 4, 3])) == pytest.approx((0.8, 2 * 4 / 24))
    # Of values 1 1 2 two of six orders have the large one behind.
    assert spearman(pd.Series([1, 1, 2]), rising[:3]).p_value == pytest.approx(2 / 3)


def test_p_values_of_more_recordings_are_those_of_students_t():
    first, second = map(pd.Series, np.random.default_rng(3).random((2, 9)))
    found = spearman(first, second)
    t = found.rho * np.sqrt(7 / (1 - found.rho**2))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), 7))
