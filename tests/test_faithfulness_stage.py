"""The curves of members equal those of one plain network after the other, whatever the network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from toy_network import GRID, N_CLASSES, TOY, toy_recordings, toy_variables, variables_of

from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS, blurred_within, shares
from convcam_jax.checks.faithfulness.member_curves import OwnMaps, explained_labels, member_curves
from convcam_jax.data.recordings import Batch

N = 7
SEEDS = (0, 5)
RECORDINGS = toy_recordings(N)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
SPECTROGRAMS = np.asarray(RECORDINGS.spectrograms)
MAPS = np.random.default_rng(1).random((2, N, *GRID)).astype(np.float32) * (
    np.arange(GRID[1]) < N_FRAMES[:, None, None]
)
LABELS = np.stack([np.arange(N) % 3, (np.arange(N) + 1) % 3])
STEPS = shares(3)


def probabilities(member, inputs):
    """[N] of the member's labels, by the whole network at once."""
    batch = Batch(jnp.asarray(inputs, jnp.float32), RECORDINGS.n_frames)
    logits = TOY.logits(variables_of(toy_variables(SEEDS), member), batch, 0)[0]
    return softmax(np.asarray(logits, float), axis=-1)[np.arange(N), LABELS[member]]


def top_cells(scores, n_frames, share):
    """Cells [F, T] of the recording with the highest scores; there are no ties."""
    own = scores[:, :n_frames]
    count = round(share * own.size)
    threshold = np.sort(own.ravel())[own.size - count]
    chosen = np.zeros(scores.shape, bool)
    chosen[:, :n_frames] = own >= threshold
    assert chosen.sum() == count
    return chosen


@pytest.fixture(scope="module")
def found():
    own = OwnMaps(np.array(SEEDS), MAPS, LABELS)
    return member_curves(toy_variables(SEEDS), own, RECORDINGS, TOY, batch_size=4, n_steps=3, first=0)


@pytest.mark.parametrize("member", [0, 1])
def test_curves_are_those_of_the_plain_network(found, member):
    assert found.shape == (2, N, len(CURVES), len(FILLS), len(ORDERS), len(STEPS))
    blurs = np.stack([blurred_within(s, n) for s, n in zip(SPECTROGRAMS, N_FRAMES.tolist(), strict=True)])
    scores = {"map": MAPS[member], "energy": SPECTROGRAMS}
    original = probabilities(member, SPECTROGRAMS)
    for number, fill in enumerate([np.zeros_like(SPECTROGRAMS), blurs]):
        filled = probabilities(member, fill)
        for order in range(len(ORDERS)):
            for curve, (first, last) in enumerate([(original, filled), (filled, original)]):
                np.testing.assert_allclose(found[member, :, curve, number, order, 0], first, rtol=1e-4)
                np.testing.assert_allclose(found[member, :, curve, number, order, -1], last, rtol=1e-4)
        for name, own in scores.items():
            first = np.stack([top_cells(own[i], n, STEPS[1]) for i, n in enumerate(N_FRAMES)])
            deleted, inserted = np.where(first, fill, SPECTROGRAMS), np.where(first, SPECTROGRAMS, fill)
            for curve, inputs in enumerate((deleted, inserted)):
                values = found[member, :, curve, number, ORDERS.index(name), 1]
                np.testing.assert_allclose(values, probabilities(member, inputs), rtol=1e-4)


def test_the_orders_by_chance_are_no_one_elses(found):
    between = found[:, :, 0, 0, :, 1]
    for one in range(len(ORDERS)):
        for other in range(one):
            assert (np.abs(between[..., one] - between[..., other]) > 1e-6).mean() > 0.8


def test_a_member_does_not_depend_on_the_others(found):
    own = OwnMaps(np.array(SEEDS[1:]), MAPS[1:], LABELS[1:])
    alone = jax.tree.map(lambda leaf: leaf[1:], toy_variables(SEEDS))
    found_alone = member_curves(alone, own, RECORDINGS, TOY, batch_size=4, n_steps=3, first=0)
    np.testing.assert_allclose(found_alone[0], found[1], rtol=1e-5)


def test_every_fold_has_orders_by_chance_of_its_own(found):
    own = OwnMaps(np.array(SEEDS), MAPS, LABELS)
    in_second_fold = member_curves(toy_variables(SEEDS), own, RECORDINGS, TOY, batch_size=4, n_steps=3, first=N)
    between = np.abs(in_second_fold - found)[:, :, 0, 0, :, 1]
    for number, order in enumerate(ORDERS):
        if order in ("random", "shifted_map"):
            assert (between[..., number] > 1e-6).mean() > 0.8
        else:
            assert between[..., number].max() < 1e-6


def test_a_random_order_belongs_to_the_number_of_the_recording(found):
    own = OwnMaps(np.array(SEEDS), MAPS[:, 3:], LABELS[:, 3:])
    some = jax.tree.map(lambda leaf: leaf[3:], RECORDINGS)
    of_some = member_curves(toy_variables(SEEDS), own, some, TOY, batch_size=4, n_steps=3, first=3)
    random = ORDERS.index("random")
    np.testing.assert_allclose(of_some[..., random, :], found[:, 3:, ..., random, :], rtol=1e-5)


def test_the_class_that_is_explained():
    logits = np.random.default_rng(2).normal(size=(2, N, N_CLASSES))
    emotion = np.arange(N) % N_CLASSES
    np.testing.assert_array_equal(explained_labels("truth", emotion, logits), [emotion, emotion])
    np.testing.assert_array_equal(explained_labels("predicted", emotion, logits), logits.argmax(2))
