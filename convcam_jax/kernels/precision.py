"""In which precision factors are multiplied; sums are float32 in either."""

from typing import Literal

import jax

Precision = Literal["float32", "bfloat16"]


def fastest_precision() -> Precision:
    """What trains fastest on this program's devices.

    On a CPU that is float32, also where the processor multiplies bfloat16: float32 convolutions take a fifth of the
    products, by Winograd's algorithm, whose sums bfloat16 would round too much.
    """
    return "float32" if jax.default_backend() == "cpu" else "bfloat16"
