"""The optimizer by hand, and steps of a training with everything that is off by default."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_network import GRID, NETWORK, WITHOUT_DROPOUT, make_recordings

from convcam_jax.data.recordings import ABSENT, take
from convcam_jax.system.errors import UserError
from convcam_jax.training.augmentation import NONE, Augmentation
from convcam_jax.training.class_weights import balanced_weights
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.member import Scores, augmented_loss, end_epoch, init_member, score_batch, train_step
from convcam_jax.training.optimizer import Learning, learning_of, learning_rate_at, make_optimizer

PARAMS, GRADIENT = {"w": jnp.array([2.0, -1.0])}, {"w": jnp.array([3.0, 4.0])}
RECORDINGS = make_recordings()
BATCH = jnp.array([3, 0, ABSENT, 11, 20])
LAYOUT = 400
KEY = jax.random.key(5)
ALL = Learning(
    0.01,
    warmup_steps=1,
    decay_steps=6,
    weight_decay=0.01,
    clip_norm=1.0,
    average_decay=0.5,
    weighs_classes=True,
    label_smoothing=0.1,
    augmentation=Augmentation(
        shift_bins=2, shift_frames=3, masked_bins=2, masked_frames=3, gain=2.0, filter_db=3.0, mixup=0.4
    ),
)


def first_update(learning: Learning) -> np.ndarray:
    optimizer = make_optimizer(learning)
    return np.asarray(optimizer.update(GRADIENT, optimizer.init(PARAMS), PARAMS)[0]["w"])


def test_by_default_it_is_adam():
    assert learning_of(TrainConfig(), 20) == Learning(0.001)
    assert not learning_of(TrainConfig(), 20).changes_loss()
    expected = optax.adam(0.001).init(PARAMS)
    assert jax.tree.structure(make_optimizer(Learning(0.001)).init(PARAMS)) == jax.tree.structure(expected)
    # The first step of Adam is as long as the learning rate, in every parameter.
    np.testing.assert_allclose(first_update(Learning(0.001)), [-0.001, -0.001], rtol=1e-5)


def test_weights_decay_by_hand():
    np.testing.assert_allclose(
        first_update(Learning(0.001, weight_decay=0.1)), [-0.001 * (1 + 0.2), -0.001 * (1 - 0.1)], rtol=1e-5
    )


def test_long_gradients_are_shortened_and_short_ones_left():
    """Adam's second step tells lengths: m / sqrt(v) of gradients 5 long, then half as long or clipped to as long."""
    for norm, second in ((1.0, 1.0), (100.0, 0.5)):
        optimizer = make_optimizer(Learning(1.0, clip_norm=norm))
        state = optimizer.init(PARAMS)
        _, state = optimizer.update(GRADIENT, state, PARAMS)
        update, _ = optimizer.update(jax.tree.map(lambda g: g / 2, GRADIENT), state, PARAMS)
        mean = (0.9 * 0.1 + 0.1 * second) / (1 - 0.9**2)
        square = (0.999 * 0.001 + 0.001 * second**2) / (1 - 0.999**2)
        np.testing.assert_allclose(update["w"], [-mean / np.sqrt(square)] * 2, rtol=1e-4)


def test_the_learning_rate_rises_and_falls_by_hand():
    config = TrainConfig(epochs=5, warmup_epochs=1, schedule="cosine", learning_rate=0.002)
    rate = learning_rate_at(learning_of(config, n_steps=10))
    np.testing.assert_allclose([rate(step) for step in (0, 5, 10, 30, 50)], [0, 0.001, 0.002, 0.001, 0], atol=1e-9)
    rate = learning_rate_at(learning_of(dataclasses.replace(config, schedule="constant"), n_steps=10))
    np.testing.assert_allclose([rate(step) for step in (0, 5, 10, 50)], [0, 0.001, 0.002, 0.002], atol=1e-9)
    assert learning_rate_at(Learning(0.002)) == 0.002


