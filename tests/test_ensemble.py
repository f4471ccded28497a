import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from small_network import MODEL, N_BINS, N_INPUT_FRAMES, make_recordings

from convcam_jax.data.batches import ABSENT
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.settings.config import TrainConfig
from convcam_jax.training.ensemble import (
    Member,
    group_size,
    init_group,
    list_members,
    make_plan,
    member_keys,
    score_group,
    step_program,
    steps_per_epoch,
    train_epochs,
)

RECORDINGS = make_recordings(30)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
# Sets of different size, so that the smaller one has absent recordings in its batches.
TRAINING = {"female": np.arange(12), "male": np.arange(12, 19)}
VALIDATION = {"female": np.arange(19, 25), "male": np.arange(25, 30)}
CONFIG = TrainConfig(epochs=4, patience_epochs=1, batch_size=6, learning_rate=0.01)
MEMBERS = (Member("female", 0), Member("female", 3), Member("male", 0), Member("male", 3))
SHAPE = (N_BINS, N_INPUT_FRAMES)


def train(members: tuple[Member, ...], config: TrainConfig = CONFIG) -> tuple[dict, np.ndarray, np.ndarray, list]:
    """Best parameters, scores `[epochs, S, 4]`, which member ran `[epochs, S]`, and every epoch's parameters."""
    plan = make_plan(N_FRAMES, TRAINING, VALIDATION, members, config.batch_size)
    state = init_group(members, MODEL, config, SHAPE)
    scores, running, every = [], [], []
    for epoch in train_epochs(members, state, 1, RECORDINGS, plan, MODEL, config):
        parts = [f() for s in (epoch.train, epoch.validation) for f in (s.mean_loss, s.accuracy)]
        scores.append(np.stack(parts, 1))
        running.append(np.asarray(epoch.running))
        every.append(jax.tree.map(np.asarray, epoch.state.best_params))
    return every[-1], np.stack(scores), np.stack(running), every


