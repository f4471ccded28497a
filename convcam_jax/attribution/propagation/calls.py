"""The primitives of JAX, by what becomes of what depends on an input in them.

Where a network multiplies values that both depend on the input, one of them is a factor that counts as known of this
input: gates (Arras et al., "Explaining recurrent neural network predictions in sentiment analysis", WASSA 2017), the
weights of attention and the scale of a normalisation (Ali et al., "XAI for transformers: better explanations through
conservative propagation", ICML 2022).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array

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
# Of these nonlinearities the results are gates where they, or 1 less them, multiply something.
_GATES = frozenset({"logistic"})
# What they give is known of the input as a factor, and as nothing else.
_SCALES = frozenset({"exp", "exp2", "integer_pow", "log", "pow", "rsqrt", "sqrt", "square"})
_BY_ELEMENT = _BENDS | _SCALES | {"add", "convert_element_type", "copy", "div", "mul", "neg", "sub"}
CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}
# What is kept with a gradient, or a way of being mapped, of its own, and loops: they are not taken apart.
_KERNELS = frozenset({"custom_vjp_call", "custom_vjp_call_jaxpr", "custom_vmap_call"})
_WHOLE = _KERNELS | {"scan", "while"}
# What has operands of several kinds.
_PARTED = _WHOLE | set(CALLS)
# What makes one value of several.
_SUMMING = _WHOLE | {"conv_general_dilated", "cumsum", "dot_general", "reduce_sum", "reduce_window_sum"}
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
    """A primitive with its parameters, and what its operands are.

    Attributes:
      moved: which depend on the input.
      known: which of the others follow from it, and count as known factors.
    """

    equation: Any
    moved: tuple[bool, ...]
    known: tuple[bool, ...]

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
    if call.name == "while" and real:
        raise refused("while, which may multiply with weights")
    if call.name not in (*_PRODUCTS, "div") and not (call.name in _KERNELS and real):
        return None
    if len(call.places) != 1 or len(real) != 1:
        raise refused(f"{call.name} of several factors that may be weights")
    return real[0]


def bent(call: Call, values: Sequence[Any]) -> Callable[[Array], Array]:
    """A nonlinearity as a function of the one operand that depends on the input; the others are of `values`.

    At a limit itself its slope is 0, which is that of JAX's ReLU, and not that of the primitive it is made of.
    """
    if call.name not in _LIMITS:
        return call.of_moved(values)
    [limit] = [own for place, own in enumerate(values) if not call.moved[place]]
    reaches = jnp.less_equal if call.name == "max" else jnp.greater_equal
    return lambda own: jnp.where(reaches(own, limit), limit, own)


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

    def pack(self, stream: Stream) -> Any:
        """The arrays that a stream is from step to step of a loop."""

    def unpack(self, arrays: Any) -> Stream:
        """The stream of what `pack` has given."""


class Held(NamedTuple):
    """What a program holds.

    Attributes:
      own: a stream, or the value of what does not depend on the input.
      depends: whether it is a stream.
      is_gate: whether this stream counts as known of the input where it multiplies another one.
      known_by: for a value that follows from the input and counts as known of it, but only as a factor, the primitive
        that it became known by; else nothing.
    """

    own: Any
    depends: bool = False
    is_gate: bool = False
    known_by: str = ""


def known_factors(name: str, operands: Sequence[Held]) -> set[int]:
    """Which streams among the operands of a primitive count as known of the input, as they are no terms of a sum.

    Raises:
      NoRuleError: gates multiply each other, of which none is known to be a share of the other.
    """
    moved = [place for place, held in enumerate(operands) if held.depends]
    if name == "div":
        return {1} & set(moved)
    if name in _PRODUCTS and len(moved) > 1:
        gates = {place for place in moved if operands[place].is_gate}
        if len(gates) > 1:
            raise refused(f"{name} of several gates")
        # Where none is a gate, the product is a factor of something else, as that of query and key is.
        return gates or set(moved)
    are_factors = any(held.known_by for held in operands) and name not in _PARTED | _PRODUCTS
    return set(moved) if name in _SCALES or are_factors else set()


def is_bend(call: Call) -> bool:
    """Whether it is a nonlinearity of one value, element by element, perhaps a function of several primitives."""
    if len(call.places) != 1:
        return False
    if call.name in _BENDS | _LIMITS:
        return True
    if call.name not in CALLS or len(call.equation.outvars) != 1:
        return False
    inner = call.equation.params[CALLS[call.name]].jaxpr.eqns
    names = _inner_names(call.equation)
    return len(inner) > 1 and bool(names & (_BENDS | _SCALES)) and names <= _BY_ELEMENT | set(CALLS)


def makes_gate(call: Call, operands: Sequence[Held]) -> bool:
    """Whether what is linear or bent there is a gate: 1 less a gate is one, too, and what sums several is none."""
    return call.name in _GATES or (call.name not in _SUMMING and all(operands[place].is_gate for place in call.places))


def kind(call: Call) -> str:
    """Whether a primitive is linear in what depends on the input or selects from it.

    Raises NoRuleError if it is neither.
    """
    name = call.name
    is_linear = name in _LINEAR
    if name == "select_n" and call.moved[0]:
        is_linear = False
    if is_linear:
        return "linear"
    if name in _SELECTING:
        return "selecting"
    if len(call.places) > 1 and _inner_names(call.equation) & (_PRODUCTS | {"div"}):
        raise refused(f"{name}, which may multiply values that all depend on the input")
    without_rule = unknown(call)
    if without_rule or name not in _WHOLE:
        raise refused(f"{', '.join(without_rule) or name}, of which no rule is known")
    return "selecting" if _inner_names(call.equation) & _SELECTING else "linear"


def unknown(call: Call) -> list[str]:
    """The primitives without a rule in a call that is not taken apart."""
    names = _inner_names(call.equation) if call.name in _WHOLE else {call.name}
    return sorted(names - _LINEAR - _SELECTING - _BOOKKEEPING - _WHOLE - set(CALLS))


def _inner_names(equation: Any) -> set[str]:
    """The primitives of which a call consists, those within it, too."""
    names: set[str] = set()
    for parameter in equation.params.values():
        for inner in parameter if isinstance(parameter, tuple | list) else (parameter,):
            if isinstance(inner, core.ClosedJaxpr):
                for inner_equation in inner.jaxpr.eqns:
                    names |= {inner_equation.primitive.name} | _inner_names(inner_equation)
    return names
