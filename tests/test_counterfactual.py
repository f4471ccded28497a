"""Answers of every member in their place, their table, and what it comes to."""

import jax
import numpy as np
import pandas as pd
import pytest
from fake_report import make_counterfactual
from toy_network import TOY, toy_recordings, toy_variables, variables_of

from convcam_jax.checks.listening.counterfactual import (
    ANSWER_COLUMNS,
    answer_summary,
    answer_table,
    probabilities,
    probe_table,
)
from convcam_jax.checks.listening.resynthesis import Probe
from convcam_jax.data.members import Cohort
from convcam_jax.data.recordings import Batch
from convcam_jax.figures.checks.resynthesis import probability_of_explained

NO_ZERO_MAPS = {"female": 0, "male": 0}


def test_every_member_answers_every_sound_in_its_place():
    sounds, variables = toy_recordings(19, seed=3), toy_variables((1, 2))
    found = probabilities(variables, sounds, TOY)
    assert found.shape == (2, 19, 3)
    for member, answers in enumerate(found):
        logits = TOY.logits(variables_of(variables, member), Batch(sounds.spectrograms, sounds.n_frames), 0)[0]
        np.testing.assert_allclose(answers, jax.nn.softmax(logits), atol=1e-6)


def test_answers_stand_beside_the_sounds_and_the_member():
    described = [Probe("all", 0, 1.0, "original", 1.0, 1.0), Probe("map", 0, 0.5, "only", 0.1, 0.3)]
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    table = answer_table(
        Cohort("male", "08"),
        probe_table("a", "fear", described),
        {3: answers, 4: answers[:, ::-1]},
        # The second network explains another class than that of the label.
        {3: np.array([1, 1]), 4: np.array([2, 2])},
        ("anger", "fear", "joy"),
    )
    assert list(table.columns) == ANSWER_COLUMNS
    assert table[["group", "fold"]].drop_duplicates().values.tolist() == [["male", "08"]]
    assert table["seed"].tolist() == [3, 3, 4, 4]
    assert table["predicted"].tolist() == ["anger", "joy", "joy", "anger"]
    assert table["truth"].tolist() == ["fear"] * 4
    assert table["explained"].tolist() == ["fear", "fear", "joy", "joy"]
    assert table["p_explained"].tolist() == [0.2, 0.3, 0.7, 0.1]
    assert not table["correct"].any()
    of_anger = probe_table("a", "anger", described)
    right = answer_table(Cohort("male", "08"), of_anger, {3: answers}, {3: np.zeros(2, int)}, ("anger", "fear", "joy"))
    assert right["correct"].tolist() == [True, False]


def test_summary_compares_the_map_with_random_cells_over_seeds():
    table = answer_summary(make_counterfactual(), NO_ZERO_MAPS, [0.5])
    assert len(table) == 4
    only = table.query("group == 'female' and sound == 'only'").iloc[0]
    assert only["p_explained_original"] == pytest.approx(0.9)
    assert only["p_explained_map"] == pytest.approx(0.65)
    # Differences 0.4 and 0.5: 0.45 +- 12.706 * 0.0707 / sqrt(2).
    assert only["difference"] == pytest.approx(0.45)
    assert only["difference_low"] == pytest.approx(0.45 - 12.7062 * 0.05, abs=1e-4)
    assert only["sentence"].endswith("difference 0.450 (-0.185 to 1.085 over the seeds): undecided.")
    without = table.query("group == 'female' and sound == 'without'").iloc[0]
    assert without["difference"] == pytest.approx(0.1)
    assert without["sentence"].endswith("random cells matter more than the map's.")


def test_summary_says_where_the_map_is_right():
    answers = make_counterfactual()
    answers.loc[(answers["cells"] == "map") & (answers["sound"] == "without"), "p_explained"] = 0.1
    sentences = answer_summary(answers, NO_ZERO_MAPS, [0.5]).query("sound == 'without'")["sentence"]
    assert sentences.str.endswith("the map's cells matter more than as many random ones.").all()


def test_a_limit_that_decides_is_not_rounded_to_zero():
    """Differences of 0.0003 and 0.00034 over the seeds: 0.00032 -+ 12.706 * 0.00002."""
    answers = make_counterfactual()
    answers["p_explained"] = 0.5 + (answers["cells"] == "map") * (0.0003 + 0.00004 * answers["seed"])
    sentence = answer_summary(answers, NO_ZERO_MAPS, [0.5])["sentence"].iloc[0]
    assert sentence.endswith(
        "difference 0.0003 (0.00007 to 0.0006 over the seeds): the map's cells matter more than as many random ones."
    )


def test_summary_counts_the_recordings_whose_map_is_zero():
    answers = make_counterfactual()
    table = answer_summary(answers[answers["group"] == "female"], {"male": 7, "female": 3}, (0.75, 0.5))
    assert table[["group", "threshold", "sound"]].to_numpy().tolist() == [
        [group, threshold, sound]
        for group in ("female", "male")
        for threshold in (0.5, 0.75)
        for sound in ("only", "without")
    ]
    women, men = table.iloc[:2], table[table["group"] == "male"]
    assert women[["seeds", "n_recordings", "n_zero_maps"]].to_numpy().tolist() == [[2, 1, 3]] * 2
    assert women["sentence"].str.endswith(". Left out: 3 maps of zeros.").all()
    assert men[["seeds", "n_recordings", "n_zero_maps"]].to_numpy().tolist() == [[0, 0, 7]] * 4
    assert (
        men[["area", "p_explained_original", "p_explained_map", "difference", "difference_low"]].isna().all(axis=None)
    )
    assert men["sentence"].iloc[0] == (
        "Of the recording, only what the map marks (cells from 50 % of its maximum, male): all maps are zero (7)."
    )


def test_thresholds_that_are_no_whole_per_cents_are_told_apart():
    table = answer_summary(pd.DataFrame(columns=ANSWER_COLUMNS), {"a": 2}, [0.25, 0.254])
    told = table["sentence"].str.extract(r"cells from (.*) of its maximum")[0].tolist()
    assert told == ["25 %", "25 %", "25.4 %", "25.4 %"]


def test_where_all_maps_are_zero_summary_and_figure_say_so():
    table = answer_summary(pd.DataFrame(columns=ANSWER_COLUMNS), {"a": 2, "b": 1}, [0.5])
    assert table["sentence"].str.contains("all maps are zero").tolist() == [True] * 4
    panels = probability_of_explained(table).axes
    assert [[text.get_text() for text in panel.texts] for panel in panels] == [
        [f"all maps are zero ({n})"] for n in (2, 2, 1, 1)
    ]
