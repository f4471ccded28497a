"""Members that share their recordings are explained as one recording after another by the plain network."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
import toy_network
from small_network import GRID, NETWORK, make_recordings, make_variables

from convcam_jax.attribution import METHODS, answering
from convcam_jax.attribution.answering import Asked, answers
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import (
    Explanations,
    explain_member,
    explain_members,
    explained_layer,
    references_of,
)
from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.placement import make_placement
from convcam_jax.data.batches import frames_of, stratify
from convcam_jax.data.recordings import ABSENT, Recordings
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.representations.cqt import Cqt

RECORDINGS = make_recordings(12)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
# Not in order, and not all of them.
EXPLAINED = np.array([9, 2, 7, 0, 11, 4, 5])
VARIABLES = jax.tree.map(lambda *leaves: jnp.stack(leaves), make_variables(seed=1), make_variables(seed=2))
STRATA = stratify(N_FRAMES, EXPLAINED, n_steps=2, n_strata=4)
LAYOUT = NETWORK.layout(frames_of(N_FRAMES, STRATA))


plain_logits = jax.jit(reference_simplenet.logits)


@jax.jit
def plain_slopes(params, spectrogram, label):
    """Of a class's logit by the plain network, over the cells of one padded recording."""
    return jax.grad(lambda own: reference_simplenet.logits(params, own[None])[0, label])(spectrogram)


def params_of(member: int) -> dict:
    return jax.tree.map(lambda leaf: leaf[member], VARIABLES)["params"]


@partial(jax.jit, static_argnames=("target", "score"))
def plain_explanation(params, spectrogram, emotion, target, score):
    """Signed map [H, W] and logits [C] of one padded recording by the plain network."""
    activations = reference_simplenet.activations(params, spectrogram[None])
    logits = reference_simplenet.classify(params, activations)[0]
    label = emotion if target == "truth" else logits.argmax()

    def value(activations):
        outputs = reference_simplenet.classify(params, activations)[0]
        return (jax.nn.softmax(outputs) if score == "softmax" else outputs)[label]

    gradient = jax.grad(value)(activations)[0]
    return jnp.einsum("hwk,k->hw", activations[0], gradient.mean((0, 1))), logits


@pytest.mark.parametrize(("target", "score"), [("truth", "logit"), ("predicted", "softmax")])
def test_members_are_explained_as_by_a_plain_loop(target, score):
    assert (STRATA == ABSENT).sum() == 1
    configs = (AttributionConfig(target=target, score=score),)
    (signed_maps,), explained_logits = explain_members(VARIABLES, RECORDINGS, STRATA, NETWORK, LAYOUT, configs)
    assert signed_maps.shape == (2, 7, 6, 6)
    assert explained_logits.shape == (2, 7, 3)
    for member in range(2):
        for index, recording in enumerate(sorted(EXPLAINED)):
            signed_map, logits = plain_explanation(
                params_of(member), RECORDINGS.spectrograms[recording], RECORDINGS.emotion[recording], target, score
            )
            np.testing.assert_allclose(explained_logits[member, index], logits, rtol=1e-4, atol=1e-5)
            error = np.linalg.norm(signed_maps[member, index] - signed_map)
            assert error <= 1e-4 * np.linalg.norm(signed_map)


@partial(jax.jit, static_argnames="method")
def explained_by_the_plain_network(params, spectrogram, n_frames, emotion, method):
    """Signed map of one padded recording, its softmax score explained."""
    activations = reference_simplenet.activations(params, spectrogram[None])
    placement = make_placement("receptive_field", NETWORK.geometry("convolution_3", GRID), GRID)
    explained = Explained(
        spectrogram[None],
        activations,
        emotion[None],
        "softmax",
        placement,
        lambda several: reference_simplenet.logits(params, several),
        lambda one, n_frames: reference_simplenet.classify(params, one[None])[0],
        n_frames[None],
        references_of(RECORDINGS),
        jax.random.key(0),
    )
    return METHODS[method].explain(explained)[0]


TRIED = ("eigencam", "ablationcam", "scorecam", "gradient_x_input", "integrated_gradients")
# What is drawn, compared with references or silenced is that of the recording, wherever it is packed.
TRIED += ("gradient_shap", "occlusion", "kernel_shap")


@pytest.fixture(scope="module")
def maps_by_method():
    configs = tuple(AttributionConfig(method, score="softmax") for method in TRIED)
    explained = explain_members(VARIABLES, RECORDINGS, STRATA, NETWORK, LAYOUT, configs)
    return dict(zip(TRIED, explained.signed_maps, strict=True))


