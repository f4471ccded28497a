"""The tables against hand-computed values and against the paper's own."""

import numpy as np
import pandas as pd
import pytest
from fake_results import in_groups, in_two_folds, make_results, without_correct

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.statistics import chosen_rows, mean_interval
from convcam_jax.paper import published, tables
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS
from convcam_jax.system.digits import EMPTY

FACTS = published.load()
RESULTS = make_results()
KEYS = ["group", "emotion", "statistic"]


def test_table4_of_the_published_values_is_the_papers():
    tidy = tables.statistics_table(4, RESULTS.metrics, RESULTS.members, PUBLISHED_ANALYSIS, EMOTIONS, FACTS.statistics)
    assert len(tidy) == 48
    different = tidy[tidy["ours"] != tidy["published"]]
    assert different[KEYS].to_numpy().tolist() == [["male", "fear", "range"], ["male", "happiness", "range"]]
    # One recording has no range, where the paper prints 0.
    assert different["n_recordings"].tolist()[0] == 1
    assert different["published"].tolist()[0] == 0
    assert np.isnan(different["ours"].tolist()[0])
    assert tidy.query("statistic == 'min'")["n_recordings"].sum() == 58


def test_table5_is_in_per_cent():
    tidy = tables.statistics_table(5, RESULTS.metrics, RESULTS.members, AnalysisConfig(), EMOTIONS)
    cell = RESULTS.metrics.query("seed == 0 and group == 'male' and emotion == 'anger'")["energy_ratio"]
    ours = tidy.query("group == 'male' and emotion == 'anger'").set_index("statistic")["ours"]
    assert ours["mean"] == pytest.approx(100 * cell.mean(), abs=0.05 + 1e-9)
    assert ours["range"] == pytest.approx(100 * (cell.max() - cell.min()), abs=0.05 + 1e-9)


def test_interval_over_seeds_is_that_of_the_seeds_cell_values():
    metrics = RESULTS.metrics
    tidy = tables.statistics_table(3, metrics, RESULTS.members, PUBLISHED_ANALYSIS, EMOTIONS, FACTS.statistics)
    cell = metrics[metrics["correct"] & (metrics["group"] == "female") & (metrics["emotion"] == "sadness")]
    expected = mean_interval(cell.groupby("seed")["q_mse"].max())
    row = tidy.query("group == 'female' and emotion == 'sadness' and statistic == 'max'").iloc[0]
    assert row[["ours_seeds_mean", "ours_seeds_low", "ours_seeds_high", "seeds"]].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("published", "inside"), [(2.0, True), (15.0, True), (24.0, True), (24.1, False)])
def test_a_printed_value_is_that_of_one_more_model_and_not_of_the_mean_of_many(published, inside):
    """Of 1 and 3 the mean is 2 +- 12.706, and one more model lies in 2 +- 12.706 * sqrt(2) * sqrt(1.5) = 2 +- 22.01.

    That is with t = 12.706 of one degree of freedom and a standard deviation of sqrt(2).
    """
    one = RESULTS.metrics.query("correct and group == 'female' and emotion == 'sadness'").iloc[:1]
    seeds = pd.concat([one.assign(seed=seed, q_mse=value) for seed, value in ((0, 1.0), (1, 3.0))])
    printed = FACTS.statistics.assign(published=published)
    tidy = tables.statistics_table(3, seeds, RESULTS.members, PUBLISHED_ANALYSIS, EMOTIONS, printed)
    row = tidy.query("group == 'female' and emotion == 'sadness' and statistic == 'mean'").iloc[0]
    assert row["published_within_prediction"] == inside
    assert row["ours_seeds_high"] == pytest.approx(14.706, abs=1e-3)


def test_another_metric_is_not_compared_with_the_printed_one():
    tidy = tables.statistics_table(3, RESULTS.metrics, RESULTS.members, AnalysisConfig(), EMOTIONS, FACTS.statistics)
    assert (tidy["metric"] == "q_rmse").all()
    assert tidy["published_within_prediction"].isna().all()
    assert not tidy["published"].isna().any()


@pytest.mark.parametrize("table", [3, 4, 5])
def test_an_emotion_without_correct_recordings_is_an_empty_cell(table):
    results = without_correct(RESULTS, "male", "fear")
    tidy = tables.statistics_table(
        table, results.metrics, results.members, PUBLISHED_ANALYSIS, EMOTIONS, FACTS.statistics
    )
    empty = tidy.query("group == 'male' and emotion == 'fear'")
    assert empty["ours"].isna().all()
    assert (empty["seeds"] == 0).all()
    assert (empty["n_recordings"] == 0).all()
    assert empty["published_within_prediction"].isna().all()
    assert EMPTY in tables.as_printed(tidy)["fear"].to_numpy()


def test_nobody_correct_at_all_is_a_table_of_empty_cells():
    metrics = RESULTS.metrics.assign(correct=False)
    tidy = tables.statistics_table(3, metrics, RESULTS.members, PUBLISHED_ANALYSIS, EMOTIONS, FACTS.statistics)
    assert tidy["ours"].isna().all()
    assert len(tidy) == 48


def test_one_seed_has_no_interval():
    one = make_results(seeds=1)
    tidy = tables.statistics_table(3, one.metrics, one.members, PUBLISHED_ANALYSIS, EMOTIONS, FACTS.statistics)
    assert tidy[["ours_seeds_low", "ours_seeds_high"]].isna().all(axis=None)
    assert tidy["published_within_prediction"].isna().all()
    assert tidy.loc[tidy["ours_seeds_mean"].isna(), KEYS].to_numpy().tolist() == [["male", "fear", "range"]]


