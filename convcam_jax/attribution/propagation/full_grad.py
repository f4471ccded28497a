"""FullGrad (Srinivas and Fleuret, NeurIPS 2019): the input and every bias take part in a score."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.calls import Call, bent, choice, is_real, place_of_weights
from convcam_jax.attribution.propagation.programs import run
from convcam_jax.attribution.propagation.rules import straight
from convcam_jax.attribution.score import target_score

# What of a bias's part counts: as it is, or its absolute value.
BiasPart = Callable[[Array], Array]


class _Spread(NamedTuple):
    """A value, and ones whose gradient is spread evenly over the cells of the input that the value is made of."""

    values: Any
    ones: Any


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def with_bias(part: BiasPart, values: Array, bias: Array, ones: Array) -> Array:
    """`values` plus a bias, whose part in what is differentiated is the gradient by `ones`."""
    del part, ones
    return values + bias


def _forward(part: BiasPart, values: Array, bias: Array, ones: Array) -> tuple[Array, Array]:
    return with_bias(part, values, bias, ones), bias


def _gradient(part: BiasPart, bias: Array, cotangent: Array) -> tuple[Array, Array, Array]:
    return cotangent, jnp.zeros_like(bias), part(bias * cotangent)


with_bias.defvjp(_forward, _gradient)


def evenly(total: Array) -> Array:
    """Ones, whose gradient is divided evenly among those that are counted in `total`."""
    counted = total > 0
    return straight(counted.astype(total.dtype), total, jnp.where(counted, 1 / jnp.where(counted, total, 1), 0))


class _Biases(NamedTuple):
    """A `programs.Handling` in which values keep their gradient, and biases leave their part with the ones."""

    part: BiasPart

    def constant(self, value: Any) -> _Spread:
        return _Spread(value, jnp.zeros_like(value) if is_real(value) else value)

    def value(self, stream: _Spread) -> Any:
        return stream.values

    def pack(self, stream: _Spread) -> _Spread:
        return stream

    def unpack(self, arrays: _Spread) -> _Spread:
        return arrays

    def linear(self, call: Call, streams: Sequence[_Spread]) -> list[_Spread]:
        values = [own.values for own in streams]
        weights = place_of_weights(call, values)
        if weights is not None:
            return [self._product(call, streams, weights)]
        if call.name in ("add", "sub") and len(call.places) == 1:
            return [self._biased(call, streams)]
        ones = call(*(own.ones for own in streams))
        if call.name in ("neg", "sub"):
            ones = [sum(own.ones for own in streams)]
        return [_Spread(*own) for own in zip(call(*values), map(evenly, ones), strict=True)]

    def bend(self, call: Call, streams: Sequence[_Spread]) -> _Spread:
        [place] = call.places
        function = bent(call, [own.values for own in streams])
        return _Spread(function(streams[place].values), streams[place].ones)

    def select(self, call: Call, streams: Sequence[_Spread]) -> _Spread:
        chosen, won = choice(call, [own.values for own in streams])
        return _Spread(chosen, won(tuple(streams[place].ones for place in call.places)))

    def _product(self, call: Call, streams: Sequence[_Spread], weighs: int) -> _Spread:
        [at] = call.places
        values = call(*(own.values for own in streams))[0]
        if call.name == "div":
            return _Spread(values, streams[at].ones)
        seen = (streams[weighs].values != 0).astype(values.dtype)
        given = {at: streams[at].ones, weighs: seen}
        return _Spread(values, evenly(call(*(given.get(i, own.values) for i, own in enumerate(streams)))[0]))

    def _biased(self, call: Call, streams: Sequence[_Spread]) -> _Spread:
        [at] = call.places
        nothing = [jnp.zeros_like(own.values) if i == at else own.values for i, own in enumerate(streams)]
        alone = [own.values if i == at else jnp.zeros_like(own.values) for i, own in enumerate(streams)]
        values, bias, ones = call(*alone)[0], call(*nothing)[0], streams[at].ones
        # What has no nodes has no place on the input.
        return _Spread(values + bias if values.ndim <= 2 else with_bias(self.part, values, bias, ones), ones)


def with_biases_to_ones(function: Callable[[Array], Array], part: BiasPart) -> Callable[[Array, Array], Array]:
    """`function` of values and ones of their shape, whose gradients are the values' own and `part` of the biases'."""
    return lambda values, ones: run(function, values, _Spread(values, ones), _Biases(part)).values


def shares(explained: Explained, part: BiasPart) -> tuple[Float[Array, "B F T"], Float[Array, "B F T"]]:
    """The input's part in the score, and `part` of those of biases, spread evenly over the cells that they see."""

    def score(inputs: Array, ones: Array) -> Array:
        logits = with_biases_to_ones(explained.classify, part)(inputs, ones)
        return target_score(logits, explained.targets, explained.score).sum()

    spectrograms = explained.spectrograms
    ones = jnp.broadcast_to(explained.present, spectrograms.shape).astype(spectrograms.dtype)
    by_inputs, of_biases = jax.grad(score, (0, 1))(spectrograms, ones)
    return part(spectrograms * by_inputs), jnp.where(explained.present, of_biases, 0)


def full_grad(explained: Explained) -> Float[Array, "B F T"]:
    """FullGrad of Srinivas and Fleuret, NeurIPS 2019, of absolute values.

    Their saliency map (Eq. 6) brings the absolute map of each part to 0..1 before it is added, and stretches those of
    biases over the input. Here parts are added as they are, so that each counts as much as it does in the score, and a
    node's part is spread over what the node sees.
    """
    of_input, of_biases = shares(explained, jnp.abs)
    return of_input + of_biases


METHOD = Method(
    level="input",
    explain=full_grad,
    description="absolute value of x ∘ ∂y/∂x + Σ of those of bias ∘ ∂y/∂bias at every node, spread over what it sees",
    source="Srinivas and Fleuret, NeurIPS 2019, arXiv:1905.00780, Eq. 6",
    sign=">= 0",
)
