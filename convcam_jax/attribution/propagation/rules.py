"""Networks whose nonlinearities send back something else than their gradient, their answers being the same.

Any function of JAX is taken apart into its primitives. What is linear in the input keeps its own gradient, so a network
needs to know nothing of this. Epsilon-LRP and DeepLIFT can be written so: Ancona et al., ICLR 2018, propositions 1, 2.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array

from convcam_jax.kernels.strip_convolution import pooled_apart
from convcam_jax.system.errors import UserError


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

_LINEAR = frozenset(
    (
        *("add", "add_any", "broadcast_in_dim", "concatenate", "conv_general_dilated", "convert_element_type", "copy"),
        *("cumsum", "div", "dot_general", "dynamic_slice", "dynamic_update_slice", "expand_dims", "gather", "mul"),
        *("neg", "optimization_barrier", "pad", "pvary", "reduce_sum", "reduce_window_sum", "reshape", "rev"),
        *("select_n", "slice", "split", "squeeze", "stack", "stop_gradient", "sub", "transpose"),
    )
)
# Linear only if all but one of their factors are the same for all inputs.
_PRODUCTS = frozenset({"conv_general_dilated", "dot_general", "mul"})
_SELECTING = frozenset({"max", "min", "reduce_max", "reduce_min", "reduce_window", "reduce_window_max"})
_LIMITS = frozenset({"max", "min"})
_BENDS = frozenset({"abs", "erf", "logistic", "tanh"})
_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}
# What is kept with a gradient, or a way of being mapped, of its own, and loops: they are not taken apart.
_WHOLE = frozenset({"custom_vjp_call", "custom_vjp_call_jaxpr", "custom_vmap_call", "scan", "while"})
# Found inside them, of places and of winners.
_BOOKKEEPING = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "iota", "cond"})

_REFUSED = "config field attribution.method: needs a rule for all that the network computes, which has "


class NoRuleError(UserError):
    """A network computes something that no rule is known for."""


def straight(results: Array, values: Array, slope: Array) -> Array:
    """`results`, whose gradient by `values` is `slope`."""
    return jax.lax.stop_gradient(results) + jax.lax.stop_gradient(slope) * (values - jax.lax.stop_gradient(values))


def with_rule(function: Callable[[Array], Array], rule: Rule) -> Callable[[Array, Array], Array]:
    """`function`, of an input and a reference of its shape: what it gives for the input, with the gradient of `rule`.

    Where values of a window or of several arrays are compared, the gradient is that of DeepLIFT for maxima (Shrikumar,
    Greenside and Kundaje, ICML 2017), which is the winner's alone where the reference is the input.

    Raises:
      NoRuleError: there is a primitive that is neither linear nor a nonlinearity of one value.
    """

    def changed(values: Array, reference: Array) -> Array:
        with pooled_apart():
            traced = jax.make_jaxpr(function)(values)
        [found] = _run(traced.jaxpr, traced.consts, [(values, jax.lax.stop_gradient(reference))], [True], rule)[0]
        return found[0]

    return changed


def _run(
    jaxpr: core.Jaxpr, consts: Sequence[Any], arguments: Sequence[_Streams], moved: Sequence[bool], rule: Rule
) -> tuple[list[_Streams], list[bool]]:
    """Results of a program, and whether each depends on the input."""
    held: dict[Any, tuple[_Streams, bool]] = {}
    for variable, const in zip(jaxpr.constvars, consts, strict=True):
        held[variable] = (const, const), False
    for variable, given, own in zip(jaxpr.invars, arguments, moved, strict=True):
        held[variable] = given, own

    def read(atom: Any) -> tuple[_Streams, bool]:
        return ((atom.val, atom.val), False) if isinstance(atom, core.Literal) else held[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        streams, dependent = [own for own, _ in operands], [depends for _, depends in operands]
        results, depend = _step(equation, streams, dependent, rule)
        held.update(zip(equation.outvars, zip(results, depend, strict=True), strict=True))
    outputs = [read(atom) for atom in jaxpr.outvars]
    return [own for own, _ in outputs], [depends for _, depends in outputs]


def _step(
    equation: Any, streams: Sequence[_Streams], moved: Sequence[bool], rule: Rule
) -> tuple[list[_Streams], list[bool]]:
    name, count = equation.primitive.name, len(equation.outvars)
    call = partial(_bind, equation)
    if not any(moved):
        results = call(*(own for own, _ in streams))
        return [(one, one) for one in results], [False] * count
    if name in _CALLS:
        inner = equation.params[_CALLS[name]]
        return _run(inner.jaxpr, inner.consts, streams, moved, rule)
    if name in _BENDS or (name in _LIMITS and sum(moved) == 1):
        return [_bend(call, streams, moved.index(True), rule)], [True]
    kind = _kind(equation, moved)
    if kind == "linear":
        pairs = zip(call(*(own for own, _ in streams)), call(*(other for _, other in streams)), strict=True)
        return [(one, jax.lax.stop_gradient(other)) for one, other in pairs], [True] * count
    if count != 1:
        raise NoRuleError(f"{_REFUSED}{name}, which compares values and has several results")
    return [_select(call, streams, moved)], [True]


def _bind(equation: Any, *operands: Any) -> list[Array]:
    found = equation.primitive.get_bind_params(equation.params)
    # Earlier versions of JAX gave functions apart.
    functions, parameters = found if isinstance(found, tuple) else ((), found)
    results = equation.primitive.bind(*functions, *operands, **parameters)
    return list(results) if equation.primitive.multiple_results else [results]


def _bend(call: Callable[..., list[Array]], streams: Sequence[_Streams], place: int, rule: Rule) -> _Streams:
    """A nonlinearity of the operand in `place`; the others are the same for all inputs."""

    def function(values: Array) -> Array:
        return call(*(values if i == place else own for i, (own, _) in enumerate(streams)))[0]

    values, reference = streams[place]
    results, reference_results = function(values), function(reference)
    return rule(Crossing(function, values, results, reference, reference_results)), reference_results


def _kind(equation: Any, moved: Sequence[bool]) -> str:
    """Whether a primitive is linear in what depends on the input or selects from it.

    Raises NoRuleError if it is neither.
    """
    name = equation.primitive.name
    is_linear = name in _LINEAR
    if (name in _PRODUCTS and sum(moved) > 1) or (name == "div" and moved[1]):
        raise NoRuleError(f"{_REFUSED}{name} of two values that both depend on the input")
    if name == "select_n" and moved[0]:
        is_linear = False
    if is_linear:
        return "linear"
    if name in _SELECTING:
        return "selecting"
    names = _inner_names(equation) if name in _WHOLE else {name}
    unknown = sorted(names - _LINEAR - _SELECTING - _BOOKKEEPING - _WHOLE - set(_CALLS))
    if unknown or name not in _WHOLE:
        raise NoRuleError(f"{_REFUSED}{', '.join(unknown) or name}, of which no rule is known")
    return "selecting" if names & _SELECTING else "linear"


def _inner_names(equation: Any) -> set[str]:
    """The primitives of which a call consists, those within it, too."""
    names: set[str] = set()
    for parameter in equation.params.values():
        for inner in parameter if isinstance(parameter, tuple | list) else (parameter,):
            if isinstance(inner, core.ClosedJaxpr):
                for own in inner.jaxpr.eqns:
                    names |= {own.primitive.name} | _inner_names(own)
    return names


def _select(call: Callable[..., list[Array]], streams: Sequence[_Streams], moved: Sequence[bool]) -> _Streams:
    """Maxima or minima of the moved operands; the gradient is divided between their winners and the reference's."""
    places = [place for place, own in enumerate(moved) if own]
    if not all(jnp.issubdtype(streams[place][0].dtype, jnp.floating) for place in places):
        return call(*(own for own, _ in streams))[0], call(*(other for _, other in streams))[0]

    def choose(*chosen: Array) -> Array:
        given = dict(zip(places, chosen, strict=True))
        return call(*(given.get(place, own) for place, (own, _) in enumerate(streams)))[0]

    values, references = (tuple(streams[place][k] for place in places) for k in (0, 1))
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