def test_without_printed_figures_there_is_no_such_column():
    tidy = tables.statistics_table(3, RESULTS.metrics, RESULTS.members, AnalysisConfig(), EMOTIONS)
    assert not {"published", "published_within_prediction"} & set(tidy)
    assert "source" not in tables.as_printed(tidy)


def test_layout_as_printed():
    tidy = tables.statistics_table(4, RESULTS.metrics, RESULTS.members, PUBLISHED_ANALYSIS, EMOTIONS, FACTS.statistics)
    wide = tables.as_printed(tidy)
    assert list(wide) == ["group", "statistic", "source", *EMOTIONS]
    assert wide.iloc[0].tolist()[:5] == ["female", "min", "this run", "158.44", "6.98"]
    paper = wide.query("group == 'male' and statistic == 'mean' and source == 'paper'")
    assert paper[list(EMOTIONS)].to_numpy().tolist() == [["604.01", "34.70", "134.71", "232.55", "93.41", "49.12"]]
    assert len(wide) == 18
    counts = wide.query("group == 'male' and statistic == 'recordings'")
    assert counts[["source", "fear"]].to_numpy().tolist() == [["this run", "1"]]


def test_a_row_of_the_paper_says_what_it_is_of_where_that_is_another_metric():
    tidy = tables.statistics_table(3, RESULTS.metrics, RESULTS.members, AnalysisConfig(), EMOTIONS, FACTS.statistics)
    assert set(tables.as_printed(tidy)["source"]) == {"this run", "paper (q_mse)"}


def test_table1_counts_recordings_and_totals():
    utterances = pd.DataFrame(
        {"speaker": ["03", "03", "08"], "emotion": ["anger", "fear", "anger"], "recording": ["a", "b", "c"]}
    )
    table = tables.table1(utterances, ["fear", "anger", "sadness"])
    assert table.to_numpy().tolist() == [["03", 1, 1, 0, 2], ["08", 0, 1, 0, 1], ["total", 1, 2, 0, 3]]
    beside = tables.table1_beside_published(table, FACTS.table1)
    cell = beside.query("speaker == '08' and emotion == 'anger'")
    assert cell[["ours", "published"]].to_numpy().tolist() == [[1, 12]]
    assert len(beside) == 9 * 7


def test_table1_of_the_berlin_corpus_is_the_papers():
    # 417 utterances with the printed counts give the printed table back.
    cells = FACTS.table1.drop(columns="total").query("speaker != 'total'").melt("speaker", var_name="emotion")
    utterances = cells.loc[cells.index.repeat(cells["value"]), ["speaker", "emotion"]]
    beside = tables.table1_beside_published(tables.table1(utterances, EMOTIONS), FACTS.table1)
    assert (beside["ours"] == beside["published"]).all()
    assert len(utterances) == 417


def test_table2_puts_this_run_first():
    assert tables.table2("ours", 90, 47).to_numpy().tolist() == [["ours", 90, 47, "this run"]]
    beside = tables.table2("ours", 90, 47, FACTS.table2)
    assert len(beside) == 6
    assert beside.iloc[0].tolist() == ["ours", 90, 47, "this run"]
    assert beside.iloc[1].tolist() == ["SimpleNet", 90, 47, "paper"]


def test_tables_of_two_folds_are_over_the_union_of_their_recordings():
    folded = in_two_folds(RESULTS)
    assert chosen_rows(folded.metrics, folded.members)["recording"].is_unique
    tidy = tables.statistics_table(4, folded.metrics, folded.members, PUBLISHED_ANALYSIS, EMOTIONS)
    whole = tables.statistics_table(4, RESULTS.metrics, RESULTS.members, PUBLISHED_ANALYSIS, EMOTIONS)
    over_seeds = ["ours_seeds_mean", "ours_seeds_low", "ours_seeds_high", "seeds"]
    pd.testing.assert_frame_equal(tidy[over_seeds], whole[over_seeds])
    by_hand = folded.metrics.query("correct and seed == (fold == 'two') and group == 'male' and emotion == 'anger'")
    row = tidy.query("group == 'male' and emotion == 'anger' and statistic == 'max'").iloc[0]
    assert row["n_recordings"] == len(by_hand)
    assert row["ours"] == float(f"{int(by_hand['f0_segment_rmse_hz'].max() * 100) / 100:.2f}")
    counts = tables.confusion_matrices(folded.members, folded.predictions, EMOTIONS)
    assert {name: int(own.to_numpy().sum()) for name, own in counts.items()} == {"female": 34, "male": 24}


@pytest.mark.parametrize("names", [{"female": "all", "male": "all"}, {"female": "03", "male": "08"}])
def test_groups_may_have_any_names(names):
    results = in_groups(RESULTS, names)
    groups = sorted(set(names.values()))
    for number in (3, 4, 5):
        tidy = tables.statistics_table(number, results.metrics, results.members, AnalysisConfig(), EMOTIONS)
        assert tidy["group"].unique().tolist() == groups
        assert len(tidy) == len(groups) * 6 * 4
        assert tidy.query("statistic == 'min'")["n_recordings"].sum() == 58
    assert list(tables.confusion_matrices(results.members, results.predictions, EMOTIONS)) == groups


def test_confusion_matrices_are_the_chosen_members():
    predictions = pd.DataFrame(
        {
            "group": "female",
            "fold": "all",
            "seed": [0, 0, 0, 1],
            "truth": ["joy", "joy", "rage", "joy"],
            "predicted": ["joy", "rage", "rage", "rage"],
        }
    )
    members = pd.DataFrame({"group": "female", "fold": "all", "seed": [0, 1], "chosen": [True, False]})
    matrices = tables.confusion_matrices(members, predictions, ["joy", "rage", "calm"])
    assert list(matrices) == ["female"]
    assert matrices["female"].to_numpy().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert matrices["female"].loc["joy", "rage"] == 1
