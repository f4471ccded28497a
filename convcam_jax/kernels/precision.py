"""In which precision factors are multiplied; sums are float32 in either."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

Precision = Literal["float32", "bfloat16"]


def fastest_precision() -> Precision:
    """What trains fastest on this program's devices.

    On a CPU that is float32, also where the processor multiplies bfloat16: float32 convolutions take a fifth of the
    products, by Winograd's algorithm, whose sums bfloat16 would round too much.
    """
    return "float32" if jax.default_backend() == "cpu" else "bfloat16"


def rounded(precision: Precision) -> Callable[[Array], Array]:
    """What makes float32 factors of float32 values."""
    if precision == "float32":
        return _unchanged
    # Not two conversions of type: XLA leaves those out.
    return partial(lax.reduce_precision, exponent_bits=8, mantissa_bits=7)


def as_factor(precision: Precision) -> Callable[[Array], Array]:
    """What makes factors of matrix products: in bfloat16, a CPU multiplies them rounded, but as float32."""
    if precision == "float32" or jax.default_backend() == "cpu":
        return rounded(precision)
    return lambda values: values.astype(jnp.bfloat16)


def _unchanged(values: Array) -> Array:
    return values