@pytest.fixture(scope="module", autouse=True)
def quick_compilation():
    """Most of these tests' time is compilation, and what they compare does not depend on how well it is done."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def together(quick_compilation):
    return train(MEMBERS)


def largest_difference(left, right) -> float:
    return max(jax.tree.leaves(jax.tree.map(lambda a, b: float(np.abs(a - b).max()), left, right)))


@pytest.mark.parametrize("index", [1, 2])
def test_a_member_of_the_ensemble_equals_the_same_member_trained_alone(together, index):
    """One of each gender: their sets differ in size, and so do the lengths of their strips."""
    alone_params, alone_scores, alone_running, _ = train(MEMBERS[index : index + 1])
    params, scores, running, _ = together
    n_epochs = len(alone_scores)
    assert running[:, index].sum() == alone_running.sum()
    np.testing.assert_allclose(scores[:n_epochs, index], alone_scores[:, 0], rtol=2e-4, atol=1e-5)
    own = jax.tree.map(lambda leaf: leaf[index], params)
    assert largest_difference(own, jax.tree.map(lambda leaf: leaf[0], alone_params)) < 2e-3 * CONFIG.learning_rate


def test_members_differ(together):
    kernels = together[0]["output"]["kernel"]
    for i in range(len(MEMBERS)):
        for j in range(i):
            assert np.abs(kernels[i] - kernels[j]).max() > 0.01


def test_a_stopped_member_changes_no_more(together):
    _, _, running, every = together
    for member in range(len(MEMBERS)):
        stopped = np.flatnonzero(~running[:, member])
        for epoch in stopped:
            before, after = (jax.tree.map(lambda leaf, m=member: leaf[m], every[e]) for e in (epoch - 1, epoch))
            assert largest_difference(before, after) == 0
    # Otherwise nothing was tested.
    assert not running.all()
    assert running[0].all()


def test_training_can_go_on_from_any_epoch(together):
    plan = make_plan(N_FRAMES, TRAINING, VALIDATION, MEMBERS, CONFIG.batch_size)
    state = init_group(MEMBERS, MODEL, CONFIG, SHAPE)
    first = next(train_epochs(MEMBERS, state, 1, RECORDINGS, plan, MODEL, CONFIG))
    saved = jax.tree.map(np.asarray, first.state)
    rest = [
        jax.tree.map(np.asarray, epoch.state.best_params)
        for epoch in train_epochs(MEMBERS, jax.tree.map(jax.numpy.asarray, saved), 2, RECORDINGS, plan, MODEL, CONFIG)
    ]
    assert len(rest) == len(together[3]) - 1
    assert largest_difference(rest[-1], together[0]) == 0


def test_scores_of_a_set_are_those_of_its_recordings():
    state = init_group(MEMBERS, MODEL, CONFIG, SHAPE)
    plan = make_plan(N_FRAMES, TRAINING, VALIDATION, MEMBERS, CONFIG.batch_size)
    scores = score_group(state.params, RECORDINGS, plan.validation, MODEL, plan.validation_columns)
    logits = jax.jit(jax.vmap(lambda p: MODEL.apply({"params": p}, RECORDINGS.spectrograms, RECORDINGS.n_frames)))(
        state.params
    )
    log_probability = np.asarray(jax.nn.log_softmax(logits))[:, np.arange(30), np.asarray(RECORDINGS.emotion)]
    correct = np.asarray(logits.argmax(-1) == RECORDINGS.emotion)
    for index, member in enumerate(MEMBERS):
        own = VALIDATION[member.gender]
        assert scores.recordings[index] == len(own)
        assert scores.correct[index] == correct[index, own].sum()
        np.testing.assert_allclose(scores.mean_loss()[index], -log_probability[index, own].mean(), rtol=1e-5)


def test_plan_covers_each_members_own_recordings():
    plan = make_plan(N_FRAMES, TRAINING, VALIDATION, MEMBERS, CONFIG.batch_size)
    assert plan.train.shape == (4, 6, 2)
    assert plan.validation.shape == (4, 6, 1)
    for strata, sets, columns in (
        (plan.train, TRAINING, plan.train_columns),
        (plan.validation, VALIDATION, plan.validation_columns),
    ):
        for member, own in zip(MEMBERS, strata, strict=True):
            assert sorted(own[own != ABSENT]) == sets[member.gender].tolist()
            frames = np.where(own == ABSENT, 0, N_FRAMES[own])
            assert slot_columns(frames).max(1).sum() <= columns


def test_groups_of_either_gender_are_validated_by_one_program():
    plans = [make_plan(N_FRAMES, TRAINING, VALIDATION, pair, 3) for pair in (MEMBERS[:2], MEMBERS[2:])]
    assert plans[0].validation.shape == plans[1].validation.shape == (2, 3, 2)
    assert plans[0].validation_columns == plans[1].validation_columns
    # The smaller set has one recording fewer in its last batch, whose slot the strip must hold nevertheless.
    assert np.count_nonzero(plans[1].validation == ABSENT) == 2
    for plan in plans:
        slots = slot_columns(np.where(plan.validation == ABSENT, 0, N_FRAMES[plan.validation]))
        assert slots.sum(1).max() <= plan.validation_columns


def test_groups_of_one_gender_have_strips_of_their_own():
    female, male = (make_plan(N_FRAMES, TRAINING, VALIDATION, pair, 6) for pair in (MEMBERS[:2], MEMBERS[2:]))
    assert female.train.shape == (2, 6, 2)
    assert male.train.shape == (2, 4, 2)
    assert male.train_columns < female.train_columns


def test_groups_of_the_same_shapes_share_their_programs(monkeypatch):
    """Another trace of the network would be a program of its own, which takes seconds to compile."""
    step_program.cache_clear()
    traced = []
    applied = SimpleNet.__call__
    monkeypatch.setattr(SimpleNet, "__call__", lambda self, *args: traced.append(1) or applied(self, *args))
    seeds = [(Member("female", seed), Member("female", seed + 1)) for seed in (5, 7)]
    train(seeds[0], TrainConfig(epochs=1, batch_size=6, learning_rate=0.02))
    assert len(traced) > 0
    traced.clear()
    # A config that differs in what a program does not depend on.
    train(seeds[1], TrainConfig(epochs=2, batch_size=6, learning_rate=0.02, checkpoint_interval_s=1))
    assert traced == []
    assert step_program(2, 40, MODEL, 0.02) is not step_program(2, 40, MODEL, 0.01)


def test_steps_per_epoch_by_hand():
    assert steps_per_epoch({"female": np.arange(33), "male": np.arange(10)}, 16) == 3
    assert steps_per_epoch({"female": np.arange(32)}, 16) == 2
    assert steps_per_epoch({"female": np.arange(3)}, 16) == 1


@pytest.mark.parametrize(
    ("n_genders", "members_per_gender", "members_per_device", "n_devices", "size"),
    [
        (2, 10, 100, 1, 20),
        (2, 10, 19, 1, 10),
        (2, 10, 9, 1, 5),
        (2, 10, 3, 1, 2),
        (2, 10, 0, 1, 1),
        (1, 7, 6, 1, 1),
        (2, 10, 5, 4, 20),
        (1, 7, 1, 7, 7),
        # Of one gender, though 4 would fit.
        (2, 10, 2, 2, 2),
        (2, 4, 2, 2, 4),
        # Of both genders, since those of one gender would leave devices without members.
        (2, 10, 3, 4, 4),
        (2, 5, 4, 2, 2),
    ],
)
def test_groups_are_equal_ones_that_fit(n_genders, members_per_gender, members_per_device, n_devices, size):
    assert group_size(n_genders, members_per_gender, members_per_device, n_devices) == size


def test_every_process_gets_a_group():
    assert group_size(2, 10, 100, 1, n_processes=2) == 10
    assert group_size(2, 10, 100, 1, n_processes=3) == 5
    assert group_size(1, 7, 100, 1, n_processes=2) == 1
    assert group_size(2, 2, 100, 1, n_processes=6) == 1


def test_members_are_genders_by_seeds():
    members = list_members(TrainConfig(seeds=2, first_seed=5))
    assert members == (Member("female", 5), Member("female", 6), Member("male", 5), Member("male", 6))


def test_a_members_key_depends_on_itself_alone():
    def as_bits(members):
        return np.asarray(jax.random.key_data(member_keys(members)))

    np.testing.assert_array_equal(as_bits(MEMBERS)[2:], as_bits(MEMBERS[2:]))
    assert len({tuple(key) for key in as_bits(MEMBERS)}) == 4


_ON_FOUR_DEVICES = """
import sys, jax, numpy as np
assert jax.device_count() == 4
from convcam_jax.ensemble import init_group, member_mesh
import test_ensemble as t
assert [member_mesh(n).size for n in (1, 2, 3, 4, 6, 8)] == [1, 2, 3, 4, 3, 4]
state = init_group(t.MEMBERS, t.MODEL, t.CONFIG, t.SHAPE)
assert len(state.params["output"]["kernel"].sharding.device_set) == 4
params, scores, running, _ = t.train(t.MEMBERS)
leaves = {str(i): leaf for i, leaf in enumerate(jax.tree.leaves(params))}
np.savez(sys.argv[1], scores=scores, running=running, **leaves)
"""


def test_members_on_four_devices_equal_those_on_one(together, tmp_path):
    tests = Path(__file__).parent
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}",
    }
    subprocess.run([sys.executable, "-c", _ON_FOUR_DEVICES, str(tmp_path / "four.npz")], check=True, env=environment)
    params, scores, running, _ = together
    with np.load(tmp_path / "four.npz") as four:
        np.testing.assert_array_equal(four["running"], running)
        np.testing.assert_allclose(four["scores"], scores, rtol=2e-4, atol=1e-5)
        for index, leaf in enumerate(jax.tree.leaves(params)):
            np.testing.assert_allclose(four[str(index)], leaf, atol=2e-3 * CONFIG.learning_rate)
