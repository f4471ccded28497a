"""Networks whose nonlinearities send back something else than their gradient, their answers being the same.

What is linear in the input keeps its own gradient. Epsilon-LRP and DeepLIFT can be written so: Ancona et al., ICLR
2018, propositions 1, 2.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from convcam_jax.attribution.propagation.calls import Call, bent
from convcam_jax.attribution.propagation.programs import run

# Keeps 0 away from what relevance is divided by.
EPSILON = 1e-6


class Crossing(NamedTuple):
    """A nonlinearity `function`, element by element, at the values of the input and of the reference."""

    function: Callable[[Array], Array]
    values: Array
    results: Array
    reference_values: Array
    reference_results: Array


# From a nonlinearity to its results, with the gradient that is wanted.
Rule = Callable[[Crossing], Array]
# What an input and its reference hold in one place.
_Streams = tuple[Any, Any]


def straight(results: Array, values: Array, slope: Array) -> Array:
    """`results`, whose gradient by `values` is `slope`."""
    return jax.lax.stop_gradient(results) + jax.lax.stop_gradient(slope) * (values - jax.lax.stop_gradient(values))


def in_proportion(results: Array, total: Array) -> Array:
    """`results`, whose relevance is divided among what makes up `total`, each by its share of it."""
    away = jnp.where(total >= 0, EPSILON, -EPSILON)
    return straight(results, total, results / (total + away))


def with_rule(function: Callable[[Array], Array], rule: Rule) -> Callable[[Array, Array], Array]:
    """`function`, of an input and a reference of its shape: what it gives for the input, with the gradient of `rule`.

    Where values of a window or of several arrays are compared, the gradient is that of captum's DeepLIFT for maxima
    (`maxpool`; the paper has no rule for them), which is the winner's alone where the reference is the input. Raises
    NoRuleError as `programs.run` does.
    """

    def changed(values: Array, reference: Array) -> Array:
        return run(function, values, (values, jax.lax.stop_gradient(reference)), _InputAndReference(rule))[0]

    return changed


class _InputAndReference(NamedTuple):
    """A `programs.Handling` by a rule for nonlinearities."""

    rule: Rule

    def constant(self, value: Any) -> _Streams:
        return value, value

    def value(self, stream: _Streams) -> Any:
        return stream[0]

    def pack(self, stream: _Streams) -> _Streams:
        return stream

    def unpack(self, arrays: _Streams) -> _Streams:
        return arrays

    def linear(self, call: Call, streams: Sequence[_Streams]) -> list[_Streams]:
        pairs = zip(call(*(own for own, _ in streams)), call(*(other for _, other in streams)), strict=True)
        return [(own, jax.lax.stop_gradient(other)) for own, other in pairs]

    def bend(self, call: Call, streams: Sequence[_Streams]) -> _Streams:
        function, [place] = bent(call, [own for own, _ in streams]), call.places
        values, reference = streams[place]
        results, reference_results = function(values), function(reference)
        return self.rule(Crossing(function, values, results, reference, reference_results)), reference_results

    def select(self, call: Call, streams: Sequence[_Streams]) -> _Streams:
        choose = call.of_moved([own for own, _ in streams])
        values, references = (tuple(streams[place][k] for place in call.places) for k in (0, 1))
        if not all(jnp.issubdtype(own.dtype, jnp.floating) for own in values):
            return choose(*values), choose(*references)
        return _shared_choice(choose, values, references), choose(*references)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _shared_choice(choose: Callable[..., Array], values: tuple[Array, ...], references: tuple[Array, ...]) -> Array:
    return choose(*values)


def _choice_forward(
    choose: Callable[..., Array], values: tuple[Array, ...], references: tuple[Array, ...]
) -> tuple[Array, tuple[tuple[Array, ...], tuple[Array, ...]]]:
    return choose(*values), (values, references)


def _choice_gradient(
    choose: Callable[..., Array], residuals: tuple[tuple[Array, ...], tuple[Array, ...]], cotangent: Array
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    values, references = residuals
    result, back = jax.vjp(choose, *values)
    reference_result, back_from_reference = jax.vjp(choose, *references)
    larger = jnp.maximum(result, reference_result)
    won = back(cotangent * (larger - reference_result))
    lost = back_from_reference(cotangent * (result - larger))
    gradients = tuple(
        jnp.where(is_close(own, other), plain, (one + two) / jnp.where(is_close(own, other), 1, own - other))
        for own, other, plain, one, two in zip(values, references, back(cotangent), won, lost, strict=True)
    )
    return gradients, tuple(jnp.zeros_like(other) for other in references)


_shared_choice.defvjp(_choice_forward, _choice_gradient)


def is_close(values: Array, references: Array) -> Array:
    """Where a difference is too small to divide by."""
    return jnp.abs(values - references) < 1e-6
