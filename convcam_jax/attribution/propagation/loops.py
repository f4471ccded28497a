"""Loops of a program that is taken apart, such as a recurrence: their steps are, and the loop stays one."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax

from convcam_jax.attribution.propagation.calls import Call, Handling, Held, refused

# Of a function taken apart: what it gives for what its arguments hold.
Program = Callable[[Any, Sequence[Any], Sequence[Held], Handling[Any]], list[Held]]


class _Loop(NamedTuple):
    """A call of `lax.scan`, and what its steps are taken apart by.

    Attributes:
      constants: the same in every step.
      of_steps: of which each step has its part.
    """

    parameters: dict[str, Any]
    constants: Sequence[Held]
    of_steps: Sequence[Held]
    handling: Handling[Any]
    program: Program

    def packed(self, held: Held, depends: bool) -> Any:
        if not depends:
            return held.own
        return self.handling.pack(held.own if held.depends else self.handling.constant(held.own))

    def unpacked(self, own: Any, depends: bool) -> Held:
        return Held(self.handling.unpack(own) if depends else own, depends)

    def as_before(self, own: Any, held: Held) -> Held:
        """What has been packed of `held`."""
        return held._replace(own=self.handling.unpack(own) if held.depends else own)

    def step(self, carried: Sequence[Held], parts: Sequence[Any]) -> list[Held]:
        """What one step gives: what goes on to the next one, and its own results."""
        pairs = zip(parts, self.of_steps, strict=True)
        own = [self.as_before(part, held) for part, held in pairs]
        body = self.parameters["jaxpr"]
        return self.program(body.jaxpr, body.consts, [*self.constants, *carried, *own], self.handling)


def looped(call: Call, operands: Sequence[Held], handling: Handling[Any], program: Program) -> list[Held]:
    """Through a loop by `lax.scan`; from step to step what depends on the input goes as `Handling.pack` gives it.

    Raises:
      NoRuleError: a step hands on a factor that counts as known of the input.
    """
    n_constants, n_carried = (call.equation.params[name] for name in ("num_consts", "num_carry"))
    at_first = operands[n_constants : n_constants + n_carried]
    of_steps = operands[n_constants + n_carried :]
    loop = _Loop(call.equation.params, operands[:n_constants], of_steps, handling, program)
    parts = [loop.packed(held, held.depends) for held in of_steps]
    depends = _depend(loop, at_first, parts)
    results: list[Held] = []

    def step(carried: list[Any], own: list[Any]) -> tuple[list[Any], list[Any]]:
        results[:] = loop.step(list(map(loop.unpacked, carried, depends)), own)
        went_on = list(map(loop.packed, results, depends))
        return went_on, [loop.packed(held, held.depends) for held in results[n_carried:]]

    start = list(map(loop.packed, at_first, depends))
    length, reverse = (call.equation.params[name] for name in ("length", "reverse"))
    last, stacked = jax.lax.scan(step, start, parts, length=length, reverse=reverse)
    return [*map(loop.unpacked, last, depends), *map(loop.as_before, stacked, results[n_carried:])]


def _depend(loop: _Loop, at_first: Sequence[Held], parts: Sequence[Any]) -> list[bool]:
    """Of what goes from step to step, what depends on the input in any step."""
    depends = [held.depends for held in at_first]
    found: list[Held] = []

    def once(carried: list[Any], own: list[Any]) -> int:
        found[:] = loop.step(list(map(loop.unpacked, carried, depends)), own)
        return 0

    while True:
        start = list(map(loop.packed, at_first, depends))
        jax.eval_shape(once, start, jax.tree.map(lambda leaf: leaf[0], parts))
        went_on = found[: len(depends)]
        for held in (*at_first, *went_on):
            if held.known_by:
                raise refused(f"{held.known_by}, whose results a loop hands on from step to step")
        more = [before or held.depends for before, held in zip(depends, went_on, strict=True)]
        if more == depends:
            return depends
        depends = more
