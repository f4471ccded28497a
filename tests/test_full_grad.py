"""FullGrad: by hand, by the derivatives of the biases themselves, and completeness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from linear_case import GRID, N_FRAMES, PRESENT, SPECTROGRAMS, scored_by
from plain_network import NODES, PlainCase, explain_case, make_plain_case
from small_network import NETWORK, make_recordings, make_variables

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.propagation.full_grad import full_grad, shares

BIAS = 0.5


def of_pairs(spectrograms):
    """ReLU of x_t - 2 x_{t+1} plus a bias, for every pair of frames, a node."""
    kernel = jnp.array([1.0, -2.0]).reshape(1, 2, 1, 1)
    axes = ("NHWC", "HWIO", "NHWC")
    images = jax.lax.conv_general_dilated(spectrograms[..., None], kernel, (1, 1), "VALID", dimension_numbers=axes)
    return jax.nn.relu(images + BIAS)[..., 0]


def test_a_layer_by_hand():
    """An active node hands each of its two cells half of its bias; one at the end, all of it to the last cell."""
    found = np.asarray(jax.jit(lambda: full_grad(scored_by(of_pairs)))())
    values = np.asarray(SPECTROGRAMS)
    active = values[..., :-1] - 2 * values[..., 1:] + BIAS > 0
    gradient, of_bias = np.zeros_like(values), np.zeros_like(values)
    gradient[..., :-1] += active
    gradient[..., 1:] -= 2 * active
    seen = PRESENT[..., :-1].astype(float) + PRESENT[..., 1:]
    share = BIAS * active / np.maximum(seen, 1)
    of_bias[..., :-1] += share
    of_bias[..., 1:] += share
    expected = np.abs(values * gradient) + np.broadcast_to(PRESENT, values.shape) * of_bias
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.shape == (len(N_FRAMES), *GRID)


@pytest.mark.slow
def test_the_parts_of_input_and_biases_sum_to_the_logit():
    """Those of each convolution's bias are the bias times the derivative by it; dense ones have no place on the map."""
    case = make_plain_case(1)
    n_frames = jnp.full(1, case.spectrograms.shape[2])

    def logit(params, spectrograms):
        return reference_simplenet.logits(params, spectrograms)[0, case.emotion[0]]

    def classify(spectrograms):
        return reference_simplenet.logits(case.params, spectrograms)

    explained = scored_by(of_pairs)._replace(
        spectrograms=case.spectrograms, targets=case.emotion, classify=classify, n_frames=n_frames
    )
    of_input, of_biases = jax.jit(lambda: shares(explained, lambda part: part))()
    value, by_params = jax.jit(jax.value_and_grad(logit))(case.params, case.spectrograms)
    parts = {name: float(jnp.sum(case.params[name]["bias"] * own["bias"])) for name, own in by_params.items()}
    dense = parts.pop("dense") + parts.pop("output")
    assert min(map(abs, parts.values())) > 1e-3
    np.testing.assert_allclose(of_biases.sum(), sum(parts.values()), rtol=1e-3)
    np.testing.assert_allclose(of_input.sum() + of_biases.sum() + dense, value, rtol=1e-3)


def pooled_first(params, spectrograms):
    """The last convolution's output of the plain network, where the other two are pooled in front of bias and ReLU."""
    values = spectrograms[..., None]
    for layer in range(3):
        weights = params[f"convolutions_{layer}"]
        axes = ("NHWC", "HWIO", "NHWC")
        values = jax.lax.conv_general_dilated(values, weights["kernel"], (1, 1), "VALID", dimension_numbers=axes)
        if layer < 2:
            values = reference_simplenet.max_pool(values, (1, 2))
        values = jax.nn.relu(values + weights["bias"][None, None, None])
    return values


@pytest.mark.slow
def test_packed_recordings_have_the_map_of_padded_ones(monkeypatch):
    """With the network's own kernels, mapped over members; pooled where SimpleNet pools."""
    monkeypatch.setattr(reference_simplenet, "activations", pooled_first)
    recordings = make_recordings(3)
    members = jax.tree.map(lambda *leaves: jnp.stack(leaves), make_variables(seed=1), make_variables(seed=2))
    layout = NETWORK.layout(np.asarray(recordings.n_frames)[:, None])
    strata, configs = np.arange(3)[:, None], (AttributionConfig("full_grad"),)
    [maps] = explain_members(members, recordings, strata, NETWORK, layout, configs).signed_maps
    params = jax.tree.map(lambda leaf: leaf[1], members)["params"]
    inputs, n_frames, emotion = recordings
    plain = explain_case(PlainCase(params, inputs, emotion, jnp.zeros((3, *NODES, 1)), n_frames), "full_grad")
    assert np.linalg.norm(maps[1] - plain) <= 1e-3 * np.linalg.norm(plain)
