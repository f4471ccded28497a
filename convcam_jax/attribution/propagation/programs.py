"""Any function of JAX taken apart into its primitives, each of which is carried out in a way of one's own.

So methods of attribution change what goes through a network, which needs to know nothing of it. For every value a
stream is carried, such as what it is for an input and for a reference.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array

from convcam_jax.kernels import winograd
from convcam_jax.system.errors import UserError

Stream = TypeVar("Stream")

_LINEAR = frozenset(
    (
        *("add", "add_any", "broadcast_in_dim", "concatenate", "conv_general_dilated", "convert_element_type", "copy"),
        *("cumsum", "div", "dot_general", "dynamic_slice", "dynamic_update_slice", "expand_dims", "gather", "mul"),
        *("neg", "optimization_barrier", "pad", "pvary", "reduce_precision", "reduce_sum", "reduce_window_sum"),
        *("reshape", "rev", "select_n", "slice", "split", "squeeze", "stack", "sub", "transpose"),
    )
)
# Linear only if all but one of their factors are the same for all inputs.
_PRODUCTS = frozenset({"conv_general_dilated", "dot_general", "mul"})
_SELECTING = frozenset({"max", "min", "reduce_max", "reduce_min", "reduce_window", "reduce_window_max"})
_LIMITS = frozenset({"max", "min"})
_BENDS = frozenset({"abs", "erf", "logistic", "tanh"})
_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}
# What is kept with a gradient, or a way of being mapped, of its own, and loops: they are not taken apart.
_KERNELS = frozenset({"custom_vjp_call", "custom_vjp_call_jaxpr", "custom_vmap_call"})
_LOOPS = frozenset({"scan", "while"})
_WHOLE = _KERNELS | _LOOPS
# Found inside them, of places and of winners.
_BOOKKEEPING = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "iota", "cond"})


class NoRuleError(UserError):
    """A network computes something that no rule is known for."""


def refused(what: str) -> NoRuleError:
    """The error that says what in a network has no rule."""
    return NoRuleError(
        f"config field attribution.method: needs a rule for all that the network computes, which has {what}"
    )


class Call(NamedTuple):
    """A primitive with its parameters, and which of its operands depend on the input."""

    equation: Any
    moved: tuple[bool, ...]

    @property
    def name(self) -> str:
        """The primitive's."""
        return str(self.equation.primitive.name)

    @property
    def places(self) -> list[int]:
        """Those of the operands that depend on the input."""
        return [place for place, own in enumerate(self.moved) if own]

    def __call__(self, *operands: Any) -> list[Array]:
        """Its results."""
        found = self.equation.primitive.get_bind_params(self.equation.params)
        # Earlier versions of JAX gave functions apart.
        functions, parameters = found if isinstance(found, tuple) else ((), found)
        results = self.equation.primitive.bind(*functions, *operands, **parameters)
        return list(results) if self.equation.primitive.multiple_results else [results]

    def of_moved(self, constants: Sequence[Any]) -> Callable[..., Array]:
        """Its only result as a function of the operands that depend on the input; the others are `constants`."""

        def function(*moved: Array) -> Array:
            given = dict(zip(self.places, moved, strict=True))
            return self(*(given.get(place, own) for place, own in enumerate(constants)))[0]

        return function


def is_real(value: Any) -> bool:
    """Whether a value can be differentiated, or be weights."""
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.floating))


def place_of_weights(call: Call, values: Sequence[Any]) -> int | None:
    """Which operand of a linear call, of these `values`, are the weights that it multiplies with; None without any.

    Raises:
      NoRuleError: it cannot be known.
    """
    real = [place for place, own in enumerate(values) if not call.moved[place] and is_real(own)]
    if call.name in _LOOPS and real:
        raise refused(f"{call.name}, which may multiply with weights")
    if call.name not in (*_PRODUCTS, "div") and not (call.name in _KERNELS and real):
        return None
    if len(call.places) != 1 or len(real) != 1:
        raise refused(f"{call.name} of several factors that may be weights")
    return real[0]


