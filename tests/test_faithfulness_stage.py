"""The curves of a group of members equal those of the plain network, recording by recording."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import reference_simplenet
from scipy.special import softmax
from small_network import MODEL, N_BINS, N_INPUT_FRAMES, make_params, make_recordings

from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS, blurred, shares
from convcam_jax.settings.config import Config, CorpusConfig, FaithfulnessConfig, FeatureConfig, TrainConfig
from convcam_jax.stages.faithfulness import measure_curves
from convcam_jax.training.ensemble import Member

CONFIG = dataclasses.replace(
    Config(),
    corpus=CorpusConfig(emotions=("anger", "fear", "neutral"), max_frames=N_INPUT_FRAMES),
    features=FeatureConfig(cqt_bins=N_BINS),
    model=MODEL.config,
    train=TrainConfig(batch_size=4),
    faithfulness=FaithfulnessConfig(steps=3),
)
MEMBERS = (Member("male", 0), Member("male", 5))
PARAMS = [make_params(seed=1), make_params(seed=2)]
RECORDINGS = make_recordings(7)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
SPECTROGRAMS = np.asarray(RECORDINGS.spectrograms)
STEPS = shares(3)
plain_logits = jax.jit(reference_simplenet.logits)


def probabilities(params, inputs, labels):
    """[N] by the plain network."""
    return softmax(np.asarray(plain_logits(params, jnp.asarray(inputs)), float), axis=-1)[np.arange(7), labels]


def test_curves_are_those_of_the_plain_network():
    inside = np.arange(N_INPUT_FRAMES) < N_FRAMES[:, None, None]
    maps = np.random.default_rng(1).random((2, *SPECTROGRAMS.shape)).astype(np.float32) * inside
    labels = np.stack([np.arange(7) % 3, (np.arange(7) + 1) % 3])
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *PARAMS)
    found = measure_curves(CONFIG, MEMBERS, stacked, RECORDINGS, maps, labels)
    assert found.shape == (2, 7, len(CURVES), len(FILLS), len(ORDERS), len(STEPS))
    blurs = np.stack([blurred(s, n) for s, n in zip(SPECTROGRAMS, N_FRAMES, strict=True)])
    fills = [np.zeros_like(SPECTROGRAMS), blurs]
    scores = {"map": maps, "energy": np.stack([SPECTROGRAMS] * 2)}
    for member, params in enumerate(PARAMS):
        original = probabilities(params, SPECTROGRAMS, labels[member])
        for number, fill in enumerate(fills):
            filled = probabilities(params, fill, labels[member])
            for order in range(len(ORDERS)):
                np.testing.assert_allclose(found[member, :, 0, number, order, 0], original, rtol=1e-4)
                np.testing.assert_allclose(found[member, :, 0, number, order, -1], filled, rtol=1e-4)
                np.testing.assert_allclose(found[member, :, 1, number, order, 0], filled, rtol=1e-4)
                np.testing.assert_allclose(found[member, :, 1, number, order, -1], original, rtol=1e-4)
            for name, own in scores.items():
                first = np.stack([top_cells(own[member, i], n, STEPS[1]) for i, n in enumerate(N_FRAMES)])
                expected = (
                    probabilities(params, np.where(first, fill, SPECTROGRAMS), labels[member]),
                    probabilities(params, np.where(first, SPECTROGRAMS, fill), labels[member]),
                )
                for curve in range(2):
                    values = found[member, :, curve, number, ORDERS.index(name), 1]
                    np.testing.assert_allclose(values, expected[curve], rtol=1e-4)
    # The orders by chance are no one's else, and not each other's.
    between = found[:, :, 0, 0, :, 1]
    for one in range(len(ORDERS)):
        for other in range(one):
            assert (np.abs(between[..., one] - between[..., other]) > 1e-6).mean() > 0.8


def top_cells(scores, n_frames, share):
    """Cells [F, T] of the recording with the highest scores; there are no ties."""
    own = scores[:, :n_frames]
    count = round(share * own.size)
    threshold = np.sort(own.ravel())[own.size - count]
    chosen = np.zeros(scores.shape, bool)
    chosen[:, :n_frames] = own >= threshold
    assert chosen.sum() == count
    return chosen
