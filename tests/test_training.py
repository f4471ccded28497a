from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import reference_simplenet
from reference_simplenet import relative_error
from small_network import (
    GRID,
    N_INPUT_FRAMES,
    NETWORK,
    WITHOUT_DROPOUT,
    drawn_variables,
    make_recordings,
    make_variables,
)

from convcam_jax.data.batches import frames_of, stratify
from convcam_jax.data.recordings import ABSENT, Recordings
from convcam_jax.networks.network import Variables
from convcam_jax.networks.simplenet import SimpleNet, SimpleNetConfig
from convcam_jax.paper import published
from convcam_jax.training.member import (
    QUICKLY_COMPILED,
    MemberState,
    Scores,
    augmented_loss,
    compiler_options,
    end_epoch,
    init_member,
    score_batch,
    train_step,
)
from convcam_jax.training.optimizer import Learning

RECORDINGS = make_recordings()
LAYOUT = 400
LEARNING_RATE = 0.01
LEARNING = Learning(LEARNING_RATE)
OPTIMIZER = optax.adam(LEARNING_RATE)
BATCH = jnp.array([3, 0, 7, 11, 20])
step = jax.jit(partial(train_step, network=WITHOUT_DROPOUT, layout=LAYOUT, learning=LEARNING))
step_with_dropout = jax.jit(partial(train_step, network=NETWORK, layout=LAYOUT, learning=LEARNING))


@jax.jit
def score(variables: Variables, recordings: Recordings, batch: jax.Array) -> Scores:
    return score_batch(variables, recordings, batch, WITHOUT_DROPOUT, LAYOUT)[0]


@pytest.fixture(scope="module")
def state() -> MemberState:
    variables = make_variables()
    worst = jnp.float32(-jnp.inf), jnp.float32(jnp.inf)
    optimizer_state = OPTIMIZER.init(variables["params"])
    return MemberState(variables, optimizer_state, variables, *worst, jnp.zeros((), int), jnp.zeros((), bool))


@jax.jit
def reference_loss(params: dict, batch: jax.Array, recordings: Recordings = RECORDINGS) -> jax.Array:
    logits = reference_simplenet.logits(params, recordings.spectrograms[batch])
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(batch)), recordings.emotion[batch]])


def assert_trees_close(left, right, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), left, right)


def test_scores_equal_those_of_the_plain_network(state):
    scores, params = score(state.variables, RECORDINGS, BATCH), state.variables["params"]
    logits = jax.jit(reference_simplenet.logits)(params, RECORDINGS.spectrograms[BATCH])
    np.testing.assert_allclose(scores.mean_loss(), reference_loss(params, BATCH), rtol=1e-5)
    np.testing.assert_allclose(scores.accuracy(), np.mean(logits.argmax(-1) == RECORDINGS.emotion[BATCH]), rtol=1e-6)
    assert scores.recordings == len(BATCH)


def test_loss_and_gradients_at_real_lengths_are_those_of_a_plain_convolution():
    """Sixteen recordings as long as the paper's, on inputs of its size, packed as training packs them."""
    n_frames = published.load().recordings["n_frames"].to_numpy()
    strata = stratify(n_frames, np.arange(len(n_frames)), n_steps=4, n_strata=16)
    batch = jnp.asarray(strata[:, 1][strata[:, 1] != ABSENT])
    assert n_frames[batch].max() > 2 * n_frames[batch].min()
    inside = np.arange(202) < n_frames[:, None, None]
    generator = np.random.default_rng(0)
    spectrograms = generator.exponential(0.3, (len(n_frames), 96, 202)).astype(np.float32) * inside
    recordings = Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), jnp.asarray(np.arange(len(n_frames)) % 3))
    params = drawn_variables(NETWORK, (96, 202), seed=0)["params"]
    layout = NETWORK.layout(frames_of(n_frames, strata))

    def packed(own):
        return score_batch({"params": own}, recordings, batch, WITHOUT_DROPOUT, layout)[0].mean_loss()

    loss, gradient = jax.jit(jax.value_and_grad(packed))(params)
    expected_loss, expected = jax.jit(jax.value_and_grad(lambda own: reference_loss(own, batch, recordings)))(params)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)

    errors = jax.tree.map(relative_error, gradient, expected)
    assert max(jax.tree.leaves(errors)) < 5e-5, errors