def choice(call: Call, values: Sequence[Any]) -> tuple[Array, Callable[[tuple[Array, ...]], Array]]:
    """What a selecting call chooses of `values`; and what it would choose of others, the winners being the same."""
    chosen, back = jax.vjp(call.of_moved(values), *(values[place] for place in call.places))
    _, of_winners = jax.vjp(back, chosen)
    return chosen, lambda others: of_winners(others)[0]


@runtime_checkable
class Handling(Protocol[Stream]):
    """What is done with each kind of primitive."""

    def constant(self, value: Any) -> Stream:
        """The stream of a value that does not depend on the input."""

    def value(self, stream: Stream) -> Any:
        """What a stream's value is for the input."""

    def linear(self, call: Call, streams: Sequence[Stream]) -> list[Stream]:
        """Through what is linear in the operands that depend on the input."""

    def bend(self, call: Call, streams: Sequence[Stream]) -> Stream:
        """Through a nonlinearity, element by element, of the one operand that depends on the input."""

    def select(self, call: Call, streams: Sequence[Stream]) -> Stream:
        """Through maxima or minima, of a window or of the operands that depend on the input."""


def run(function: Callable[[Array], Array], values: Array, stream: Stream, handling: Handling[Stream]) -> Stream:
    """The stream of what `function` gives for `values`, from that of `values`.

    What the function detaches by `stop_gradient` counts as known of the input, not as moved by it.

    Raises:
      NoRuleError: there is a primitive that is neither linear nor a nonlinearity of one value.
    """
    with winograd.without_winograd():
        traced = jax.make_jaxpr(function)(values)
    [(found, depends)] = _program(traced.jaxpr, traced.consts, [(stream, True)], handling)
    return found if depends else handling.constant(found)


# What a program holds: streams, and the values of what does not depend on the input; and whether it does.
_Held = tuple[Any, bool]


def _program(
    jaxpr: core.Jaxpr, consts: Sequence[Any], arguments: Sequence[_Held], handling: Handling[Any]
) -> list[_Held]:
    held: dict[Any, _Held] = {}
    held.update(zip(jaxpr.constvars, ((value, False) for value in consts), strict=True))
    held.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> _Held:
        return (atom.val, False) if isinstance(atom, core.Literal) else held[atom]

    for equation in jaxpr.eqns:
        results = _step(equation, [read(atom) for atom in equation.invars], handling)
        held.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _step(equation: Any, operands: Sequence[_Held], handling: Handling[Any]) -> list[_Held]:
    call = Call(equation, tuple(depends for _, depends in operands))
    if not call.places:
        return [(own, False) for own in call(*(own for own, _ in operands))]
    if call.name in _CALLS:
        inner = equation.params[_CALLS[call.name]]
        return _program(inner.jaxpr, inner.consts, operands, handling)
    if call.name == "stop_gradient":
        return [(own, False) for own in call(handling.value(operands[0][0]))]
    streams = [own if depends else handling.constant(own) for own, depends in operands]
    if call.name in _BENDS or (call.name in _LIMITS and len(call.places) == 1):
        return [(handling.bend(call, streams), True)]
    if _kind(call) == "linear":
        return [(own, True) for own in handling.linear(call, streams)]
    if len(equation.outvars) != 1:
        raise refused(f"{call.name}, which compares values and has several results")
    return [(handling.select(call, streams), True)]


def _kind(call: Call) -> str:
    """Whether a primitive is linear in what depends on the input or selects from it.

    Raises NoRuleError if it is neither.
    """
    name = call.name
    is_linear = name in _LINEAR
    if (name in _PRODUCTS and len(call.places) > 1) or (name == "div" and call.moved[1]):
        raise refused(f"{name} of two values that both depend on the input")
    if name == "select_n" and call.moved[0]:
        is_linear = False
    if is_linear:
        return "linear"
    if name in _SELECTING:
        return "selecting"
    names = _inner_names(call.equation) if name in _WHOLE else {name}
    unknown = sorted(names - _LINEAR - _SELECTING - _BOOKKEEPING - _WHOLE - set(_CALLS))
    if unknown or name not in _WHOLE:
        raise refused(f"{', '.join(unknown) or name}, of which no rule is known")
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
