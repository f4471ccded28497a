"""Training of a round with checkpoints in between."""

import dataclasses
import errno
import gc
import random
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from damage import cut, flipped, removed
from mean_network import MeanConfig
from small_network import N_BINS, N_CLASSES, N_INPUT_FRAMES, make_recordings

from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort, Member
from convcam_jax.representations.cqt import Cqt
from convcam_jax.settings.config import Config
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.stages.ensemble import training
from convcam_jax.stages.ensemble.rounds import (
    HISTORY_COLUMNS,
    Round,
    history_table,
    names_of,
    read_rounds,
    trained_members,
)
from convcam_jax.stages.ensemble.training import forget_what_was_made, make_rounds, train_round
from convcam_jax.stages.run import Run
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_arrays, write_arrays, write_json
from convcam_jax.training import checkpoints, ensemble
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.ensemble import make_plan, score_round

NETWORK = MeanConfig().make(N_CLASSES)
RECORDINGS = make_recordings(12)
COHORT = Cohort("female", ONLY_FOLD)
TRAINING, VALIDATION = {COHORT: np.arange(8)}, {COHORT: np.arange(8, 12)}
MEMBERS = (Member(*COHORT, 0), Member(*COHORT, 1))
CONFIG = Config(
    corpus=SyntheticConfig(emotions=("anger", "fear", "neutral"), max_frames=N_INPUT_FRAMES),
    representation=Cqt(n_bins=N_BINS),
    network=NETWORK.config,
    train=TrainConfig(epochs=5, patience_epochs=5, batch_size=4, learning_rate=0.01, precision="float32"),
)


def with_training(**changes) -> Config:
    return dataclasses.replace(CONFIG, train=dataclasses.replace(CONFIG.train, **changes))


def train_in(folder: Path, checkpoint_interval_s: float, **changes) -> Round:
    own = Round(MEMBERS, folder / "round_00")
    config = with_training(checkpoint_interval_s=checkpoint_interval_s, **changes)
    train_round(own, "all", config, TRAINING, VALIDATION, RECORDINGS)
    return own


def interrupted(monkeypatch, folder: Path, at: int, **changes) -> Path:
    """A training in `folder` is interrupted after the checkpoint of epoch `at`; gives where its checkpoints are."""
    save = checkpoints.save

    def interrupt(manager, step, tree):
        save(manager, step, tree)
        if step == at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_in(folder, 0.0, **changes)
    return folder / "round_00_in_progress"


def gone_on_with(monkeypatch, folder: Path, **changes) -> tuple[Round, list[str]]:
    """The training in `folder` to its end, and what is said of it."""
    told: list[str] = []
    monkeypatch.setattr(training, "say", told.append)
    return train_in(folder, 1e6, **changes), told


def assert_equal_rounds(one: Round, other: Round) -> None:
    variables = [checkpoints.load_variables(own.folder) for own in (one, other)]
    jax.tree.map(np.testing.assert_array_equal, *variables)
    arrays, expected = (read_arrays(own.history_file()) for own in (one, other))
    assert set(arrays) == set(expected) == {"members", "history", "best_epoch"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name])


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


@pytest.mark.parametrize("changes", [{}, {"average_decay": 0.9, "class_weights": "balanced"}])
def test_an_interrupted_training_ends_like_an_undisturbed_one(tmp_path, monkeypatch, changes):
    undisturbed = train_in(tmp_path / "undisturbed", 1e6, **changes)
    interrupted(monkeypatch, tmp_path / "interrupted", at=2, **changes)
    resumed, told = gone_on_with(monkeypatch, tmp_path / "interrupted", **changes)
    assert "going on after epoch 2" in told
    assert_equal_rounds(resumed, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flipped, cut, removed], ids=lambda own: own.__name__)
def test_a_damaged_checkpoint_is_left_out_and_the_members_begin_anew(tmp_path, monkeypatch, damage):
    undisturbed = train_in(tmp_path / "undisturbed", 1e6)
    progress = interrupted(monkeypatch, tmp_path / "interrupted", at=1)
    arrays = [path for path in sorted(progress.rglob("*")) if path.name.replace(".", "").isdigit() and path.is_file()]
    damage(arrays[-1], random.Random(0))
    resumed, told = gone_on_with(monkeypatch, tmp_path / "interrupted")
    assert "the checkpoint after epoch 1 is damaged and left out" in told
    assert_equal_rounds(resumed, undisturbed)
    gc.collect()