def test_one_cycle_rises_for_three_tenths_and_falls_to_nearly_nothing():
    config = TrainConfig(epochs=5, schedule="one_cycle", learning_rate=0.002)
    rate = learning_rate_at(learning_of(config, n_steps=20))
    found = [float(rate(step)) for step in range(101)]
    np.testing.assert_allclose(
        [found[0], found[15], found[30]], [0.002 / 25, 0.002 * (1 + 1 / 25) / 2, 0.002], rtol=1e-4
    )
    assert np.all(np.diff(found[:31]) > 0)
    assert np.all(np.diff(found[30:]) < 0)
    assert found[100] < 1e-4 * 0.002


def test_one_cycle_takes_no_other_warm_up():
    with pytest.raises(UserError, match=r"^config field train\.warmup_epochs: must be 0 with"):
        TrainConfig(schedule="one_cycle", warmup_epochs=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"average_decay": 1.0},
        {"average_decay": -0.1},
        {"warmup_epochs": -1},
        {"warmup_epochs": 5},
        {"weight_decay": -0.1},
        {"clip_norm": -1.0},
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"shift_bins": -1},
        {"shift_frames": -1},
        {"masked_bins": -1},
        {"masked_frames": -1},
        {"gain": 0.5},
        {"filter_db": -1.0},
        {"mixup": -0.1},
    ],
)
def test_fields_that_do_not_work_are_named(fields):
    [name] = fields
    with pytest.raises(UserError, match=rf"^config field train\.{name}: must "):
        TrainConfig(**fields)


def test_every_augmentation_is_a_field_of_the_config_and_changes_the_loss():
    for name, none in NONE._asdict().items():
        learning = learning_of(TrainConfig(**{name: none + 1}), 1)
        assert learning.augmentation == NONE._replace(**{name: none + 1})
        assert learning.changes_loss()


@pytest.fixture(scope="module")
def state():
    return jax.jit(partial(init_member, network=NETWORK, learning=ALL, grid=GRID))(jax.random.key(1))


def test_a_loss_without_any_change_is_the_plain_one_with_the_same_dropout(state):
    plain = jax.jit(partial(score_batch, network=NETWORK, layout=LAYOUT))
    changed = jax.jit(partial(augmented_loss, network=NETWORK, layout=LAYOUT, learning=Learning(0.01)))
    expected = plain(state.variables, RECORDINGS, BATCH, key=KEY)[0]
    loss, (scores, _) = changed(KEY, state, RECORDINGS, BATCH)
    np.testing.assert_allclose(loss, expected.mean_loss(), rtol=1e-6)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_smoothed_labels_by_hand(state):
    learning = Learning(0.01, label_smoothing=0.3)
    own = jax.jit(partial(augmented_loss, network=WITHOUT_DROPOUT, layout=LAYOUT, learning=learning))
    loss, _ = own(KEY, state, RECORDINGS, BATCH)
    logits, _ = jax.jit(WITHOUT_DROPOUT.logits, static_argnums=2)(state.variables, take(RECORDINGS, BATCH), LAYOUT)
    rows = np.array([0, 1, 3, 4])
    targets = 0.7 * np.eye(3)[np.asarray(RECORDINGS.emotion)[np.asarray(BATCH)[rows]]] + 0.1
    expected = -(targets * np.asarray(jax.nn.log_softmax(logits))[rows]).sum(axis=1).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_weighed_classes_by_hand(state):
    """Each recording's loss times the weight of its class, over the number of recordings."""
    own = jax.jit(partial(augmented_loss, network=WITHOUT_DROPOUT, layout=LAYOUT, learning=Learning(0.01)))
    weights = np.array([0.5, 2.0, 0.0], np.float32)
    loss, (scores, _) = own(KEY, state._replace(class_weights=jnp.asarray(weights)), RECORDINGS, BATCH)
    logits, _ = jax.jit(WITHOUT_DROPOUT.logits, static_argnums=2)(state.variables, take(RECORDINGS, BATCH), LAYOUT)
    rows = np.array([0, 1, 3, 4])
    emotion = np.asarray(RECORDINGS.emotion)[np.asarray(BATCH)[rows]]
    losses = -np.asarray(jax.nn.log_softmax(logits))[rows, emotion]
    np.testing.assert_allclose(loss, (weights[emotion] * losses).mean(), rtol=1e-5)
    np.testing.assert_allclose(scores.mean_loss(), losses.mean(), rtol=1e-5)


