"""The table of controls, its figure, and the sentences made of it."""

import numpy as np
import pandas as pd
import pytest

from convcam_jax.checks.chance.control_verdicts import control_verdicts
from convcam_jax.checks.chance.controls import CONTROL_TABLE_COLUMNS, ControlDraws, control_table, readable_cells
from convcam_jax.figures.checks.controls import against_chance
from convcam_jax.system.digits import EMPTY

RATE = 0.05
EMOTIONS = ("anger", "fear", "sadness")


def make_recordings(group="male"):
    """Five recordings: two of anger that count, one wrong, one of fear with a map of zeros, one of fear that counts."""
    return pd.DataFrame(
        {
            "recording": [f"{group}{i}" for i in range(5)],
            "group": group,
            "emotion": ["anger", "anger", "anger", "fear", "fear"],
            "speaker": ["a", "b", "b", "a", "a"],
            "correct": [True, True, False, True, True],
            "mask_area": [0.2, 0.4, 0.9, 0.9, 0.3],
            "map_is_zero": [False, False, False, True, False],
        }
    )


def make_draws(observed=(0.9, 0.5, 0.1, 0.1, 0.3)):
    draws = np.array([[0.1, 0.2, 0.3], [0.3, 0.8, 0.1], [9, 9, 9], [9, 9, 9], [0.3, 0.4, np.nan]])
    values = np.array(observed)
    return [
        ControlDraws("energy_ratio", "random_blobs", values, draws),
        ControlDraws("energy_ratio", "top_energy", values, np.full((5, 1), 0.95), tested=False),
        ControlDraws("q_rmse", "time_shift", values, draws),
    ]


@pytest.fixture(scope="module")
def table():
    return control_table([make_recordings()], [make_draws()], EMOTIONS, RATE)


def row(table, level, emotion, metric="energy_ratio", control="random_blobs"):
    keys = {"level": level, "emotion": emotion, "metric": metric, "control": control}
    selected = table[(table[list(keys)] == list(keys.values())).all(axis=1)]
    assert len(selected) == 1
    return selected.iloc[0]


def test_cells_by_hand(table):
    assert list(table.columns) == list(CONTROL_TABLE_COLUMNS)
    anger = row(table, "emotion", "anger")
    # Means of the draws over two recordings: 0.2, 0.5, 0.2.
    assert anger["observed"] == pytest.approx(0.7)
    assert anger["control_mean"] == pytest.approx(0.3)
    assert anger["excess"] == pytest.approx(0.4)
    assert anger["mask_area"] == pytest.approx(0.3)
    assert (anger["p"], anger["n_draws"]) == (1 / 4, 3)
    assert anger[["n_recordings", "n_speakers", "n_zero_maps"]].tolist() == [2, 2, 0]
    # Of two speakers 0.7 +- 12.7 * 0.2, which a share cannot be.
    assert anger[["observed_low", "observed_high"]].tolist() == [0, 1]
    # Excess of the recordings: 0.9 - 0.2 and 0.5 - 0.4.
    assert anger[["excess_low", "excess_high"]].tolist() == pytest.approx([0.4 - 12.7062 * 0.3, 0.4 + 12.7062 * 0.3])
    fear = row(table, "emotion", "fear")
    assert fear[["n_recordings", "n_speakers", "n_zero_maps"]].tolist() == [1, 1, 1]
    # One of two draws is a tie.
    assert (fear["p"], fear["n_draws"]) == (1.0, 2)
    assert np.isnan(fear["observed_low"])
    everything = row(table, "group", "all")
    # Observed 0.9, 0.5 and 0.3; draws minus these: (-0.8 - 0.2 + 0) / 3, (-0.7 + 0.3 + 0.1) / 3, (-0.6 - 0.4) / 2.
    assert everything["control_mean"] == pytest.approx(1.7 / 3 + (-1 / 3 - 0.1 - 0.5) / 3)
    assert everything["n_zero_maps"] == 1


def test_draws_that_lack_a_value_of_some_recordings_are_compared_over_the_others():
    observed = np.array([0.9, 0.5, 0.1, 0.1, 0.3])
    draws = np.tile(observed[:, None], 3)
    # Without the best recording the mean of all draws is lower than what was observed, which is no evidence.
    draws[0] = np.nan
    same = [ControlDraws("energy_ratio", "random_blobs", observed, draws)]
    everything = row(control_table([make_recordings()], [same], EMOTIONS, RATE), "group", "all")
    assert everything["control_mean"] == pytest.approx(everything["observed"])
    assert (everything["p"], everything["n_draws"]) == (1.0, 3)