@pytest.mark.parametrize(
    ("damaged", "expected"),
    [
        ((2,), ["the checkpoint after epoch 2 is damaged and left out", "going on after epoch 1"]),
        pytest.param(
            (1, 2), [f"the checkpoint after epoch {n} is damaged and left out" for n in (2, 1)], marks=pytest.mark.slow
        ),
    ],
)
def test_of_two_checkpoints_the_newest_whole_one_is_gone_on_from(tmp_path, monkeypatch, damaged, expected):
    """A run that is killed before it removes the older one leaves both."""
    undisturbed = train_in(tmp_path / "undisturbed", 1e6)
    progress = interrupted(monkeypatch, tmp_path / "interrupted", at=1)
    shutil.copytree(progress / "1", tmp_path / "1")
    interrupted(monkeypatch, tmp_path / "interrupted", at=2)
    shutil.copytree(tmp_path / "1", progress / "1")
    for epoch in damaged:
        flipped(next((progress / str(epoch)).glob("default/tree.history/**/0.0.0")), random.Random(0))
    resumed, told = gone_on_with(monkeypatch, tmp_path / "interrupted")
    assert [line for line in told if "epoch" in line and "loss" not in line] == expected
    assert_equal_rounds(resumed, undisturbed)
    gc.collect()


def test_rounds_of_another_number_than_the_note_of_it_says_are_left_for_the_user(tmp_path):
    folder = tmp_path / "training"
    train_in(folder, 1e6)
    (tmp_path / "stages.json").write_text("{}")
    more = (*MEMBERS, Member(*COHORT, 2))
    for number in (1, 3):
        write_json(folder / "rounds.json", {"members_at_once": number})
        rounds = make_rounds(CONFIG, more, folder, 12)
        for again in (
            lambda rounds=rounds: forget_what_was_made(rounds, tmp_path),
            lambda rounds=rounds: train_round(rounds[0], "all", CONFIG, TRAINING, VALIDATION, RECORDINGS),
        ):
            with pytest.raises(
                UserError, match=r"round_00: holds 2 trained members, which are not .*remove rounds\.js"
            ):
                again()
    assert (tmp_path / "stages.json").exists()
    assert checkpoints.is_complete(folder / "round_00")
    # As the line says.
    (folder / "rounds.json").unlink()
    assert [len(own.members) for own in make_rounds(with_training(members_at_once=1), more, folder, 12)] == [2, 1]


def test_nothing_is_forgotten_where_a_later_round_has_other_members(tmp_path):
    own = train_in(tmp_path / "training", 1e6)
    (tmp_path / "stages.json").write_text("{}")
    first = Round(MEMBERS, tmp_path / "training" / "missing")
    with pytest.raises(UserError, match="round_00: holds 2 trained members"):
        forget_what_was_made([first, own._replace(members=MEMBERS[:1])], tmp_path)
    assert (tmp_path / "stages.json").exists()


@pytest.mark.parametrize("content", ["{}", "[]", "3", '{"members_at_once": "two"}', '{"members_at_once": 0}'])
def test_a_note_without_the_size_of_rounds_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "rounds.json").write_text(content)
    with pytest.raises(UserError, match=r"rounds\.json: does not say how many members a round has; remove it"):
        read_rounds(MEMBERS, tmp_path)


def test_what_was_made_of_a_round_that_is_no_more_is_forgotten(tmp_path, capsys):
    """Trained again on another machine, it has other weights than those that were explained."""
    own = train_in(tmp_path / "training", 1e6)
    made = [tmp_path / name for name in ("stages.json", "explanations.npz", "models.safetensors")]
    for path in made:
        path.write_text("{}")
    forget_what_was_made([own], tmp_path)
    assert all(path.exists() for path in made)
    assert "models.safetensors" not in capsys.readouterr().err
    shutil.rmtree(own.folder)
    forget_what_was_made([own], tmp_path)
    assert not any(path.exists() for path in made)
    assert "models.safetensors was of networks that are trained again" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"members_at_once": "two"}', '{"members_at_once": 0}'])
