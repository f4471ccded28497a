"""Of products of values of the input one factor counts as known: gates, attention, normalisation, recurrences."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import stop_gradient

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.propagation import (
    alpha_beta_lrp,
    composite_lrp,
    deconvolution,
    deep_lift,
    epsilon_lrp,
    gamma_lrp,
    guided_backpropagation,
)
from convcam_jax.attribution.propagation.calls import NoRuleError
from convcam_jax.attribution.propagation.full_grad import _Biases, _Spread
from convcam_jax.attribution.propagation.layers import with_layer_rule
from convcam_jax.attribution.propagation.programs import run
from convcam_jax.attribution.propagation.rules import with_rule
from convcam_jax.data.recordings import Recordings
from convcam_jax.networks import spectrogram_transformer
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig

RNG = np.random.default_rng(0)
ONE, OTHER, THIRD = (jnp.asarray(RNG.normal(size=(4, 4)), jnp.float32) for _ in range(3))
VALUES, REFERENCE = (jnp.asarray(RNG.normal(size=(3, 4)), jnp.float32) for _ in range(2))


def by_rule(rule) -> Callable:
    return lambda function: jax.grad(lambda own: with_rule(function, rule)(own, REFERENCE).sum())(VALUES)


def by_layers(rule) -> Callable:
    return lambda function: jax.grad(lambda own: with_layer_rule(function, rule)(own, None).sum())(VALUES)


def by_ones(function) -> jax.Array:
    changed = with_layer_rule(function, composite_lrp.by_kind)
    return jax.grad(lambda ones: changed(VALUES, ones).sum())(jnp.ones_like(VALUES))


def by_biases(function) -> jax.Array:
    handling = _Biases(jnp.abs)
    return jax.grad(lambda own: run(function, own, _Spread(own, jnp.ones_like(own)), handling).values.sum())(VALUES)


WAYS = {
    "guided_backpropagation": by_rule(guided_backpropagation.guided),
    "deconvolution": by_rule(deconvolution.rectified),
    "epsilon_lrp": by_rule(epsilon_lrp.stabilised),
    "deep_lift": by_rule(deep_lift.rescale),
    "gamma_lrp": by_layers(gamma_lrp.favoured),
    "alpha_beta_lrp": by_layers(alpha_beta_lrp.divided),
    "composite_lrp": by_ones,
    "full_grad": by_biases,
}


def gated(known: Callable, x: jax.Array) -> jax.Array:
    gate = known(nn.sigmoid(x @ ONE))
    return gate * nn.relu(x @ OTHER) + (1 - gate) * (x @ THIRD)


def attended(known: Callable, x: jax.Array) -> jax.Array:
    weights = known(nn.softmax((x @ ONE) @ (x @ OTHER).T / 2))
    return weights @ (x @ THIRD)


def normalised(known: Callable, x: jax.Array) -> jax.Array:
    mean = x.mean(1, keepdims=True)
    scale = known(jax.lax.rsqrt(jnp.square(x).mean(1, keepdims=True) - jnp.square(mean) + 0.1))
    return (x - mean) * scale @ ONE + 0.3


def divided(known: Callable, x: jax.Array) -> jax.Array:
    return (x @ ONE) / known(jnp.sqrt((x * x).sum(1, keepdims=True)))


FUNCTIONS = {own.__name__: own for own in (gated, attended, normalised, divided)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_factor_counts_as_known_as_if_it_were_detached(name, way):
    found, expected = (jax.jit(partial(WAYS[way], partial(FUNCTIONS[name], known)))() for known in (own, stop_gradient))
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def own(value: jax.Array) -> jax.Array:
    return value


def test_a_gate_that_multiplies_nothing_is_a_nonlinearity():
    """By the epsilon rule the slope of the logistic function at 2 is what it gives divided by 2."""
    found = jax.grad(lambda x: with_rule(lambda y: 3 * nn.sigmoid(y), epsilon_lrp.stabilised)(x, x).sum())
    np.testing.assert_allclose(found(jnp.array([2.0])), [3 / (1 + np.exp(-2)) / 2], rtol=1e-5)


def test_a_nonlinearity_of_several_primitives_is_one():
    """DeepLIFT's slope of GELU is that from the reference to the input, whatever it is made of."""
    found = jax.grad(lambda x: with_rule(lambda y: jax.jit(nn.gelu)(y), deep_lift.rescale)(x, jnp.array([-1.0])).sum())(
        jnp.array([2.0])
    )
    np.testing.assert_allclose(found, (nn.gelu(2.0) - nn.gelu(-1.0)) / 3, rtol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_product_that_multiplies_nothing_has_no_rule(way):
    with pytest.raises(NoRuleError, match="as its answer a product of values that all depend on the input"):
        WAYS[way](lambda x: x @ ONE + (x @ OTHER) * (x @ THIRD))


def recurrence(x: jax.Array, is_loop: bool, reverse: bool) -> jax.Array:
    """States of a gated unit along the rows of x, as a loop or step by step."""

    def step(state: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        gate = nn.sigmoid(row @ ONE + state @ OTHER)
        state = (1 - gate) * nn.tanh(row @ THIRD + gate * (state @ ONE)) + gate * state
        return state, state

    start = jnp.zeros(4)
    if is_loop:
        return jax.lax.scan(step, start, x, reverse=reverse)[1]
    states = []
    for row in x[::-1] if reverse else x:
        start, state = step(start, row)
        states.append(state)
    return jnp.stack(states[::-1] if reverse else states)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("way", ["guided_backpropagation", "deconvolution", "epsilon_lrp", "deep_lift", "full_grad"])
def test_a_loop_is_taken_apart_as_its_steps_are(way, reverse):
    found, expected = (
        jax.jit(partial(WAYS[way], partial(recurrence, is_loop=is_loop, reverse=reverse)))()
        for is_loop in (True, False)
    )
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", ["gamma_lrp", "composite_lrp"])
def test_relevance_of_a_loop_is_conserved(way):
    """Each step of it ends a layer, which takes nothing away where there are no biases."""
    total = jax.jit(lambda: recurrence(VALUES, True, False).sum())()
    found = jax.jit(partial(WAYS[way], partial(recurrence, is_loop=True, reverse=False)))()
    found = found if way == "composite_lrp" else VALUES * found
    np.testing.assert_allclose(found.sum(), total, rtol=1e-3)


class ScaleKnown(nn.Module):
    """Layer normalisation with a detached scale, by its definition."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale, bias = (self.param(name, nn.initializers.ones, x.shape[-1:]) for name in ("scale", "bias"))
        away = x - x.mean(-1, keepdims=True)
        deviation = stop_gradient(jnp.sqrt(jnp.square(away).mean(-1, keepdims=True) + 1e-6))
        with jax.numpy_rank_promotion("allow"):
            return away / deviation * scale + bias


def detached_transformer(monkeypatch) -> None:
    """As Ali et al., ICML 2022, explain: attention and scales detached, GELU with the slope of its result."""
    weights = nn.dot_product_attention_weights
    monkeypatch.setattr(nn, "dot_product_attention_weights", lambda *a, **b: stop_gradient(weights(*a, **b)))
    monkeypatch.setattr(nn, "LayerNorm", ScaleKnown)
    monkeypatch.setattr(spectrogram_transformer, "_gelu", lambda x: x * stop_gradient(nn.gelu(x) / x))


def detached_crnn(monkeypatch) -> None:
    """As Arras et al., WASSA 2017, explain: gates and weights of the pooling detached."""
    cell, softmax = nn.GRUCell, nn.softmax
    known = partial(
        cell,
        gate_fn=lambda x: stop_gradient(nn.sigmoid(x)),
        activation_fn=lambda x: x * stop_gradient(jnp.tanh(x) / jnp.where(x == 0, 1, x)),
    )
    monkeypatch.setattr(nn, "GRUCell", known)
    monkeypatch.setattr(nn, "softmax", lambda x: stop_gradient(softmax(x)))


NETWORKS = {
    "spectrogram_transformer": (SpectrogramTransformerConfig().small(), detached_transformer),
    "transformer without a stem": (SpectrogramTransformerConfig(stem_filters=()).small(), detached_transformer),
    "crnn": (CRNNConfig().small(), detached_crnn),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_epsilon_lrp_is_the_input_times_the_gradient_with_known_factors(monkeypatch, name):
    config, detach = NETWORKS[name]
    network, n_frames = config.make(3), np.array([26, 19])
    spectrograms = np.random.default_rng(1).exponential(size=(2, 24, 26)).astype(np.float32)
    spectrograms[1, :, 19:] = 0
    recordings = Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), jnp.arange(2))
    start = jax.jit(network.init, static_argnums=1)(jax.random.key(0), (24, 26))
    members = jax.tree.map(lambda leaf: leaf[None] + 0.1, start)

    def explain(method: str) -> np.ndarray:
        layout = network.layout(n_frames[:, None])
        way = AttributionConfig(method, target="truth")
        found = explain_members(members, recordings, np.arange(2)[:, None], network, layout, (way,))
        return found.signed_maps[0][0]

    found = explain("epsilon_lrp")
    detach(monkeypatch)
    jax.clear_caches()
    expected = explain("gradient_x_input")
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=2e-3 * np.abs(expected).max())
