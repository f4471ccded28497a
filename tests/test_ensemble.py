import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from mean_network import MeanConfig, MeanNetwork
from small_network import GRID, N_CLASSES, NETWORK, make_recordings
from small_run import devices, environment

from convcam_jax.data.batches import frames_of, steps_per_epoch
from convcam_jax.data.members import Cohort, Member
from convcam_jax.data.recordings import ABSENT, Batch
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.networks.network import Network, Variables
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.ensemble import (
    Plan,
    devices_used,
    init_round,
    make_plan,
    member_keys,
    round_size,
    score_round,
    step_program,
    take_members,
    train_epochs,
)
from convcam_jax.training.optimizer import Learning

RECORDINGS = make_recordings(30)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
# Sets of different size, so that the smaller one has absent recordings in its batches.
FEMALE, MALE = Cohort("female", ONLY_FOLD), Cohort("male", ONLY_FOLD)
TRAINING = {FEMALE: np.arange(12), MALE: np.arange(12, 19)}
VALIDATION = {FEMALE: np.arange(19, 25), MALE: np.arange(25, 30)}
CONFIG = TrainConfig(epochs=4, patience_epochs=1, batch_size=6, learning_rate=0.01)
MEMBERS = (Member(*FEMALE, 0), Member(*FEMALE, 3), Member(*MALE, 0), Member(*MALE, 3))


def plan_of(members: tuple[Member, ...], config: TrainConfig = CONFIG) -> Plan:
    return make_plan(N_FRAMES, TRAINING, VALIDATION, members, NETWORK, config, "magnitude")


def train(
    members: tuple[Member, ...], config: TrainConfig = CONFIG, network: Network = NETWORK
) -> tuple[Variables, np.ndarray, np.ndarray, list[Variables]]:
    """Best variables, scores `[epochs, S, 4]`, which member ran `[epochs, S]`, and every epoch's best variables."""
    plan = plan_of(members, config)
    state = init_round(members, network, config, GRID)
    scores, running, every = [], [], []
    for epoch in train_epochs(state, 1, RECORDINGS, plan, network, config):
        parts = [f() for s in (epoch.train, epoch.validation) for f in (s.mean_loss, s.accuracy)]
        scores.append(np.stack(parts, 1))
        running.append(np.asarray(epoch.running))
        every.append(jax.tree.map(np.asarray, epoch.state.best_variables))
    return every[-1], np.stack(scores), np.stack(running), every


@pytest.fixture(scope="module")
def together():
    return train(MEMBERS)


def largest_difference(left, right) -> float:
    return max(jax.tree.leaves(jax.tree.map(lambda a, b: float(np.abs(a - b).max()), left, right)))