def test_a_damaged_size_of_rounds_is_chosen_again(tmp_path, content):
    make_rounds(with_training(members_at_once=2), MEMBERS, tmp_path, 12)
    whole = (tmp_path / "rounds.json").read_text()
    (tmp_path / "rounds.json").write_text(content)
    assert make_rounds(with_training(members_at_once=2), MEMBERS, tmp_path, 12) == [
        Round(MEMBERS, tmp_path / "round_00")
    ]
    assert (tmp_path / "rounds.json").read_text() == whole


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"PK"), Path.unlink], ids=["damaged", "missing"])
def test_trained_members_whose_history_cannot_be_read_are_left_for_the_user(tmp_path, damage):
    own, stages = train_in(tmp_path / "training", 1e6), tmp_path / "stages.json"
    stages.write_text("{}")
    damage(own.history_file())
    for again in (
        lambda: forget_what_was_made([own], tmp_path),
        lambda: train_round(own, "all", CONFIG, TRAINING, VALIDATION, RECORDINGS),
    ):
        with pytest.raises(
            UserError, match=f"^{own.folder}: holds trained members, but {own.history_file().name} beside it cannot"
        ):
            again()
    assert stages.exists()
    assert checkpoints.is_complete(own.folder)


def test_without_a_size_of_rounds_and_a_history_nothing_is_chosen(tmp_path):
    own = train_in(tmp_path, 1e6)
    np.savez(own.history_file(), other=1)
    with pytest.raises(UserError, match=f"^{own.folder}: holds trained members.* remove round_00 and give"):
        make_rounds(with_training(members_at_once=1), MEMBERS, tmp_path, 12)
    assert not (tmp_path / "rounds.json").exists()
    shutil.rmtree(own.folder)
    assert len(make_rounds(with_training(members_at_once=1), MEMBERS, tmp_path, 12)) == 2


@pytest.mark.parametrize(("mixup", "same"), [(0.3, True), (0.0, False)])
def test_with_mixup_a_batch_has_as_many_places_whatever_members_a_round_has(mixup, same, tmp_path, monkeypatch):
    """A recording is mixed with the one at a place that is drawn among all."""
    few = Cohort("male", ONLY_FOLD)
    training_sets, validation = {COHORT: np.arange(8), few: np.arange(3)}, {COHORT: np.array([8]), few: np.array([9])}
    plans = []
    monkeypatch.setattr(training, "_train", lambda own, task: plans.append(task.plan))
    for number, members in enumerate([(Member(*few, 0),), (Member(*COHORT, 0), Member(*few, 0))]):
        own = Round(members, tmp_path / f"round_{number:02d}")
        train_round(own, "all", with_training(mixup=mixup), training_sets, validation, RECORDINGS)
    alone, together = (plan.train.shape[1:] for plan in plans)
    assert (alone == together) == same
    np.testing.assert_array_equal(plans[0].train[0][: alone[0]], plans[1].train[-1][: alone[0]])


@pytest.mark.parametrize("content", ["", "[]", None])
def test_without_the_size_of_rounds_that_of_the_first_one_is_kept(tmp_path, content):
    own = train_in(tmp_path, 1e6)
    note = tmp_path / "rounds.json"
    if content is not None:
        note.write_text(content)
    # As many as the memory that is free now would hold.
    rounds = make_rounds(with_training(members_at_once=1), (*MEMBERS, Member(*COHORT, 2)), tmp_path, 12)
    assert rounds[0] == own
    assert [len(one.members) for one in rounds] == [2, 1]


def test_a_size_of_rounds_that_cannot_be_read_for_the_moment_is_not_chosen_again(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.EIO, "not now")

    make_rounds(with_training(members_at_once=2), MEMBERS, tmp_path, 12)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        with pytest.raises(UserError, match=r"rounds\.json: cannot be read \(.*not now"):
            make_rounds(with_training(members_at_once=1), MEMBERS, tmp_path, 12)
    assert make_rounds(with_training(members_at_once=1), MEMBERS, tmp_path, 12) == [
        Round(MEMBERS, tmp_path / "round_00")
    ]


def test_weights_of_classes_are_those_of_each_members_own_training_recordings():
    cohorts = [Cohort("female", ONLY_FOLD), Cohort("male", ONLY_FOLD)]
    members = tuple(Member(*cohort, 0) for cohort in cohorts)
    # Emotions are 0, 1, 2, 0, 1, 2, ... : of the first set three, one and none; of the second two of each.
    sets = dict(zip(cohorts, (np.array([0, 3, 6, 1]), np.arange(6)), strict=True))
    plan = make_plan(np.asarray(RECORDINGS.n_frames), sets, sets, members, NETWORK, CONFIG.train, "magnitude")
    begun = training._start(training._Task(with_training(class_weights="balanced"), NETWORK, plan, RECORDINGS))
    np.testing.assert_allclose(begun.state.class_weights, [[2 / 3, 2, 0], [1, 1, 1]], rtol=1e-6)