def test_a_smoothed_label_counts_as_a_whole_by_the_weight_of_its_class(state):
    """Of one recording: its weight times the cross-entropy to its smoothed label."""
    learning = Learning(0.01, label_smoothing=0.3)
    own = jax.jit(partial(augmented_loss, network=WITHOUT_DROPOUT, layout=LAYOUT, learning=learning))
    weights, one = np.array([0.5, 2.0, 150.0], np.float32), jnp.array([3])
    assert RECORDINGS.emotion[3] == 0
    loss, _ = own(KEY, state._replace(class_weights=jnp.asarray(weights)), RECORDINGS, one)
    logits, _ = jax.jit(WITHOUT_DROPOUT.logits, static_argnums=2)(state.variables, take(RECORDINGS, one), LAYOUT)
    expected = -0.5 * (np.array([0.8, 0.1, 0.1]) * np.asarray(jax.nn.log_softmax(logits))[0]).sum()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_at_the_optimum_the_answer_is_the_label_however_unequal_the_classes_are(state, monkeypatch):
    """Of logits that are free for each recording, so that the optimum is the targets, divided by their total."""
    emotion = np.repeat([0, 1, 2], [1, 9, 90])
    recordings = make_recordings(100)._replace(emotion=jnp.asarray(emotion))
    own = state._replace(class_weights=balanced_weights(jnp.asarray(np.bincount(emotion))))
    learning = Learning(0.01, label_smoothing=0.05)

    def loss(logits):
        monkeypatch.setattr(type(NETWORK), "logits", lambda *_: (logits, own.variables))
        return augmented_loss(KEY, own, recordings, jnp.arange(100), NETWORK, LAYOUT, learning)[0]

    # At logits of 0 the gradient is a third of a recording's total minus its targets.
    gradient = np.asarray(jax.grad(loss)(jnp.zeros((100, 3))))
    np.testing.assert_array_equal((-gradient).argmax(axis=1), emotion)
    # Each class has the same share of the loss: of all classes the gradients are as long in sum.
    length = np.bincount(emotion, np.abs(gradient).sum(axis=1))
    np.testing.assert_allclose(length, length[0], rtol=1e-4)


def test_what_is_validated_and_kept_is_the_average(state):
    validation = Scores(jnp.float32(4.0), jnp.float32(3.0), jnp.float32(4.0))
    other = jax.tree.map(lambda leaf: leaf + 1, state.average.variables)
    moved = state._replace(average=state.average._replace(variables=other))
    assert moved.variables_in_use() is other
    kept = jax.jit(partial(end_epoch, patience_epochs=1))(moved, jnp.asarray(1), validation).best_variables
    jax.tree.map(np.testing.assert_array_equal, kept, other)
    assert state._replace(average=None).variables_in_use() is state.variables


def test_a_member_learns_with_everything_on_and_repeats_by_its_key(state):
    step = jax.jit(partial(train_step, network=NETWORK, layout=LAYOUT, learning=ALL))
    ends = []
    for _ in range(2):
        own = state
        for number in range(6):
            own, scores = step(jax.random.fold_in(KEY, number), own, RECORDINGS, BATCH)
            assert np.isfinite(scores.mean_loss())
            assert scores.recordings == 4
        ends.append(own.variables)
        assert int(own.average.n_steps) == 6
    assert any((a != b).any() for a, b in zip(*map(jax.tree.leaves, (ends[0], state.variables)), strict=True))
    jax.tree.map(np.testing.assert_array_equal, *ends)