def test_what_draws_reach_is_cut_to_what_the_metric_can_be():
    observed = np.array([0.9, 0.5, 0.1, 0.1, 0.3])
    draws = np.tile(observed[:, None], 3)
    # Without the first recording a draw has 0.5 more than was observed, which is 0.7 with it.
    draws[0], draws[1] = np.nan, 1.0
    same = [ControlDraws("energy_ratio", "random_blobs", observed, draws)]
    anger = row(control_table([make_recordings()], [same], EMOTIONS, RATE), "emotion", "anger")
    assert anger[["control_mean", "control_low", "control_high"]].tolist() == [1, 1, 1]
    assert anger["excess"] == pytest.approx(0.7 - 1.2)


def test_the_direction_is_that_of_the_metric(table):
    anger = row(table, "emotion", "anger", "q_rmse", "time_shift")
    assert (anger["better"], anger["p"]) == ("lower", 1.0)
    assert np.isnan(anger["mask_area"])


def test_q_is_taken_over_the_rows_of_a_level_metric_and_control(table):
    cells = table[(table["level"] == "emotion") & (table["control"] == "random_blobs")].set_index("emotion")
    assert cells["q"].tolist()[:2] == [0.5, 1.0]
    assert cells.loc["sadness", ["observed", "p", "q"]].isna().all()
    assert cells.loc["sadness", "n_recordings"] == 0
    # Of three draws no p is below a quarter.
    assert cells["above_chance"].isna().all()
    ceiling = table[table["control"] == "top_energy"]
    assert ceiling[["p", "q", "above_chance", "control_low"]].isna().all(axis=None)


def test_recordings_that_count_have_a_row(table):
    own = table[(table["level"] == "recording") & (table["control"] == "random_blobs")]
    assert own["recording"].tolist() == ["male0", "male1", "male4"]
    assert own["p"].tolist() == [1 / 4, 2 / 4, 1.0]


def many_draws(values):
    draws = np.random.default_rng(0).uniform(0.24, 0.26, (5, 199))
    return [ControlDraws("energy_ratio", "time_shift", np.array(values), draws)]


def test_sentences():
    table = control_table(
        [make_recordings("female"), make_recordings("male")],
        [many_draws([0.9, 0.9, 0.1, 0.1, 0.05]), many_draws([0.9, 0.5, 0.1, 0.1, 0.2])],
        EMOTIONS,
        RATE,
    )
    verdicts = control_verdicts(table, 0.05)
    summary = verdicts.iloc[0]["sentence"]
    assert summary == (
        "The energy inside the mask, against the same mask moved in time: 2 of 4 cells are better than chance at a "
        "false discovery rate of 5 % (female anger, male anger)."
    )
    of_cell = verdicts.set_index(["about", "group", "emotion"])["sentence"]
    assert of_cell["emotion", "female", "anger"] == (
        "The energy inside the mask, female anger (2 recordings): 90 % on 30 % of the area is above that inside "
        "the same mask moved in time (25 % on average; p = 0.005 with 199 draws, q = 0.010)."
    )
    assert of_cell["emotion", "female", "fear"] == (
        "The energy inside the mask, female fear (1 recording): 5 % on 30 % of the area is not better than chance at a "
        "false discovery rate of 5 %: the same mask moved in time (25 % on average; p = 1.000 with 199 draws, "
        "q = 1.000). It is worse than in nearly all draws."
    )
    assert ("emotion", "female", "sadness") not in of_cell.index


def lone_cell(n_draws, n_cells, as_good=0, unchanged=None):
    """Cells of one recording each: the first has so many draws that are `as_good`, the others are among theirs."""
    own = pd.DataFrame({"recording": [str(i) for i in range(n_cells)], "emotion": [f"e{i}" for i in range(n_cells)]})
    place = {"group": "all", "speaker": "a", "correct": True, "mask_area": 0.1, "map_is_zero": False}
    draws = np.tile(np.linspace(0.1, 0.9, n_draws), (n_cells, 1))
    draws[0] = 0.2
    draws[0, :as_good] = 0.95
    observed = np.full(n_cells, 0.5)
    own_draws = ControlDraws("energy_ratio", "random_blobs", observed, draws, unchanged)
    table = control_table([own.assign(**place)], [[own_draws]], tuple(own["emotion"]), RATE)
    return table[table["level"] == "emotion"]