def test_scores_that_are_kept_are_those_of_the_variables_that_are_kept(tmp_path):
    own = train_in(tmp_path, 1e6)
    [(members, variables)] = trained_members([own], MEMBERS)
    assert members == MEMBERS
    learned, n_frames = read_arrays(own.history_file()), np.asarray(RECORDINGS.n_frames)
    plan = make_plan(n_frames, TRAINING, VALIDATION, MEMBERS, NETWORK, CONFIG.train, "magnitude")
    assert CONFIG.make_network(CONFIG.train.precision) == NETWORK
    validation = score_round(variables, RECORDINGS, plan.validation, NETWORK, plan.validation_layout)
    best = learned["history"][np.arange(2), learned["best_epoch"] - 1]
    np.testing.assert_allclose(best[:, 2:], np.stack([validation.mean_loss(), validation.accuracy()], 1), rtol=1e-6)


def test_scores_are_made_in_the_precision_of_training(tmp_path, monkeypatch):
    config = with_training(precision="bfloat16", epochs=1)
    assert config.attribution.precision == "float32"
    scored = []
    monkeypatch.setattr(ensemble, "score_round", lambda *args: scored.append(args[3].precision) or score_round(*args))
    train_round(Round(MEMBERS, tmp_path / "round_00"), "all", config, TRAINING, VALIDATION, RECORDINGS)
    assert scored == ["bfloat16"]


def test_the_history_has_a_row_for_every_member_and_epoch(tmp_path):
    own = train_in(tmp_path, 1e6)
    table, history = history_table([own]), read_arrays(own.history_file())["history"]
    assert list(table.columns) == ["group", "fold", "seed", "epoch", *HISTORY_COLUMNS]
    keys = table[["group", "fold", "seed", "epoch"]].to_numpy().tolist()
    assert keys == [["female", "all", seed, epoch] for seed in (0, 1) for epoch in range(1, 6)]
    np.testing.assert_array_equal(table[list(HISTORY_COLUMNS)].to_numpy(), history.reshape(-1, 4))


def test_the_history_is_written_after_the_rounds_that_were_trained_at_this_start(tmp_path, monkeypatch):
    """What an earlier start has left of the others is not cut to the first of them meanwhile."""

    def train(own: Round, *_) -> None:
        write_arrays(own.history_file(), {"members": names_of(own.members), "history": np.ones((1, 5, 4))})
        checkpoints.save_variables(own.folder, {"params": np.zeros(1)})

    written: list[int] = []
    monkeypatch.setattr(training, "train_round", train)
    monkeypatch.setattr(training, "write_csv", lambda path, table: written.append(len(table)))
    monkeypatch.setattr(Dataset, "cohorts", lambda own: (COHORT,))
    monkeypatch.setattr(Dataset, "sets", lambda own, split: {"train": TRAINING, "validation": VALIDATION}[split])
    run = Run(with_training(seeds=2), tmp_path, tmp_path, Dataset((), (), (), ()))
    run.recordings = RECORDINGS
    write_json(tmp_path / "training" / "rounds.json", {"members_at_once": 1})
    training.train_ensemble(run)
    assert written == [5, 10, 10]
    training.train_ensemble(run)
    assert written[3:] == [10]
    shutil.rmtree(tmp_path / "training" / "round_01")
    training.train_ensemble(run)
    assert written[4:] == [10, 10]


def test_a_precision_that_is_not_spelled_out_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"train\.precision must be spelled out"):
        make_rounds(with_training(precision="fastest"), MEMBERS, tmp_path, 12)


def test_rounds_are_of_the_size_that_was_chosen_when_training_began(tmp_path, capsys):
    members = tuple(Member(*cohort, seed) for cohort in (COHORT, Cohort("male", ONLY_FOLD)) for seed in range(3))
    rounds = make_rounds(with_training(members_at_once=3), members, tmp_path, 12)
    assert [own.members for own in rounds] == [members[:3], members[3:]]
    assert [own.folder for own in rounds] == [tmp_path / "round_00", tmp_path / "round_01"]
    assert "6 members, 3 at a time" in capsys.readouterr().err
    assert (
        make_rounds(with_training(members_at_once=1), members, tmp_path, 12) == rounds == read_rounds(members, tmp_path)
    )


def test_a_loss_that_is_not_finite_is_told_with_its_member(tmp_path):
    disturbed = RECORDINGS._replace(spectrograms=RECORDINGS.spectrograms.at[0].set(np.nan))
    with pytest.raises(UserError, match=r"^the loss of female 0 is not finite in epoch 1; .*learning_rate$"):
        train_round(Round(MEMBERS, tmp_path / "round_00"), "all", CONFIG, TRAINING, VALIDATION, disturbed)
