"""How `vmap` over members is carried out where batching them gains nothing."""

from collections.abc import Callable

from jax import Array, lax
from jax.custom_batching import custom_vmap


def one_member_after_another(compute: Callable[..., Array]) -> Callable[..., Array]:
    """`compute`, but mapped over members by a loop where `vmap` would batch it."""
    compute = custom_vmap(compute)

    @compute.def_vmap
    def _loop(axis_size: int, in_batched: list[bool], *operands: Array) -> tuple[Array, bool]:
        del axis_size
        mapped = tuple(operand for operand, batched in zip(operands, in_batched, strict=True) if batched)

        def one_member(own: tuple[Array, ...]) -> Array:
            remaining = iter(own)
            return compute(*(next(remaining) if b else o for o, b in zip(operands, in_batched, strict=True)))

        return lax.map(one_member, mapped), True

    return compute