@pytest.mark.parametrize("index", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_member_of_the_ensemble_equals_the_same_member_trained_alone(together, index):
    """One of each group: their sets differ in size, and so do their layouts."""
    alone_variables, alone_scores, alone_running, _ = train(MEMBERS[index : index + 1])
    variables, scores, running, _ = together
    n_epochs = len(alone_scores)
    assert running[:, index].sum() == alone_running.sum()
    np.testing.assert_allclose(scores[:n_epochs, index], alone_scores[:, 0], rtol=2e-4, atol=1e-5)
    own = take_members(variables, [index])
    assert largest_difference(own, alone_variables) < 2e-3 * CONFIG.learning_rate


@pytest.mark.slow
def test_a_member_with_mixup_is_the_same_beside_a_larger_cohort_and_alone():
    """Which recordings it mixes depends on how many places a batch has."""
    config = dataclasses.replace(CONFIG, mixup=0.4)

    def trained(members):
        plan = plan_of(members, config)
        state = init_round(members, NETWORK, config, GRID)
        [*_, last] = train_epochs(state, 1, RECORDINGS, plan, NETWORK, config)
        return last.state.best_variables

    alone, together = trained(MEMBERS[2:3]), trained((MEMBERS[0], MEMBERS[2]))
    assert largest_difference(alone, take_members(together, [1])) < 2e-3 * CONFIG.learning_rate
    assert largest_difference(alone, take_members(together, [0])) > CONFIG.learning_rate


def test_members_differ(together):
    kernels = together[0]["params"]["output"]["kernel"]
    for i in range(len(MEMBERS)):
        for j in range(i):
            assert np.abs(kernels[i] - kernels[j]).max() > 0.01


def test_a_stopped_member_changes_no_more(together):
    _, _, running, every = together
    for member in range(len(MEMBERS)):
        stopped = np.flatnonzero(~running[:, member])
        for epoch in stopped:
            before, after = (take_members(every[e], [member]) for e in (epoch - 1, epoch))
            assert largest_difference(before, after) == 0
    # Otherwise nothing was tested.
    assert not running.all()
    assert running[0].all()


def test_training_can_go_on_from_any_epoch(together):
    plan = plan_of(MEMBERS)
    state = init_round(MEMBERS, NETWORK, CONFIG, GRID)
    first = next(train_epochs(state, 1, RECORDINGS, plan, NETWORK, CONFIG))
    saved = jax.tree.map(lambda leaf: jax.numpy.asarray(np.asarray(leaf)), first.state)
    rest = [
        jax.tree.map(np.asarray, epoch.state.best_variables)
        for epoch in train_epochs(saved, 2, RECORDINGS, plan, NETWORK, CONFIG)
    ]
    assert len(rest) == len(together[3]) - 1
    assert largest_difference(rest[-1], together[0]) == 0


def test_scores_of_a_set_are_those_of_its_recordings():
    variables = init_round(MEMBERS, NETWORK, CONFIG, GRID).variables
    plan = plan_of(MEMBERS)
    scores = score_round(variables, RECORDINGS, plan.validation, NETWORK, plan.validation_layout)
    everything, layout = Batch(RECORDINGS.spectrograms, RECORDINGS.n_frames), NETWORK.layout(N_FRAMES[:, None])
    logits = jax.jit(jax.vmap(lambda own: NETWORK.logits(own, everything, layout)[0]))(variables)
    log_probability = np.asarray(jax.nn.log_softmax(logits))[:, np.arange(30), np.asarray(RECORDINGS.emotion)]
    correct = np.asarray(logits.argmax(-1)) == np.asarray(RECORDINGS.emotion)
    for index, member in enumerate(MEMBERS):
        own = VALIDATION[member.cohort]
        assert scores.recordings[index] == len(own)
        assert scores.correct[index] == correct[index, own].sum()
        np.testing.assert_allclose(scores.mean_loss()[index], -log_probability[index, own].mean(), rtol=1e-5)


def test_plan_covers_each_members_own_recordings():
    plan = plan_of(MEMBERS)
    assert plan.train.shape == (4, 6, 2)
    assert plan.validation.shape == (4, 6, 1)
    for strata, sets, layout in (
        (plan.train, TRAINING, plan.train_layout),
        (plan.validation, VALIDATION, plan.validation_layout),
    ):
        for member, own in zip(MEMBERS, strata, strict=True):
            assert sorted(own[own != ABSENT]) == sets[member.cohort].tolist()
            assert slot_columns(frames_of(N_FRAMES, own)).max(1).sum() <= layout


def test_rounds_of_either_cohort_are_validated_by_one_program():
    plans = [plan_of(pair, dataclasses.replace(CONFIG, batch_size=3)) for pair in (MEMBERS[:2], MEMBERS[2:])]
    assert plans[0].validation.shape == plans[1].validation.shape == (2, 3, 2)
    assert plans[0].validation_layout == plans[1].validation_layout
    # The smaller set has one recording fewer in its last batch, whose slot the strip must hold nevertheless.
    assert np.count_nonzero(plans[1].validation == ABSENT) == 2
    for plan in plans:
        for own in plan.validation:
            assert slot_columns(frames_of(N_FRAMES, own)).sum(0).max() <= plan.validation_layout


def test_rounds_of_one_cohort_have_layouts_of_their_own():
    female, male = (plan_of(pair) for pair in (MEMBERS[:2], MEMBERS[2:]))
    assert female.train.shape == (2, 6, 2)
    assert male.train.shape == (2, 4, 2)
    assert male.train_layout < female.train_layout


def test_rounds_of_the_same_shapes_share_their_programs(monkeypatch):
    """Another trace of the network would be a program of its own, which takes seconds to compile."""
    step_program.cache_clear()
    traced, network = [], MeanConfig().make(N_CLASSES)
    applied = MeanNetwork.logits
    monkeypatch.setattr(MeanNetwork, "logits", lambda self, *args: traced.append(1) or applied(self, *args))
    seeds = [(Member(*FEMALE, seed), Member(*FEMALE, seed + 1)) for seed in (5, 7)]
    train(seeds[0], TrainConfig(epochs=1, batch_size=6, learning_rate=0.02), network)
    assert len(traced) > 0
    traced.clear()
    # A config that differs in what a program does not depend on.
    train(seeds[1], TrainConfig(epochs=2, batch_size=6, learning_rate=0.02, checkpoint_interval_s=1), network)
    assert traced == []
    assert step_program(2, 40, network, Learning(0.02)) is not step_program(2, 40, network, Learning(0.01))


def test_steps_per_epoch_by_hand():
    assert steps_per_epoch({FEMALE: np.arange(33), MALE: np.arange(10)}, 16) == 3
    assert steps_per_epoch({FEMALE: np.arange(32)}, 16) == 2
    assert steps_per_epoch({FEMALE: np.arange(3)}, 16) == 1


@pytest.mark.parametrize(
    ("n_cohorts", "members_per_cohort", "members_per_device", "n_devices", "size"),
    [
        (2, 10, 100, 1, 20),
        (2, 10, 19, 1, 10),
        (2, 10, 9, 1, 5),
        (2, 10, 3, 1, 2),
        (2, 10, 0, 1, 1),
        (1, 7, 6, 1, 1),
        (2, 10, 5, 4, 20),
        (1, 7, 1, 7, 7),
        # Of one cohort, though 4 would fit.
        (2, 10, 2, 2, 2),
        (2, 4, 2, 2, 4),
        # Of both cohorts, since those of one would leave devices without members.
        (2, 10, 3, 4, 4),
        (2, 5, 4, 2, 2),
    ],
)
def test_rounds_are_equal_ones_that_fit(n_cohorts, members_per_cohort, members_per_device, n_devices, size):
    assert round_size(n_cohorts, members_per_cohort, members_per_device, n_devices) == size


@pytest.mark.parametrize(
    ("n_members", "members_per_device", "n_devices", "size"),
    [
        (23, 10, 2, 20),
        # Not 20 and 17: one device alone does not hold 17, which two do not divide.
        (37, 10, 2, 18),
        (7, 6, 2, 6),
        (5, 1, 4, 4),
        # All at once, on one device, though the other one is idle; and on one device alone.
        (7, 7, 2, 7),
        (7, 6, 1, 1),
    ],
)
def test_the_last_round_is_shorter_where_devices_would_be_idle(n_members, members_per_device, n_devices, size):
    assert round_size(n_members, 1, members_per_device, n_devices) == size


@pytest.mark.parametrize("n_devices", [2, 3, 4, 8])
def test_every_round_fits_and_all_but_the_last_use_most_devices(n_devices):
    for n_members in range(2 * n_devices, 70):
        size = round_size(n_members, 1, 5, n_devices)
        assert all(one // devices_used(one, n_devices) <= 5 for one in (size, n_members % size))
        assert size == n_members or 2 * devices_used(size, n_devices) > n_devices


def test_every_process_gets_a_round():
    assert round_size(2, 10, 100, 1, n_processes=2) == 10
    assert round_size(2, 10, 100, 1, n_processes=3) == 5
    assert round_size(1, 7, 100, 1, n_processes=2) == 1
    assert round_size(2, 2, 100, 1, n_processes=6) == 1
    assert round_size(1, 7, 100, 2, n_processes=2) == 2


def test_a_members_key_depends_on_itself_alone():
    def as_bits(members):
        return np.asarray(jax.random.key_data(member_keys(members)))

    np.testing.assert_array_equal(as_bits(MEMBERS)[2:], as_bits(MEMBERS[2:]))
    several = (*MEMBERS, Member("female", "03", 0), Member("female", "08", 0), Member("all", ONLY_FOLD, 0))
    np.testing.assert_array_equal(as_bits(several)[:4], as_bits(MEMBERS))
    assert len({tuple(key) for key in as_bits(several)}) == 7


def test_keys_of_the_papers_members_are_folded_with_the_number_of_their_group():
    keys = [jax.random.fold_in(jax.random.key(seed), number) for number in (0, 1) for seed in (0, 3)]
    np.testing.assert_array_equal(jax.random.key_data(member_keys(MEMBERS)), list(map(jax.random.key_data, keys)))


def test_taken_members_keep_their_leading_axis_and_order():
    taken = take_members({"params": {"bias": np.arange(8).reshape(4, 2)}}, [3, 1])
    assert taken["params"]["bias"].tolist() == [[6, 7], [2, 3]]


def on_four_devices() -> dict[str, str]:
    tests = Path(__file__).parent
    return {**environment(), **devices(4), "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}"}


_RECORDINGS_ON_FOUR_DEVICES = """
import types, jax, jax.numpy as jnp
from convcam_jax.training import ensemble
import test_ensemble as t
def step(keys, state, recordings, batch, index):
    found.append(recordings)
    raise InterruptedError
found, ensemble.step_program = [], lambda *_: step
begun = types.SimpleNamespace(stopped=jnp.zeros(4, bool))
epochs = ensemble.train_epochs(begun, 1, t.RECORDINGS, t.plan_of(t.MEMBERS), t.NETWORK, t.CONFIG)
try:
    next(epochs)
except InterruptedError:
    pass
[[*leaves]] = found
assert all(len(own.sharding.device_set) == 4 and own.sharding.is_fully_replicated for own in leaves), leaves
"""


def test_recordings_are_on_every_device_before_the_first_step():
    """From one device they would be copied to the others at every step."""
    subprocess.run([sys.executable, "-c", _RECORDINGS_ON_FOUR_DEVICES], check=True, env=on_four_devices())


_ON_FOUR_DEVICES = """
import sys, jax, numpy as np
assert jax.device_count() == 4
from convcam_jax.training.ensemble import init_round, member_mesh
import test_ensemble as t
assert [member_mesh(n).size for n in (1, 2, 3, 4, 6, 8)] == [1, 2, 3, 4, 3, 4]
state = init_round(t.MEMBERS, t.NETWORK, t.CONFIG, t.GRID)
assert len(state.variables["params"]["output"]["kernel"].sharding.device_set) == 4
variables, scores, running, _ = t.train(t.MEMBERS)
leaves = {str(i): leaf for i, leaf in enumerate(jax.tree.leaves(variables))}
np.savez(sys.argv[1], scores=scores, running=running, **leaves)
"""


@pytest.mark.slow
def test_members_on_four_devices_equal_those_on_one(together, tmp_path):
    line = [sys.executable, "-c", _ON_FOUR_DEVICES, str(tmp_path / "four.npz")]
    subprocess.run(line, check=True, env=on_four_devices())
    variables, scores, running, _ = together
    with np.load(tmp_path / "four.npz") as four:
        np.testing.assert_array_equal(four["running"], running)
        np.testing.assert_allclose(four["scores"], scores, rtol=2e-4, atol=1e-5)
        for index, leaf in enumerate(jax.tree.leaves(variables)):
            np.testing.assert_allclose(four[str(index)], leaf, atol=2e-3 * CONFIG.learning_rate)