@pytest.mark.parametrize("method", TRIED)
def test_packed_recordings_are_explained_as_one_by_one(maps_by_method, method):
    signed_maps = maps_by_method[method]
    on_input = METHODS[method].level == "input"
    assert signed_maps.shape == (2, 7, *(GRID if on_input else (6, 6)))
    for member, index in ((0, 0), (1, 3)):
        recording = sorted(EXPLAINED)[index]
        own = (array[recording] for array in RECORDINGS)
        plain = explained_by_the_plain_network(params_of(member), *own, method)
        found = signed_maps[member, index]
        assert np.linalg.norm(found - plain) <= 1e-3 * np.linalg.norm(plain)
        if on_input:
            assert not found[:, N_FRAMES[recording] :].any()


def test_the_shortcut_gives_what_the_method_gives_of_activations_and_head(monkeypatch):
    """Grad-CAM of the last convolution; without its shortcut the network is asked for activations and head."""
    config = AttributionConfig(score="softmax", target="predicted")
    assert NETWORK.shortcut("gradcam", "convolution_3") is not None
    by_shortcut = explain_members(VARIABLES, RECORDINGS, STRATA, NETWORK, LAYOUT, (config,))
    monkeypatch.setattr(type(NETWORK), "shortcut", lambda self, method, layer: None)
    # Another config than above, so that the program is another: the class that is explained is the same.
    same_config = AttributionConfig(score="softmax", target="predicted", layer="convolution_3")
    by_parts = explain_members(VARIABLES, RECORDINGS, STRATA, NETWORK, LAYOUT, (same_config,))
    np.testing.assert_allclose(by_shortcut.logits, by_parts.logits, rtol=1e-4, atol=1e-5)
    (left,), (right,) = by_shortcut.signed_maps, by_parts.signed_maps
    assert np.linalg.norm(left - right) <= 1e-4 * np.linalg.norm(right)


@pytest.mark.parametrize(("layer", "nodes"), [("convolution_2", (8, 17)), ("convolution_1", (10, 38))])
def test_another_layer_can_be_explained(layer, nodes):
    config = AttributionConfig("hirescam", layer=layer)
    assert explained_layer(NETWORK, config) == layer
    (signed_maps,), logits = explain_members(VARIABLES, RECORDINGS, STRATA, NETWORK, LAYOUT, (config,))
    assert signed_maps.shape == (2, 7, *nodes)
    recording = sorted(EXPLAINED)[0]
    expected = reference_simplenet.logits(params_of(1), RECORDINGS.spectrograms[recording][None])[0]
    np.testing.assert_allclose(logits[1, 0], expected, rtol=1e-4, atol=1e-5)


def test_the_default_layer_is_the_networks_first():
    assert explained_layer(NETWORK, AttributionConfig()) == "convolution_3"
    assert explained_layer(toy_network.TOY, AttributionConfig()) == toy_network.BANDS


