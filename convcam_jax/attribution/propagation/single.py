"""What is mapped over an axis of length 1 computed without that axis."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.custom_batching import custom_vmap
from jaxtyping import Array


def without_an_axis_of_one(function: Callable[..., Array]) -> Callable[..., Array]:
    """`function` of arrays, whose `vmap` over an axis of length 1 takes the axis away and puts it back.

    XLA's compiler for CPUs (jaxlib 0.10) gets networks wrong behind such an axis whose choice at a maximum sends back
    another gradient. `function` must close over no array that is traced: `custom_vmap` does not see those.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def _(axis_size: int, in_batched: Sequence[bool], *operands: Any) -> tuple[Array, bool]:
        if axis_size == 1:
            alone = (own[0] if batched else own for own, batched in zip(operands, in_batched, strict=True))
            return mapped(*alone)[None], True
        several = jax.vmap(function, [0 if batched else None for batched in in_batched])
        # An axis of length 1 may lie around this one.
        return without_an_axis_of_one(several)(*operands), True

    return mapped