@pytest.mark.parametrize(
    ("n_draws", "as_good", "above"), [(199, 0, None), (239, 0, True), (199, 1, False), (239, 1, False), (10, 1, None)]
)
def test_what_more_draws_could_decide_is_undecided(n_draws, as_good, above):
    """Of 12 cells the smallest p of 199 draws is 1/200, and q 12/200; of 239, 12/240. With 10 no p is low enough."""
    cells = lone_cell(n_draws, 12, as_good)
    first = cells.iloc[0]
    assert (first["p"], first["smallest_p"]) == ((1 + as_good) / (1 + n_draws), 1 / (1 + n_draws))
    assert first["above_chance"] is pd.NA if above is None else first["above_chance"] == above
    assert cells["above_chance"].iloc[1:].isna().all() if n_draws == 10 else not cells["above_chance"].iloc[1:].any()
    sentence = control_verdicts(cells, RATE)["sentence"].iloc[0]
    assert ("cannot be decided" in sentence) == (above is None)
    if n_draws == 199 and above is None:
        assert sentence.endswith("Of 1 this cannot be decided with these draws (all e0).")


def test_draws_of_the_thing_itself_do_not_count_against_a_cell_but_limit_its_p():
    """As of 999 shifts 30 that move nothing: p is 31/1000, which no draws of these shifts make smaller."""
    unchanged = np.zeros((12, 999), bool)
    unchanged[0, :30] = True
    first = lone_cell(999, 12, 30, unchanged).iloc[0]
    assert (first["p"], first["smallest_p"]) == (31 / 1000, 31 / 1000)
    assert first["above_chance"] is pd.NA
    # One more that moves it, and is as good.
    assert not lone_cell(999, 12, 31, unchanged).iloc[0]["above_chance"]


def test_a_rate_that_is_no_whole_per_cent_is_told_as_it_is(table):
    assert "at a false discovery rate of 2.5 %" in control_verdicts(table, 0.025)["sentence"][0]


def test_few_draws_are_said_to_be_few(table):
    sentences = control_verdicts(table, 0.05)["sentence"]
    assert "0 of 2 cells" in sentences[0]
    assert sentences[0].endswith("Of 2 this cannot be decided with these draws (male anger, male fear).")
    of_fear = control_verdicts(table, 0.05).query("about == 'emotion' and emotion == 'fear'")["sentence"].iloc[0]
    assert of_fear.endswith("q = 1.000): it cannot be decided, as no p of these draws is below 0.333, of 2 tests.")
    assert control_verdicts(table, 0.05)["above_chance"].isna().all()
    assert "the ceiling, not chance" in sentences[1]


def test_text_and_figure(table):
    cells = table[(table["metric"] == "energy_ratio") & (table["level"] != "recording")]
    text = readable_cells(cells)
    # Mean and limits of the draws 0.2, 0.2 and 0.5, in per cent as in Table 5.
    assert text["random blobs"][0] == "30.0 (20.0 to 48.5), q = 0.5"
    assert text["top energy"][0] == "95.0"
    assert text["random blobs"][2] == EMPTY
    assert text["mask area"][0] == "30.0"
    for metric in ("energy_ratio", "q_rmse"):
        assert len(against_chance(table, metric).axes) == 1


def test_cells_in_hz_have_all_their_digits(table):
    cells = table[(table["metric"] == "energy_ratio") & (table["level"] != "recording")]
    values = ["observed", "control_mean", "control_low", "control_high"]
    text = readable_cells(cells.assign(metric="f0_frame_rmse_hz", **dict.fromkeys(values, 4321.256)))
    assert text["observed"][0] == "4321.26"
    assert text["random blobs"][0] == "4321.26 (4321.26 to 4321.26), q = 0.5"


def test_what_all_draws_equal_is_not_called_worse():
    equal = [ControlDraws("energy_ratio", "time_shift", np.ones(5), np.ones((5, 199)))]
    table = control_table([make_recordings("female")], [equal], EMOTIONS, RATE)
    sentences = control_verdicts(table, 0.05)["sentence"]
    assert sentences.str.contains("p = 1.000").any()
    assert not sentences.str.contains("worse").any()


