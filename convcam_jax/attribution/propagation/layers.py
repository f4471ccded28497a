"""Networks whose layers hand relevance on by what raises and what lowers their values, their answers being the same.

A layer is all that is linear between two nonlinearities, however it is written: batch normalisation belongs to the
convolution in front of it, pooling by maxima hands on what the winner is made of, and a network's own kernel is a
product with its weights. A value of a layer is the sum of what raises it and of what lowers it: inputs times weights,
by the sign of this product, and biases, by theirs. Along several ways from an input each way counts by its own sign.
A sum ends the layers of its ways where some have weights and others have none, as in a residual block, or where more
layers lie in front of some than of others: it is no layer of weights itself.
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
_SUMS = frozenset({"add", "add_any", "sub"})
# Layers in front of a step of a loop: they differ from step to step, and are as many as in front of nothing else.
_IN_FRONT_OF_A_STEP = 1_000_000


def with_layer_rule(function: Callable[[Array], Array], rule: LayerRule) -> Callable[[Array, Array | None], Array]:
    """`function`, of an input and, if asked for, ones in its place: what it gives, with the gradient of `rule`.

    Layers without weights, sums and means of nodes alone, have the epsilon rule, as in zennit. Raises NoRuleError as
    `programs.run` does, and where a kernel has several factors that may be weights.
    """

    def changed(values: Array, ones: Array | None) -> Array:
        handling = _Layers(rule)
        return handling.closed(run(function, values, _begun(values, ones, 0), handling))

    return changed


class _Parts(NamedTuple):
    """A value inside a layer as in `LayerParts`, whether weights have made it, and how many layers are in front."""

    values: Any
    raised: Any
    lowered: Any
    ones: Any
    is_weighted: bool = False
    n_layers: int = 0


def _begun(values: Array, ones: Array | None, n_layers: int) -> _Parts:
    raised, lowered = jnp.maximum(values, 0), jnp.minimum(values, 0)
    return _Parts(values, raised, lowered, ones, is_weighted=False, n_layers=n_layers)


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
        return _begun(arrays, None, _IN_FRONT_OF_A_STEP)

    def linear(self, call: Call, streams: Sequence[_Parts]) -> list[_Parts]:
        streams = self._of_one_layer(call, streams)
        weights = place_of_weights(call, [own.values for own in streams])
        if weights is not None:
            product = _product(call, streams, weights)
            # A factor of all of a sum, as for a mean, weighs nothing against anything else.
            is_of_all = call.name == "div" or (call.name == "mul" and jnp.ndim(streams[weights].values) == 0)
            return [product if is_of_all else product._replace(is_weighted=not call.known[weights])]
        values, raised, lowered = (call(*own) for own in list(zip(*streams, strict=True))[:3])
        ones: Sequence[Array | None] = [None] * len(values)
        if _has_ones(call, streams):
            ones = call(*(own.ones for own in streams))
        if call.name in ("neg", "sub"):
            *kept, last = streams
            raised = call(*(own.raised for own in kept), last.lowered)
            lowered = call(*(own.lowered for own in kept), last.raised)
            ones = ones if ones[0] is None else [sum(own.ones for own in streams)]
        made_by = _made_by([streams[place] for place in call.places])
        return [_Parts(*own, *made_by) for own in zip(values, raised, lowered, ones, strict=True)]

    def bend(self, call: Call, streams: Sequence[_Parts]) -> _Parts:
        function, [place] = call.of_moved([own.values for own in streams]), call.places
        results = self._ruled(function(streams[place].values), streams[place])
        return _begun(results, None, streams[place].n_layers + 1)

    def select(self, call: Call, streams: Sequence[_Parts]) -> _Parts:
        streams = self._of_one_layer(call, streams)
        parts = [streams[place] for place in call.places]
        chosen, won = choice(call, [other.values for other in streams])
        raised, lowered = tuple(part.raised for part in parts), tuple(part.lowered for part in parts)
        counted = won(tuple(part.ones for part in parts)) if _has_ones(call, streams) else None
        return _Parts(chosen, won(raised), won(lowered), counted, *_made_by(parts))

    def _of_one_layer(self, call: Call, streams: Sequence[_Parts]) -> Sequence[_Parts]:
        """The streams of a call: layers end at a known factor, at a sum of unlike ways, and the first at later ones."""
        moved = [streams[place] for place in call.places]
        is_unlike = call.name in _SUMS and len({(own.is_weighted, own.n_layers) for own in moved}) > 1
        first_ends = is_unlike or len({own.ones is None for own in moved}) > 1

        def has_ended(own: _Parts) -> bool:
            return any(call.known) or (is_unlike and own.is_weighted) or (first_ends and own.ones is not None)

        return [
            _begun(self.closed(own), None, own.n_layers + 1)
            if call.moved[place] and has_ended(own) and is_real(own.values)
            else own
            for place, own in enumerate(streams)
        ]

    def closed(self, parts: _Parts) -> Array:
        """Logits, which no nonlinearity is behind, with the rule's gradient."""
        return self._ruled(parts.values, parts)

    def _ruled(self, results: Array, parts: _Parts) -> Array:
        if not parts.is_weighted:
            return in_proportion(results, parts.values if parts.ones is None else parts.ones)
        return self.rule(LayerParts(results, *parts[:4]))


def _made_by(parts: Sequence[_Parts]) -> tuple[bool, int]:
    """Whether weights have made any of it, and how many layers are in front of the last one."""
    return any(own.is_weighted for own in parts), max(own.n_layers for own in parts)


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
    return stream._replace(values=values, raised=raised, lowered=lowered, ones=ones)