def test_another_network_is_explained_by_what_it_offers_by_hand():
    """Grad-CAM of the toy network: its head is linear in the mean activations, so weights are the readout / nodes."""
    recordings, network = toy_network.toy_recordings(5), toy_network.TOY
    variables = toy_network.toy_variables()
    strata = stratify(np.asarray(recordings.n_frames), np.arange(5), 2, 3)
    (signed_maps,), logits = explain_members(variables, recordings, strata, network, 0, (AttributionConfig(),))
    height, width = network.geometry(toy_network.BANDS, toy_network.GRID).shape
    assert signed_maps.shape == (2, 5, height, width)
    batch = toy_network.Batch(recordings.spectrograms, recordings.n_frames)
    for member in range(2):
        own = toy_network.variables_of(variables, member)
        activations = network.activations(own, batch, 0, toy_network.BANDS)
        readout = own["params"]["readout"]["kernel"]
        np.testing.assert_allclose(logits[member], activations.mean((1, 2)) @ readout, rtol=1e-5, atol=1e-5)
        weights = readout.T[recordings.emotion] / (height * width)
        expected = jnp.einsum("nhwk,nk->nhw", activations, weights)
        np.testing.assert_allclose(signed_maps[member], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_maps_behind_an_axis_of_length_1_are_those_without_it():
    """There a compiler of XLA gets wrong what chooses at a maximum: of members, batches and recordings."""
    rng = np.random.default_rng(0)
    n_frames = np.array([64, 48, 40, 60])
    loudness = rng.random((4, 96, 64)).astype(np.float32) ** 4 * (np.arange(64) < n_frames[:, None, None])
    recordings = Recordings(jnp.asarray(loudness), jnp.asarray(n_frames, jnp.int32), jnp.array([0, 1, 2, 0], jnp.int32))
    network = SimpleNetConfig(filters=(8, 16, 32), dense_units=64).make(3, "float32")
    methods = "epsilon_lrp", "deep_lift", "guided_backpropagation", "deconvolution"
    explain = partial(
        explain_member,
        network=network,
        layout=network.layout(n_frames[:, None]),
        configs=tuple(AttributionConfig(method=method) for method in methods),
    )
    variables = network.init(jax.random.key(0), (96, 64))
    one_by_one = jnp.arange(4)[:, None]
    expected, _ = jax.jit(explain)(variables, recordings, one_by_one, recordings.spectrograms)
    for axes in ((0, None, None, None), (None, None, 0, None), (None, 0, None, None)):
        operands = variables, recordings, one_by_one, recordings.spectrograms
        operands = tuple(
            jax.tree.map(lambda leaf: leaf[None], own) if axis == 0 else own
            for own, axis in zip(operands, axes, strict=True)
        )
        alone, _ = jax.jit(jax.vmap(explain, axes))(*operands)
        for method, own, other in zip(methods, alone, expected, strict=True):
            largest = 1e-5 * np.abs(other).max()
            np.testing.assert_allclose(own[0], other, rtol=0, atol=largest, err_msg=f"{method} {axes}")


def test_new_recordings_are_explained_once_by_the_class_that_all_members_together_give(monkeypatch):
    """A method may cost hundreds of times what the answers do; by Grad-CAM they come first."""
    asked_by = []

    def explain(variables, recording, strata, network, layout, configs, references):
        asked_by.extend(own.method for own in configs)
        return explain_members(variables, recording, strata, network, layout, configs, references)

    monkeypatch.setattr(answering, "explain_members", explain)
    magnitudes = [np.asarray(RECORDINGS.spectrograms[i, :, : N_FRAMES[i]]) for i in (0, 1)]
    asked = Asked(NETWORK, Cqt(scale="magnitude"), GRID[1], AttributionConfig("gradient_x_input"), None)
    found = answers(lambda: [VARIABLES], magnitudes, asked)
    assert asked_by == ["gradcam"] * 2 + ["gradient_x_input"] * 2
    for i, own in enumerate(found):
        logits = np.stack([plain_logits(params_of(m), RECORDINGS.spectrograms[i][None])[0] for m in (0, 1)])
        np.testing.assert_allclose(own.logits, logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(own.probabilities, jax.nn.softmax(logits), rtol=1e-4)
        assert own.predicted == own.probabilities.mean(0).argmax()
        slopes = plain_slopes(params_of(1), RECORDINGS.spectrograms[i], int(own.predicted))
        expected = slopes * RECORDINGS.spectrograms[i]
        np.testing.assert_allclose(own.signed_maps[1], expected, rtol=1e-3, atol=1e-5)


def test_the_class_that_is_explained_is_that_of_the_answers_that_are_told(monkeypatch):
    """Two programs give logits that may differ in their last bits, which may decide between two classes."""
    asked_by = []

    def explain(variables, recording, strata, network, layout, configs, references):
        found = explain_members(variables, recording, strata, network, layout, configs, references)
        asked_by.extend(configs)
        # The second program sees the classes the other way round.
        return found if len(asked_by) == 1 else found._replace(logits=-found.logits)

    monkeypatch.setattr(answering, "explain_members", explain)
    config = AttributionConfig("gradcam", baseline="mean")
    asked = Asked(NETWORK, Cqt(scale="magnitude"), GRID[1], config, RECORDINGS.spectrograms)
    [found] = answers(lambda: [VARIABLES], [np.asarray(RECORDINGS.spectrograms[0])], asked)
    logits = np.stack([reference_simplenet.logits(params_of(m), RECORDINGS.spectrograms[0][None])[0] for m in (0, 1)])
    np.testing.assert_allclose(found.logits, logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, jax.nn.softmax(logits), rtol=1e-4)
    assert found.predicted == found.probabilities.mean(0).argmax()
    # Grad-CAM itself is compiled once.
    assert asked_by[0] == asked_by[1]


def test_the_class_is_that_of_the_mean_probability(monkeypatch):
    """Most members say 1, so do the mean logits and the first member; the last one says 2."""
    shares = np.array([[0.45, 0.55, 1e-6], [0.45, 0.55, 1e-6], [0.98, 0.01, 0.01], [1e-12, 0.02, 0.98]])
    found = Explanations((np.zeros((4, 1, *GRID), np.float32),), np.log(shares)[:, None].astype(np.float32))
    monkeypatch.setattr(answering, "explain_members", lambda *_: found)
    magnitude = np.asarray(RECORDINGS.spectrograms[0, :, : N_FRAMES[0]])
    asked = Asked(NETWORK, Cqt(scale="magnitude"), GRID[1], AttributionConfig("gradcam"), None)
    [own] = answers(lambda: [VARIABLES], [magnitude], asked)
    assert own.predicted == 0
