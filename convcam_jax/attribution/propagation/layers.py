"""Networks whose layers hand relevance on by what raises and what lowers their values, their answers being the same.

A layer is all that is linear between two nonlinearities, however it is written: batch normalisation belongs to the
convolution in front of it, pooling by maxima hands on what the winner is made of, and a network's own kernel is a
product with its weights. A value of a layer is the sum of what raises it and of what lowers it: inputs times weights,
by the sign of this product, and biases, by theirs. Along several ways from an input each way counts by its own sign.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from convcam_jax.attribution.propagation.calls import Call, choice, is_real, place_of_weights
from convcam_jax.attribution.propagation.programs import run
from convcam_jax.attribution.propagation.rules import in_proportion


class LayerParts(NamedTuple):
    """What a layer gives, and what it is made of.

    Attributes:
      results: behind the nonlinearity; of the last layer the logits.
      values: in front of it.
      raised: the part of the values that raises them, >= 0.
      lowered: the part that lowers them, <= 0.
      ones: in the first layer, if asked for, how many inputs a value is made of; else None.
    """

    results: Array
    values: Array
    raised: Array
    lowered: Array
    ones: Array | None

    @property
    def is_dense(self) -> bool:
        """Whether it gives one vector for each recording, `[B, K]`: no nodes."""
        return self.results.ndim <= 2


# From a layer to its results, with the gradient that is wanted; relevance is that times the inputs.
LayerRule = Callable[[LayerParts], Array]


def with_layer_rule(function: Callable[[Array], Array], rule: LayerRule) -> Callable[[Array, Array | None], Array]:
    """`function`, of an input and, if asked for, ones in its place: what it gives, with the gradient of `rule`.

    Layers without weights, sums and means of nodes alone, have the epsilon rule, as in zennit. Raises NoRuleError as
    `programs.run` does, and where a kernel has several factors that may be weights.
    """

    def changed(values: Array, ones: Array | None) -> Array:
        handling = _Layers(rule)
        return handling.closed(run(function, values, _begun(values, ones), handling))

    return changed


class _Parts(NamedTuple):
    """A value inside a layer as in `LayerParts`, and whether weights have made it."""

    values: Any
    raised: Any
    lowered: Any
    ones: Any
    is_weighted: bool = False


def _begun(values: Array, ones: Array | None) -> _Parts:
    return _Parts(values, jnp.maximum(values, 0), jnp.minimum(values, 0), ones)


class _Layers(NamedTuple):
    """A `programs.Handling` by a rule for layers."""

    rule: LayerRule

    def constant(self, value: Any) -> _Parts:
        if not is_real(value):
            return _Parts(value, value, value, value)
        # What pads maxima is never chosen.
        finite = jnp.where(jnp.isfinite(value), value, 0)
        return _Parts(value, jnp.maximum(finite, 0), jnp.minimum(finite, 0), jnp.zeros_like(value))

    def value(self, stream: _Parts) -> Any:
        return stream.values

    def pack(self, stream: _Parts) -> Array:
        """A step of a loop ends a layer."""
        return self.closed(stream) if is_real(stream.values) else stream.values

    def unpack(self, arrays: Array) -> _Parts:
        return _begun(arrays, None)

    def linear(self, call: Call, streams: Sequence[_Parts]) -> list[_Parts]:
        streams = self._of_one_layer(call, streams)
        weights = place_of_weights(call, [own.values for own in streams])
        if weights is not None:
            return [_product(call, streams, weights)._replace(is_weighted=not call.known[weights])]
        is_weighted = any(streams[place].is_weighted for place in call.places)
        values, raised, lowered = (call(*own) for own in list(zip(*streams, strict=True))[:3])
        ones: Sequence[Array | None] = [None] * len(values)
        if _has_ones(call, streams):
            ones = call(*(own.ones for own in streams))
        if call.name in ("neg", "sub"):
            *kept, last = streams
            raised = call(*(own.raised for own in kept), last.lowered)
            lowered = call(*(own.lowered for own in kept), last.raised)
            ones = ones if ones[0] is None else [sum(own.ones for own in streams)]
        return [_Parts(*own, is_weighted) for own in zip(values, raised, lowered, ones, strict=True)]

    def bend(self, call: Call, streams: Sequence[_Parts]) -> _Parts:
        function, [place] = call.of_moved([own.values for own in streams]), call.places
        return _begun(self._ruled(function(streams[place].values), streams[place]), None)

    def select(self, call: Call, streams: Sequence[_Parts]) -> _Parts:
        streams = self._of_one_layer(call, streams)
        parts = [streams[place] for place in call.places]
        chosen, won = choice(call, [other.values for other in streams])
        raised, lowered = tuple(part.raised for part in parts), tuple(part.lowered for part in parts)
        counted = won(tuple(part.ones for part in parts)) if _has_ones(call, streams) else None
        return _Parts(chosen, won(raised), won(lowered), counted, any(part.is_weighted for part in parts))

    def _of_one_layer(self, call: Call, streams: Sequence[_Parts]) -> Sequence[_Parts]:
        """The streams of a call, of which the first layer ends where it meets later ones, and any at a known factor."""
        in_first = {streams[place].ones is not None for place in call.places}
        ends = [any(call.known) or (len(in_first) > 1 and own.ones is not None) for own in streams]
        return [
            _begun(self.closed(own), None) if call.moved[place] and ends[place] and is_real(own.values) else own
            for place, own in enumerate(streams)
        ]

    def closed(self, parts: _Parts) -> Array:
        """Logits, which no nonlinearity is behind, with the rule's gradient."""
        return self._ruled(parts.values, parts)

    def _ruled(self, results: Array, parts: _Parts) -> Array:
        if not parts.is_weighted:
            return in_proportion(results, parts.values if parts.ones is None else parts.ones)
        return self.rule(LayerParts(results, *parts[:4]))


def _has_ones(call: Call, streams: Sequence[_Parts]) -> bool:
    """Whether what depends on the input is made of it in the first layer."""
    return all(streams[place].ones is not None for place in call.places)


def _product(call: Call, streams: Sequence[_Parts], weighs: int) -> _Parts:
    """Through a product of the one operand that depends on the input with weights, which are in the place `weighs`."""
    [at] = call.places
    stream, weight = streams[at], streams[weighs]

    def times(part: Array, factor: Any) -> Array:
        given = {at: part, weighs: factor}
        [found] = call(*(given.get(place, other.values) for place, other in enumerate(streams)))
        return found

    values = times(stream.values, weight.values)
    if call.name in ("mul", "div"):
        raises = weight.values >= 0
        up, down = times(stream.raised, weight.values), times(stream.lowered, weight.values)
        raised, lowered = jnp.where(raises, up, down), jnp.where(raises, down, up)
    else:
        raised = times(stream.raised, weight.raised) + times(stream.lowered, weight.lowered)
        lowered = times(stream.raised, weight.lowered) + times(stream.lowered, weight.raised)
    if stream.ones is None:
        ones = None
    else:
        ones = stream.ones if call.name == "div" else times(stream.ones, (weight.values != 0).astype(values.dtype))
    return _Parts(values, raised, lowered, ones)
