"""Any function of JAX taken apart into its primitives, each of which is carried out in a way of one's own.

So methods of attribution change what goes through a network, which needs to know nothing of it. For every value a
stream is carried, such as what it is for an input and for a reference.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core
from jaxtyping import Array

from convcam_jax.attribution.propagation.calls import (
    CALLS,
    Call,
    Handling,
    Held,
    Stream,
    is_bend,
    kind,
    known_factors,
    makes_gate,
    refused,
)
from convcam_jax.attribution.propagation.loops import looped
from convcam_jax.kernels import winograd


def run(function: Callable[[Array], Array], values: Array, stream: Stream, handling: Handling[Stream]) -> Stream:
    """The stream of what `function` gives for `values`, from that of `values`.

    What the function detaches by `stop_gradient` counts as known of the input, not as moved by it.

    Raises:
      NoRuleError: there is a primitive that is neither linear nor a nonlinearity of one value.
    """
    with winograd.without_winograd():
        traced = jax.make_jaxpr(function)(values)
    [found] = _program(traced.jaxpr, traced.consts, [Held(stream, depends=True)], handling)
    if found.known_by:
        raise refused(f"{found.known_by}, whose results it uses otherwise than as factors")
    return found.own if found.depends else handling.constant(found.own)


def _program(
    jaxpr: core.Jaxpr, consts: Sequence[Any], arguments: Sequence[Held], handling: Handling[Any]
) -> list[Held]:
    held: dict[Any, Held] = {}
    held.update(zip(jaxpr.constvars, map(Held, consts), strict=True))
    held.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Held:
        return Held(atom.val) if isinstance(atom, core.Literal) else held[atom]

    for equation in jaxpr.eqns:
        results = _step(equation, [read(atom) for atom in equation.invars], handling)
        held.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _step(equation: Any, operands: Sequence[Held], handling: Handling[Any]) -> list[Held]:
    name = str(equation.primitive.name)
    known = known_factors(name, operands)
    known_by = next((held.known_by for held in operands if held.known_by), name if known else "")
    operands = [
        Held(jax.lax.stop_gradient(handling.value(held.own)), known_by=known_by) if place in known else held
        for place, held in enumerate(operands)
    ]
    call = Call(equation, tuple(held.depends for held in operands), tuple(bool(held.known_by) for held in operands))
    if call.name == "stop_gradient":
        return [Held(own) for own in call(*(handling.value(h.own) if h.depends else h.own for h in operands))]
    if not call.places:
        return [Held(own, known_by=known_by) for own in call(*(held.own for held in operands))]
    if call.name in CALLS and not is_bend(call):
        inner = equation.params[CALLS[call.name]]
        return _program(inner.jaxpr, inner.consts, operands, handling)
    if call.name == "scan":
        return looped(call, operands, handling, _program)
    return _handled(call, operands, handling)


def _handled(call: Call, operands: Sequence[Held], handling: Handling[Any]) -> list[Held]:
    streams = [held.own if held.depends else handling.constant(held.own) for held in operands]
    is_gate = makes_gate(call, operands)
    if is_bend(call):
        return [Held(handling.bend(call, streams), True, is_gate)]
    if kind(call) == "linear":
        return [Held(own, True, is_gate) for own in handling.linear(call, streams)]
    if len(call.equation.outvars) != 1:
        raise refused(f"{call.name}, which compares values and has several results")
    return [Held(handling.select(call, streams), True)]
