from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from small_network import MODEL, make_params, make_recordings

from convcam_jax.attribution.explaining import explain_group
from convcam_jax.attribution.methods import INPUT_METHODS, NODE_METHODS, score_cam
from convcam_jax.attribution.placement import make_placement
from convcam_jax.data.batches import ABSENT, stratify, strip_columns
from convcam_jax.networks.simplenet import layers_before_map
from convcam_jax.settings.config import CamConfig

RECORDINGS = make_recordings(12)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
# Not in order, and not all of them.
EXPLAINED = np.array([9, 2, 7, 0, 11, 4, 5])
PARAMS = jax.tree.map(lambda *leaves: jnp.stack(leaves), make_params(seed=1), make_params(seed=2))


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
def test_a_group_is_explained_as_by_a_plain_loop(target, score):
    strata = stratify(N_FRAMES, EXPLAINED, n_steps=2, n_strata=4)
    assert (strata == ABSENT).sum() == 1
    n_columns = strip_columns(N_FRAMES, strata)
    cam = CamConfig(target=target, score=score)
    (signed_maps,), explained_logits = explain_group(PARAMS, RECORDINGS, strata, MODEL, n_columns, (cam,))
    assert signed_maps.shape == (2, 7, 6, 6)
    assert explained_logits.shape == (2, 7, 3)
    for member in range(2):
        own = jax.tree.map(lambda leaf, m=member: leaf[m], PARAMS)
        for index, recording in enumerate(sorted(EXPLAINED)):
            signed_map, logits = plain_explanation(
                own, RECORDINGS.spectrograms[recording], RECORDINGS.emotion[recording], target, score
            )
            np.testing.assert_allclose(explained_logits[member, index], logits, rtol=1e-4, atol=1e-5)
            error = np.linalg.norm(signed_maps[member, index] - signed_map)
            assert error <= 1e-4 * np.linalg.norm(signed_map)


@partial(jax.jit, static_argnames="method")
def explained_by_the_plain_network(params, spectrogram, emotion, method):
    """Signed map of one padded recording, its softmax score explained."""

    def classify_spectrogram(one):
        return reference_simplenet.logits(params, one[None])[0]

    if method in INPUT_METHODS:
        return INPUT_METHODS[method](classify_spectrogram, spectrogram, emotion, "softmax")
    activations = reference_simplenet.activations(params, spectrogram[None])[0]
    if method == "scorecam":
        placement = make_placement("receptive_field", activations.shape[:2], spectrogram.shape, layers_before_map())
        return score_cam(classify_spectrogram, spectrogram, activations, emotion, placement, "softmax")

    def classify_activations(one):
        return reference_simplenet.classify(params, one[None])[0]

    return NODE_METHODS[method](classify_activations, activations, emotion, "softmax")


METHODS = ("eigencam", "ablationcam", "scorecam", "gradient_x_input", "integrated_gradients")


@pytest.fixture(scope="module")
def maps_by_method():
    strata = stratify(N_FRAMES, EXPLAINED, n_steps=2, n_strata=4)
    cams = tuple(CamConfig(method, score="softmax") for method in METHODS)
    explained = explain_group(PARAMS, RECORDINGS, strata, MODEL, strip_columns(N_FRAMES, strata), cams)
    return dict(zip(METHODS, explained.signed_maps, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_packed_recordings_are_explained_as_one_by_one(maps_by_method, method):
    signed_maps = maps_by_method[method]
    on_input = method in INPUT_METHODS
    assert signed_maps.shape == (2, 7, *((12, 40) if on_input else (6, 6)))
    for member, index in ((0, 0), (1, 3)):
        own = jax.tree.map(lambda leaf, m=member: leaf[m], PARAMS)
        recording = sorted(EXPLAINED)[index]
        plain = explained_by_the_plain_network(
            own, RECORDINGS.spectrograms[recording], RECORDINGS.emotion[recording], method
        )
        found = signed_maps[member, index]
        assert np.linalg.norm(found - plain) <= 1e-3 * np.linalg.norm(plain)
        if on_input:
            assert not found[:, N_FRAMES[recording] :].any()
