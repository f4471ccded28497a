"""Of products of values of the input one factor counts as known: gates, attention, normalisation, recurrences."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

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
from convcam_jax.attribution.propagation.full_grad import with_biases_to_ones
from convcam_jax.attribution.propagation.layers import with_layer_rule
from convcam_jax.attribution.propagation.rules import with_rule
from convcam_jax.data.recordings import Recordings
from convcam_jax.networks import spectrogram_transformer
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.network import Network, Variables
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
    changed = with_biases_to_ones(function, jnp.abs)
    return jax.grad(lambda own: changed(own, jnp.ones_like(own)).sum())(VALUES)


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
    return (x - mean) * scale @ ONE


def divided(known: Callable, x: jax.Array) -> jax.Array:
    return (x @ ONE) / known(jnp.sqrt((x * x).sum(1, keepdims=True)))


FUNCTIONS = {own.__name__: own for own in (gated, attended, normalised, divided)}


BY_LAYERS = ("gamma_lrp", "alpha_beta_lrp", "composite_lrp")


@pytest.mark.parametrize("way", [way for way in WAYS if way not in BY_LAYERS])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_factor_counts_as_known_as_if_it_were_detached(name, way):
    found, expected = (jax.jit(partial(WAYS[way], partial(FUNCTIONS[name], known)))() for known in (own, stop_gradient))
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def own(value: jax.Array) -> jax.Array:
    return value


@pytest.mark.parametrize("way", ["gamma_lrp", "composite_lrp"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_relevance_by_layers_is_conserved_through_known_factors(name, way):
    function = partial(FUNCTIONS[name], own)
    found = jax.jit(partial(WAYS[way], function))()
    found = found if way == "composite_lrp" else VALUES * found
    np.testing.assert_allclose(found.sum(), function(VALUES).sum(), rtol=1e-3)


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


def tanh_and_double(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.tanh(x), 2 * x


def moved_by_known(x: jax.Array) -> jax.Array:
    return jax.lax.scan(lambda state, row: (state * row, state), nn.softmax(x[0]), x)[1]


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: nn.sigmoid(x @ ONE) * nn.sigmoid(x @ OTHER), "mul of several gates"),
        (lambda x: jnp.concatenate([x.mean(0), jnp.square(x).mean(0)]), "square, whose results it uses otherwise"),
        (lambda x: jax.jit(jnp.exp)(x) @ ONE, "exp, whose results it uses otherwise"),
        (lambda x: jax.lax.scan(lambda s, row: (s * row, s), x[0], x)[1], "mul, whose results a loop hands on"),
        (moved_by_known, "exp, whose results a loop hands on"),
    ],
)
def test_what_has_no_rule_is_named(function, named):
    with pytest.raises(NoRuleError, match=named):
        by_rule(epsilon_lrp.stabilised)(function)


def test_a_function_of_several_results_is_entered():
    found = by_rule(epsilon_lrp.stabilised)(lambda x: sum(jax.jit(tanh_and_double)(x)))
    np.testing.assert_allclose(found, np.tanh(VALUES) / VALUES + 2, rtol=1e-4)


def test_a_gate_is_one_within_a_function_too():
    found, expected = (
        by_rule(epsilon_lrp.stabilised)(lambda x, own=own: own(x @ ONE) * (x @ OTHER))
        for own in (jax.jit(lambda y: nn.sigmoid(y)), lambda y: stop_gradient(nn.sigmoid(y)))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_product_that_multiplies_nothing_has_no_rule(way):
    with pytest.raises(NoRuleError, match="mul, whose results it uses otherwise than as factors"):
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
def test_what_goes_past_a_nonlinearity_has_its_relevance(way):
    """The first layer ends where it meets a later one."""

    def skipping(x: jax.Array) -> jax.Array:
        return (x @ ONE + nn.relu(x @ OTHER) @ THIRD) @ OTHER

    found = WAYS[way](skipping)
    found = found if way == "composite_lrp" else VALUES * found
    np.testing.assert_allclose(found.sum(), skipping(VALUES).sum(), rtol=1e-3)


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


class Case(NamedTuple):
    """Variables of one member, and two recordings."""

    network: Network
    members: Variables
    recordings: Recordings

    def explain(self, method: str) -> tuple[np.ndarray, np.ndarray]:
        """Maps by the method, and the explained logits."""
        n_frames = np.asarray(self.recordings.n_frames)
        config = AttributionConfig(method, target="truth")
        layout = self.network.layout(n_frames[:, None])
        found = explain_members(self.members, self.recordings, np.arange(2)[:, None], self.network, layout, (config,))
        return found.signed_maps[0][0], found.logits[0][np.arange(2), np.asarray(self.recordings.emotion)]


def make_case(name: str, change: Callable[[jax.Array, str], jax.Array], n_frames: tuple[int, int]) -> Case:
    """Variables as they are drawn, each changed as by its name."""
    network = NETWORKS[name][0].make(3)
    spectrograms = np.random.default_rng(1).exponential(size=(2, 24, max(n_frames))).astype(np.float32)
    spectrograms[1, :, n_frames[1] :] = 0
    recordings = Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), jnp.arange(2))
    start = jax.jit(network.init, static_argnums=1)(jax.random.key(0), spectrograms.shape[1:])
    members = jax.tree_util.tree_map_with_path(lambda path, leaf: change(leaf, path[-1].key)[None], start)
    return Case(network, members, recordings)


# Of the first one the stem is of convolutions, as that of the last, and the rest is that of the second.
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "spectrogram_transformer" else ()) for name in NETWORKS],
)
def test_epsilon_lrp_is_the_input_times_the_gradient_with_known_factors(monkeypatch, name):
    case = make_case(name, lambda leaf, _: leaf + 0.1, (26, 19))
    found, _ = case.explain("epsilon_lrp")
    NETWORKS[name][1](monkeypatch)
    jax.clear_caches()
    expected, _ = case.explain("gradient_x_input")
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=2e-3 * np.abs(expected).max())


def without_bias(leaf: jax.Array, name: str) -> jax.Array:
    return 0 * leaf if name in ("bias", "rows", "offset") else leaf


@pytest.mark.slow
@pytest.mark.parametrize("way", BY_LAYERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_without_biases_relevance_is_the_logit(monkeypatch, name, way):
    """Through fifty steps of a recurrence, too; alpha counts twice where all parts of a value have one sign."""
    monkeypatch.setattr(
        spectrogram_transformer, "time_positions", lambda n_columns, n_channels: np.zeros((n_columns, n_channels), "f")
    )
    maps, logits = make_case(name, without_bias, (202, 150)).explain(way)
    one_sided = 0.2 if (name, way) == ("crnn", "alpha_beta_lrp") else 0.003
    np.testing.assert_allclose(maps.sum((1, 2)), logits, rtol=1e-2, atol=one_sided)
    assert np.abs(maps).max() < 10 * np.abs(logits).max()
