import jax
import numpy as np
import pytest
from fake_report import make_counterfactual
from small_network import WITHOUT_DROPOUT, make_params, make_recordings

from convcam_jax.checks.listening.counterfactual import probabilities, summary


def test_every_member_answers_every_sound_in_its_place():
    sounds = make_recordings(n_recordings=19, seed=3)
    members = [make_params(WITHOUT_DROPOUT, seed) for seed in (1, 2)]
    params = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    found = probabilities(params, sounds, WITHOUT_DROPOUT)
    logits = jax.jit(lambda own: WITHOUT_DROPOUT.apply({"params": own}, sounds.spectrograms, sounds.n_frames))
    for answers, own in zip(found, members, strict=True):
        np.testing.assert_allclose(answers, jax.nn.softmax(logits(own)), atol=1e-5)


def test_summary_compares_the_map_with_random_cells_over_seeds():
    table = summary(make_counterfactual())
    assert len(table) == 4
    only = table.query("gender == 'female' and sound == 'only'").iloc[0]
    assert only["p_truth_original"] == pytest.approx(0.9)
    assert only["p_truth_map"] == pytest.approx(0.65)
    # Differences 0.4 and 0.5: 0.45 +- 12.706 * 0.0707 / sqrt(2).
    assert only["difference"] == pytest.approx(0.45)
    assert only["difference_low"] == pytest.approx(0.45 - 12.7062 * 0.05, abs=1e-4)
    assert only["sentence"].endswith("difference 0.450 (-0.185 to 1.085 over the seeds): undecided.")
    without = table.query("gender == 'female' and sound == 'without'").iloc[0]
    assert without["difference"] == pytest.approx(0.1)
    assert without["sentence"].endswith("random cells matter more than the map's.")


def test_summary_says_where_the_map_is_right():
    answers = make_counterfactual()
    answers.loc[(answers["cells"] == "map") & (answers["sound"] == "without"), "p_truth"] = 0.1
    sentences = summary(answers).query("sound == 'without'")["sentence"]
    assert sentences.str.endswith("the map's cells matter more than as many random ones.").all()