def test_two_steps_are_those_of_adam_by_hand(state):
    """Kingma & Ba (2015), algorithm 1, in NumPy on the gradients of the plain network."""
    gradient_of = jax.jit(jax.grad(reference_loss))
    params = jax.tree.map(lambda p: np.asarray(p, np.float64), state.variables["params"])
    first = jax.tree.map(np.zeros_like, params)
    second = jax.tree.map(np.zeros_like, params)
    trained = state
    for t, batch in enumerate((BATCH, jnp.array([1, 2, 5, 6, 23])), start=1):
        trained, _ = step(jax.random.key(t), trained, RECORDINGS, batch)
        gradient = gradient_of(jax.tree.map(jnp.float32, params), batch)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * np.asarray(g, np.float64), first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * np.asarray(g, np.float64) ** 2, second, gradient)

        def update(p, m, v, t=t):
            return p - LEARNING_RATE * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

        params = jax.tree.map(update, params, first, second)
    # A step is about the learning rate; where a gradient is nearly zero, Adam magnifies what was rounded.
    assert_trees_close(trained.variables["params"], params, atol=1e-3 * LEARNING_RATE, rtol=1e-5)


def test_absent_recordings_have_no_influence(state):
    key = jax.random.key(0)
    padded = jnp.concatenate([BATCH[:2], jnp.array([ABSENT]), BATCH[2:], jnp.array([ABSENT, ABSENT])])
    expected, expected_scores = step(key, state, RECORDINGS, BATCH)
    updated, scores = step(key, state, RECORDINGS, padded)
    assert_trees_close(scores, expected_scores, rtol=1e-6)
    gradient_size = jax.tree.map(lambda m: 1e-5 * np.abs(m).max(), expected.optimizer_state[0].mu)
    jax.tree.map(
        lambda a, b, size: np.testing.assert_allclose(a, b, atol=size),
        updated.optimizer_state[0].mu,
        expected.optimizer_state[0].mu,
        gradient_size,
    )


class EndlessWhereEmpty(SimpleNet):
    """Logits beyond all numbers in empty places, as deep networks may have, and a bias in the others."""

    def logits(self, variables, batch, layout, key=None):
        empty = batch.n_frames == 0
        return jnp.where(empty[:, None], jnp.inf, variables["params"]["bias"][None]), variables