def test_cells_of_zero_maps_only_are_called_so():
    own = make_recordings().assign(map_is_zero=[True, True, True, True, False])
    table = control_table([own], [make_draws()], EMOTIONS, RATE)
    cells = table[(table["metric"] == "energy_ratio") & (table["level"] != "recording")]
    text = readable_cells(cells).set_index("emotion")
    assert text.loc["anger", "observed"] == "all maps are zero (2)"
    assert text.loc["fear", "observed"] == "30.0"
    assert text.loc["sadness", "observed"] == EMPTY
    sentences = control_verdicts(table, 0.05).query("about == 'summary'")["sentence"]
    assert (sentences.str.count("All maps are zero of male anger.") == [1, 0, 1]).all()
    labels = [label.get_text() for label in against_chance(table, "energy_ratio").axes[0].get_xticklabels()]
    assert labels[:2] == ["anger\nall maps\nare zero (2)", "fear\n1 recording\n1 speaker"]


def test_the_cells_of_a_group_hold_the_recordings_of_all_its_folds():
    """As if they were one cohort, where the draws are: column b is one draw in each of the folds."""
    one, other = make_recordings(), make_recordings().assign(recording=list("vwxyz"), emotion="sadness")
    first, second = make_draws(), make_draws((0.2, 0.4, 0.6, 0.8, 1.0))
    table = control_table([one, make_recordings("female"), other], [first, make_draws(), second], EMOTIONS, RATE)
    males = table[table["group"] == "male"]
    everything = row(males, "group", "all")
    # Correct, and with a map: 0.9, 0.5, 0.3 and 0.2, 0.4, 1.0.
    assert everything["observed"] == pytest.approx(3.3 / 6)
    assert everything[["n_recordings", "n_zero_maps"]].tolist() == [6, 2]
    # Each draw is the mean over both folds, of what it is more than what was observed: in the third, 0.8 for 2.0.
    gains = (2 * 0.7 - 3.3) / 6, (2 * 1.4 - 3.3) / 6, (0.8 - 2.0) / 4
    assert everything["control_mean"] == pytest.approx(3.3 / 6 + np.mean(gains))
    assert row(males, "emotion", "sadness")["observed"] == pytest.approx(1.6 / 3)
    assert list(dict.fromkeys(table["group"])) == ["male", "female"]
    assert males["recording"].isin(["v", "w", "z"]).sum() == 3 * 3


def test_models_for_all_recordings_are_spoken_of():
    table = control_table([make_recordings("all")], [many_draws([0.9, 0.9, 0.1, 0.1, 0.05])], EMOTIONS, RATE)
    sentences = control_verdicts(table, 0.05).query("about == 'group'")["sentence"]
    assert sentences.iloc[0].startswith("The energy inside the mask, all recordings: 62 % on")


def test_a_member_that_is_never_right():
    own = make_recordings().assign(correct=False)
    table = control_table([own], [make_draws([np.nan] * 5)], EMOTIONS, RATE)
    assert table[["observed", "p", "q", "above_chance"]].isna().all(axis=None)
    assert (table["n_recordings"] == 0).all()
    verdicts = control_verdicts(table, 0.05)
    assert set(verdicts["about"]) == {"summary"}
    assert verdicts["sentence"][0].endswith("nothing could be tested.")
    # Nothing but the names of the cells.
    [axes] = against_chance(table, "energy_ratio").axes
    assert np.isnan(np.concatenate([line.get_ydata() for line in axes.lines]).astype(float)).all()
    assert [label.get_text().partition("\n")[2] for label in axes.get_xticklabels()] == ["0 recordings\n0 speakers"] * 4


def test_q_of_a_metric_and_control_is_the_same_whatever_else_is_tested():
    blobs, _, moved = make_draws()
    others = moved._replace(metric="energy_ratio", draws=np.full((5, 3), 9.0)), blobs._replace(metric="q_rmse")
    draws = [blobs, moved, *others]
    keys = ["level", "emotion", "recording", "metric", "control"]
    together = control_table([make_recordings()], [draws], EMOTIONS, RATE).set_index(keys)["q"]
    for own in draws:
        alone = control_table([make_recordings()], [[own]], EMOTIONS, RATE).set_index(keys)["q"]
        np.testing.assert_array_equal(together.loc[alone.index], alone)
