"""How `vmap` over members is carried out where batching them gains nothing."""

from collections.abc import Callable
from typing import TypeVar

import jax
from jax import Array, lax
from jax.custom_batching import custom_vmap

Result = TypeVar("Result")


def one_member_after_another(compute: Callable[..., Result]) -> Callable[..., Result]:
    """`compute`, of arrays to a tree of arrays, but mapped over members by a loop where `vmap` would batch it.

    In the place of an array there may be None.
    """
    compute = custom_vmap(compute)

    @compute.def_vmap
    def _loop(axis_size: int, in_batched: list[bool | None], *operands: Array | None) -> tuple[Result, Result]:
        del axis_size
        mapped = tuple(operand for operand, batched in zip(operands, in_batched, strict=True) if batched)

        def one_member(own: tuple[Array, ...]) -> Result:
            remaining = iter(own)
            return compute(*(next(remaining) if b else o for o, b in zip(operands, in_batched, strict=True)))

        results = lax.map(one_member, mapped)
        return results, jax.tree.map(lambda _: True, results)

    return compute


def images_in_one_batch(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """`compute`, of images and a kernel; mapped over images it is one batch of them, over kernels a loop."""
    one_batch, in_turn = custom_vmap(compute), one_member_after_another(compute)

    @one_batch.def_vmap
    def _rule(axis_size: int, in_batched: list[bool], images: Array, kernel: Array) -> tuple[Array, bool]:
        images_batched, kernel_batched = in_batched
        if kernel_batched:
            return jax.vmap(in_turn, in_axes=(0 if images_batched else None, 0))(images, kernel), True
        results = one_batch(images.reshape(-1, *images.shape[2:]), kernel)
        return results.reshape(axis_size, -1, *results.shape[1:]), True

    return one_batch
