"""Recording by recording against hand-computed intervals, ranges and ranks."""

import numpy as np
import pandas as pd
import pytest
from fake_results import make_results
from pages_of_files import columns_on_page
from scipy import stats

from convcam_jax.measures.statistics import mean_interval
from convcam_jax.paper import published
from convcam_jax.paper.comparison import correlations_with_published, recordings_beside_published

PRINTED = published.load().recordings


def small_run() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three seeds of one recording (the second seed is wrong); another recording is printed but not in the test set."""
    metrics = pd.DataFrame(
        {
            "recording": "a",
            "group": "female",
            "fold": "all",
            "seed": [0, 1, 2],
            "correct": [True, False, True],
            "q_mse": [0.1, 0.6, 0.3],
            "f0_segment_rmse_hz": [100.0, np.nan, 120.0],
        }
    )
    members = pd.DataFrame({"group": "female", "fold": "all", "seed": [0, 1, 2], "chosen": [False, True, False]})
    printed = pd.DataFrame(
        {
            "recording": ["a", "b"],
            "group": "female",
            "emotion": "fear",
            "printed_f0_rmse_hz": [130.0, 50.0],
            "printed_q_rmse": [0.5, 0.2],
        }
    )
    return metrics, members, printed


def test_the_page_of_files_has_their_columns():
    beside = recordings_beside_published(*small_run())
    assert set(columns_on_page("tables/recordings_beside_published.csv")) == set(beside.columns)
    correlations = correlations_with_published(beside)
    assert columns_on_page("tables/rank_correlations.csv") == correlations.columns.tolist()


def test_one_recording_by_hand():
    beside = recordings_beside_published(*small_run()).set_index(["metric", "recording"])
    q = beside.loc[("q_mse", "a")]
    assert q["published"] == 0.5
    assert q["chosen"] == 0.6
    assert not q["chosen_correct"]
    assert (q["correct_seeds"], q["all_seeds"]) == (2, 3)
    assert (q["correct_lowest"], q["correct_highest"]) == (0.1, 0.3)
    assert (q["all_lowest"], q["all_highest"]) == (0.1, 0.6)
    # Two correct seeds: mean 0.2, standard error 0.1, t = 12.7062. No error is below 0.
    assert q["correct_high"] == pytest.approx(0.2 + 1.27062, abs=1e-5)
    assert q["correct_low"] == 0
    assert q["all_mean"] == pytest.approx(1 / 3)
    assert q["correct_interval_holds_published"]
    assert not q["correct_range_holds_published"]
    assert q["all_range_holds_published"]


def test_a_missing_value_is_left_out_of_the_seeds():
    f0 = recordings_beside_published(*small_run()).set_index(["metric", "recording"]).loc[("f0_segment_rmse_hz", "a")]
    assert np.isnan(f0["chosen"])
    assert (f0["all_seeds"], f0["all_mean"]) == (2, 110.0)
    assert not f0["all_range_holds_published"]


def test_a_recording_outside_the_test_set_is_empty():
    beside = recordings_beside_published(*small_run()).set_index(["metric", "recording"])
    row = beside.loc[("q_mse", "b")]
    assert row["published"] == 0.2
    assert (row["correct_seeds"], row["all_seeds"]) == (0, 0)
    assert row[["chosen", "all_mean", "correct_low"]].isna().all()
    assert pd.isna(row["chosen_correct"])
    assert pd.isna(row["all_interval_holds_published"])


def test_nobody_correct_and_one_seed():
    metrics, members, printed = small_run()
    one = metrics.query("seed == 1")
    beside = recordings_beside_published(one, members, printed)
    assert (beside["correct_seeds"] == 0).all()
    assert beside["correct_mean"].isna().all()
    assert beside[["all_low", "all_high"]].isna().all(axis=None)
    assert correlations_with_published(beside)["spearman_rho"].isna().all()


def test_all_58_recordings_of_a_run():
    results = make_results()
    beside = recordings_beside_published(results.metrics, results.members, PRINTED)
    assert len(beside) == 2 * 58
    # The chosen member of the made-up run gives the printed values.
    assert beside["chosen"].to_numpy() == pytest.approx(beside["published"].to_numpy())
    assert (beside["all_seeds"] == 10).all()
    assert (beside["correct_seeds"] < 10).any()
    values = results.metrics.query("recording == '16a02Wb'")["f0_segment_rmse_hz"]
    row = beside.query("recording == '16a02Wb' and metric == 'f0_segment_rmse_hz'").iloc[0]
    assert row[["all_mean", "all_low", "all_high", "all_seeds"]].tolist() == pytest.approx(mean_interval(values))
    assert set(beside["all_interval_holds_published"]) == {True, False}
    # The chosen member is one of the seeds and has the published value: no published value lies outside the range.
    assert beside["all_range_holds_published"].all()


def test_rank_correlation_is_scipys_and_one_for_equal_ranks():
    results = make_results()
    beside = recordings_beside_published(results.metrics, results.members, PRINTED)
    table = correlations_with_published(beside).set_index(["metric", "group", "ours"])
    assert table.loc[("q_mse", "female", "chosen"), "spearman_rho"] == pytest.approx(1.0)
    assert table.loc[("q_mse", "female", "chosen"), "n"] == 34
    pairs = beside.query("metric == 'q_mse' and group == 'male'")
    expected = stats.spearmanr(pairs["published"], pairs["all_mean"])
    row = table.loc[("q_mse", "male", "all_mean")]
    assert row[["spearman_rho", "p_value"]].tolist() == pytest.approx([expected.statistic, expected.pvalue])
    assert row["spearman_rho"] < 1


def test_rank_correlation_ignores_monotone_changes_and_follows_reversal():
    beside = pd.DataFrame(
        {"metric": "q_mse", "group": "male", "published": [1.0, 2, 3, 4], "chosen": [1.0, 10, 100, 1000]}
    ).assign(all_mean=[4.0, 3, 2, 1])
    rho = correlations_with_published(beside).set_index("ours")["spearman_rho"]
    assert rho["chosen"] == pytest.approx(1)
    assert rho["all_mean"] == pytest.approx(-1)


def test_constant_values_have_no_rank_correlation():
    beside = pd.DataFrame({"metric": "q_mse", "group": "male", "published": [1.0, 2, 3], "chosen": 5.0}).assign(
        all_mean=np.nan
    )
    assert correlations_with_published(beside)["spearman_rho"].isna().all()
