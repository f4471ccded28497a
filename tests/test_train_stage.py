"""Training of a group with checkpoints in between."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest
from small_network import MODEL, N_BINS, N_INPUT_FRAMES, make_recordings

from convcam_jax.settings.config import Config, CorpusConfig, FeatureConfig, TrainConfig
from convcam_jax.stages import training
from convcam_jax.stages.training import Group, train_group
from convcam_jax.stages.workdir import read_arrays
from convcam_jax.training import checkpoints, ensemble
from convcam_jax.training.ensemble import Member, _score_program, make_plan, score_group, step_program

RECORDINGS = make_recordings(12)
TRAINING, VALIDATION = {"female": np.arange(8)}, {"female": np.arange(8, 12)}
MEMBERS = (Member("female", 0), Member("female", 1))
CONFIG = Config(
    corpus=CorpusConfig(max_frames=N_INPUT_FRAMES),
    features=FeatureConfig(cqt_bins=N_BINS),
    model=MODEL.config,
    train=TrainConfig(epochs=5, patience_epochs=5, batch_size=4, learning_rate=0.01, precision="float32"),
)


@pytest.fixture(scope="module", autouse=True)
def quick_compilation():
    """Most of these tests' time is compilation, and what they compare does not depend on how well it is done."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    # Other tests are not to go on with these programs.
    for program in (step_program, _score_program):
        program.cache_clear()


def train_in(folder: Path, checkpoint_interval_s: float) -> Group:
    training = dataclasses.replace(CONFIG.train, checkpoint_interval_s=checkpoint_interval_s)
    group = Group(MEMBERS, folder / "group_00")
    train_group(group, "all", dataclasses.replace(CONFIG, train=training), TRAINING, VALIDATION, RECORDINGS)
    return group


@pytest.fixture
def saved(monkeypatch) -> list[int]:
    """The epochs after which a checkpoint has been made, as they go on."""
    epochs: list[int] = []
    save = checkpoints.save

    def note(manager, step, tree):
        if "in_progress" in str(manager.directory):
            epochs.append(step)
        save(manager, step, tree)

    monkeypatch.setattr(checkpoints, "save", note)
    return epochs


def test_a_checkpoint_is_made_when_the_interval_has_passed(tmp_path, monkeypatch, saved):
    # The beginning, two epochs' ends, the end of saving, two epochs' ends, the end of saving, the last epoch's end.
    times_s = iter([0.0, 60.0, 130.0, 135.0, 200.0, 255.0, 260.0, 999.0])
    monkeypatch.setattr(training, "monotonic", lambda: next(times_s))
    train_in(tmp_path, 120.0)
    assert saved == [2, 4]


def test_without_an_interval_every_epoch_but_the_last_is_kept(tmp_path, saved):
    train_in(tmp_path, 0.0)
    assert saved == [1, 2, 3, 4]


def test_an_interrupted_training_ends_like_an_undisturbed_one(tmp_path, monkeypatch):
    undisturbed = train_in(tmp_path / "undisturbed", 1e6)
    save = checkpoints.save

    def interrupt(manager, step, tree):
        save(manager, step, tree)
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_in(tmp_path / "interrupted", 0.0)
    monkeypatch.setattr(checkpoints, "save", save)
    told: list[str] = []
    monkeypatch.setattr(training, "say", told.append)
    resumed = train_in(tmp_path / "interrupted", 1e6)
    assert told[-1] == "going on after epoch 2"
    jax.tree.map(
        np.testing.assert_array_equal,
        checkpoints.load_params(resumed.folder),
        checkpoints.load_params(undisturbed.folder),
    )
    arrays, expected = (read_arrays(group.history_file()) for group in (resumed, undisturbed))
    assert set(arrays) == set(expected) == {"history", "best_epoch"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name])


def test_scores_that_are_kept_are_those_of_the_parameters_that_are_kept(tmp_path):
    group = train_in(tmp_path, 1e6)
    params, learned = checkpoints.load_params(group.folder), read_arrays(group.history_file())
    plan = make_plan(np.asarray(RECORDINGS.n_frames), TRAINING, VALIDATION, MEMBERS, CONFIG.train.batch_size)
    model = training.make_model(CONFIG, CONFIG.train.precision)
    validation = score_group(params, RECORDINGS, plan.validation, model, plan.validation_columns)
    best = learned["history"][np.arange(2), learned["best_epoch"] - 1]
    np.testing.assert_allclose(best[:, 2:], np.stack([validation.mean_loss(), validation.accuracy()], 1), rtol=1e-6)


def test_scores_are_made_in_the_precision_of_training(tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, train=dataclasses.replace(CONFIG.train, precision="bfloat16", epochs=1))
    assert config.cam.precision == "float32"
    scored = []
    monkeypatch.setattr(ensemble, "score_group", lambda *args: scored.append(args[3].precision) or score_group(*args))
    train_group(Group(MEMBERS, tmp_path / "group_00"), "all", config, TRAINING, VALIDATION, RECORDINGS)
    assert scored == ["bfloat16"]
