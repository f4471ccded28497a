from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_network import BANDS, GRID, TOY

from convcam_jax.checks.evidence.explanations import Pair, learned_table, placed_pairs
from convcam_jax.checks.evidence.planting import changed_cells, class_in_words, planted_utterances
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.planted import SyntheticSpeech, draw


def test_changed_cells_are_those_near_the_largest_change():
    without = np.array([[1.0, 1.0, 1.0, 1.0]])
    with_cue = np.array([[3.0, 0.8, 0.81, 1.0]])
    np.testing.assert_array_equal(changed_cells(with_cue, without, 0.1 - 1e-9), [[True, True, False, False]])
    np.testing.assert_array_equal(changed_cells(with_cue, without, 1.0), [[True, False, False, False]])
    with pytest.raises(ValueError, match="the same"):
        changed_cells(without, without, 0.1)


def test_maps_of_nodes_are_placed_in_both_ways_and_maps_on_the_grid_in_none():
    geometry = TOY.geometry(BANDS, GRID)
    generator = np.random.default_rng(0)
    nodes, cells = (generator.normal(size=(4, 2, 3, *shape)).astype(np.float32) for shape in (geometry.shape, GRID))
    pairs = {"gradcam": Pair(nodes[0], nodes[1]), "gradient_x_input": Pair(cells[0], cells[1])}
    placed = placed_pairs(pairs, np.array([GRID[1], 12, 7]), geometry, GRID)
    assert [(own.method, own.placement) for own in placed] == [
        ("gradcam", "stretched"),
        ("gradcam", "receptive_field"),
        ("gradient_x_input", "none"),
    ]
    assert {own.trained.shape for own in placed} == {(2, 3, *GRID)}
    assert all((own.random[:, 2, :, 7:] == 0).all() and own.random[:, 2, :, :7].any() for own in placed)
    expected = np.maximum(cells[1, 0, 0], 0)
    np.testing.assert_allclose(placed[2].random[0, 0], expected / expected.max(), rtol=1e-6)


def test_what_was_learned_is_that_of_the_best_epoch():
    """The highest validation accuracy, then the lowest validation loss."""
    history = pd.DataFrame(
        {
            "group": "all",
            "fold": ["08"] * 3 + ["09"] * 3,
            "seed": 2,
            "epoch": [1, 2, 3] * 2,
            "train_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "validation_accuracy": [0.5, 0.8, 0.8, 0.9, 0.4, 0.4],
            "validation_loss": [0.1, 0.4, 0.3, 1.0, 0.1, 0.1],
        }
    )
    learned = learned_table(history).set_index("fold")
    assert learned["best_epoch"].to_dict() == {"08": 3, "09": 1}
    assert learned["train_accuracy"].to_dict() == {"08": 0.3, "09": 0.4}


def test_planted_recordings_are_utterances_whose_emotions_are_the_classes():
    config = SyntheticConfig(speakers_per_gender=1, texts=2)
    speech = SyntheticSpeech(config, ("female",), 16000)
    own = speech.recordings("burst")
    paths = {one.recording: Path(f"{one.recording}.wav") for one in own}
    utterances = planted_utterances(speech, "burst", own, paths)
    assert [u.emotion for u in utterances] == ["first", "second", "third"] * 2
    assert {u.gender for u in utterances} == {"female"}
    assert utterances[1].path == Path(f"{utterances[1].recording}.wav")
    assert [class_in_words("burst", u.emotion) for u in utterances[:3]] == ["low", "middle", "high"]
    # Versions of a sentence are draws of their own.
    assert [speech.original(one) for one in own] == [one.recording for one in own]
    assert len({draw(config, one.spec) for one in own}) == len(own)
    # The same sound, other labels.
    shuffled = planted_utterances(speech, "none", own, paths)
    assert [u.recording for u in shuffled] == [u.recording for u in utterances]
    assert sorted(u.emotion for u in shuffled) == sorted(u.emotion for u in utterances)