@pytest.mark.parametrize("learning", [LEARNING, Learning(LEARNING_RATE, label_smoothing=0.1)])
def test_a_loss_beyond_all_numbers_in_an_empty_place_does_not_count(learning):
    variables = {"params": {"bias": jnp.zeros(3)}}
    key, network = jax.random.key(0), EndlessWhereEmpty(WITHOUT_DROPOUT.config, 3)
    optimizer_state = OPTIMIZER.init(variables["params"])
    zero = jnp.zeros(())
    state = MemberState(variables, optimizer_state, variables, zero, zero, jnp.array(0), jnp.array(False))
    # Not compiled, where the compiler could make a choice of a product by 0.
    loss, (scores, _) = augmented_loss(key, state, RECORDINGS, jnp.array([ABSENT, 1]), network, LAYOUT, learning)
    # Of three equal logits.
    assert [float(loss), float(scores.loss), int(scores.recordings)] == pytest.approx([np.log(3), np.log(3), 1])
    nothing, _ = score_batch(variables, RECORDINGS, jnp.full(2, ABSENT), network, LAYOUT)
    assert [float(value) for value in nothing] == [0, 0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("learning", [LEARNING, Learning(LEARNING_RATE, label_smoothing=0.1)])
def test_a_batch_without_recordings_has_the_loss_0_and_no_gradient(learning, state):
    batch = jnp.full(4, ABSENT)
    # Not compiled, where the compiler could leave out 0 / 0 times 0.
    updated, scores = train_step(jax.random.key(0), state, RECORDINGS, batch, WITHOUT_DROPOUT, LAYOUT, learning)
    assert [int(value) for value in scores] == [0, 0, 0]
    jax.tree.map(np.testing.assert_array_equal, updated.variables, state.variables)


def test_a_batch_without_recordings_changes_nothing_but_the_place_in_the_schedule():
    learning = Learning(LEARNING_RATE, 2, 9, weight_decay=0.1, clip_norm=1.0, average_decay=0.9)
    one_step = jax.jit(
        lambda state, batch: train_step(jax.random.key(2), state, RECORDINGS, batch, WITHOUT_DROPOUT, LAYOUT, learning)
    )
    start = jax.jit(lambda key: init_member(key, WITHOUT_DROPOUT, learning, GRID))(jax.random.key(1))
    twice, _ = one_step(one_step(start, BATCH)[0], BATCH)
    rested, _ = one_step(twice, jnp.full_like(BATCH, ABSENT))
    [place] = {int(own.count) for own in schedules(twice)}
    assert {int(own.count) for own in schedules(rested)} == {place + 1} == {3}
    jax.tree.map(
        lambda new, old: None if is_schedule(new) else np.testing.assert_array_equal(new, old),
        rested,
        twice,
        is_leaf=is_schedule,
    )
    assert any(
        np.any(new != old) for new, old in zip(*map(jax.tree.leaves, (twice.variables, start.variables)), strict=True)
    )


def is_schedule(part: Any) -> bool:
    return isinstance(part, optax.ScaleByScheduleState)


def schedules(state: MemberState) -> list[optax.ScaleByScheduleState]:
    return [own for own in jax.tree.leaves(state.optimizer_state, is_leaf=is_schedule) if is_schedule(own)]


def test_what_lies_behind_a_recording_has_no_influence(state):
    behind = np.arange(N_INPUT_FRAMES) >= np.asarray(RECORDINGS.n_frames)[:, None, None]
    disturbed = RECORDINGS._replace(spectrograms=jnp.where(behind, 1e3, RECORDINGS.spectrograms))
    left, right = (score(state.variables, own, BATCH) for own in (disturbed, RECORDINGS))
    assert_trees_close(left, right, rtol=0)


def test_the_loss_falls(state):
    losses = []
    trained = state
    for index in range(40):
        trained, scores = step(jax.random.key(index), trained, RECORDINGS, BATCH)
        losses.append(float(scores.mean_loss()))
    assert losses[-1] < 0.5 * losses[0]
    np.testing.assert_allclose(losses[0], reference_loss(state.variables["params"], BATCH), rtol=1e-5)


def test_dropout_depends_on_its_key_alone(state):
    losses = [float(step_with_dropout(jax.random.key(k), state, RECORDINGS, BATCH)[1].loss) for k in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_a_new_member_has_its_own_best_variables():
    initialise = jax.jit(partial(init_member, network=NETWORK, learning=LEARNING, grid=GRID))
    member, same, other = (initialise(jax.random.key(seed)) for seed in (0, 0, 1))
    assert_trees_close(member.variables, member.best_variables, rtol=0)
    assert_trees_close(member.variables, same.variables, rtol=0)
    kernels = [own.variables["params"]["convolutions_0"]["kernel"] for own in (member, other)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01
    # Glorot uniform of a 3x3 kernel from 1 channel to 3: within +-sqrt(6 / (9 + 27)).
    assert np.abs(kernels[0]).max() <= np.sqrt(6 / 36)
    assert all((np.asarray(layer["bias"]) == 0).all() for layer in member.variables["params"].values())
    assert (float(member.best_validation_accuracy), float(member.best_validation_loss)) == (-np.inf, np.inf)
    assert (int(member.best_epoch), bool(member.stopped)) == (0, False)


def follow(scores: list[tuple[float, float]], patience: int) -> list[tuple[float, float, int, bool]]:
    """Best variables (a number that is the epoch), best loss, best epoch and stopped after every epoch.

    `scores` are the correct ones of 4 recordings and the mean loss of every epoch.
    """
    finish = jax.jit(partial(end_epoch, patience_epochs=patience))
    zero = jnp.zeros(())
    worst = jnp.float32(-jnp.inf), jnp.float32(jnp.inf)
    state = MemberState(zero, (), zero, *worst, jnp.zeros((), int), jnp.zeros((), bool))
    result = []
    for epoch, (correct, loss) in enumerate(scores, start=1):
        validation = Scores(jnp.float32(4 * loss), jnp.float32(correct), jnp.float32(4))
        state = finish(state._replace(variables=jnp.float32(epoch)), jnp.asarray(epoch), validation)
        best = float(state.best_variables), float(state.best_validation_loss), int(state.best_epoch)
        result.append((*best, bool(state.stopped)))
    return result


def test_the_best_state_is_kept_and_patience_ends_training():
    assert follow([(1, 3.0), (2, 4.0), (2, 3.5), (1, 1.0), (2, 3.5), (3, 1.0)], patience=2) == [
        (1, 3.0, 1, False),
        # More accurate at a higher loss; then as accurate at a lower one; then less accurate.
        (2, 4.0, 2, False),
        (3, 3.5, 3, False),
        (3, 3.5, 3, False),
        # Equal is not better; and once stopped, a member does not change.
        (3, 3.5, 3, True),
        (3, 3.5, 3, True),
    ]


def test_a_better_epoch_renews_the_patience():
    losses = [3.0, 3.5, 2.0, 2.5, 1.0, 1.5, 1.5]
    assert [row[3] for row in follow([(1, loss) for loss in losses], patience=2)] == [False] * 6 + [True]


def test_a_loss_that_is_not_finite_is_never_the_best():
    assert follow([(1, 2.0), (2, float("nan"))], patience=3)[1] == (1, 2.0, 1, False)


def test_programs_of_the_embedded_corpus_are_compiled_quickly_and_those_of_the_papers_network_well():
    full_config = SimpleNetConfig()
    small, full = (config.make(n_classes=6) for config in (full_config.small(), full_config))
    assert compiler_options(small) == QUICKLY_COMPILED
    assert compiler_options(full) is None
    assert jax.jit(lambda x: x + 1, compiler_options=compiler_options(small))(1) == 2
