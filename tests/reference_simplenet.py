"""SimpleNet written plainly, on padded inputs: what the packed network must equal."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax


def activations(
    params: dict, spectrograms: Array, as_factor: Callable[[Array], Array] = lambda values: values
) -> Array:
    """The last convolution's output `[N, H, W, K]` for inputs `[N, F, T]`; its factors may be made something else."""
    values = spectrograms[..., None]
    for layer in range(3):
        weights = params[f"convolutions_{layer}"]
        values = lax.conv_general_dilated(
            as_factor(values),
            as_factor(weights["kernel"]),
            (1, 1),
            "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        values = jax.nn.relu(values + weights["bias"][None, None, None])
        if layer < 2:
            values = max_pool(values, (1, 2))
    return values


def max_pool(values: Array, window: tuple[int, int]) -> Array:
    shape = (1, *window, 1)
    return lax.reduce_window(values, -jnp.inf, lax.max, shape, shape, "VALID")


def classify(params: dict, activations: Array) -> Array:
    """Logits `[N, C]` without dropout."""
    flat = max_pool(activations, (2, 2)).reshape(len(activations), -1)
    hidden = jax.nn.relu(flat @ params["dense"]["kernel"] + params["dense"]["bias"][None])
    return hidden @ params["output"]["kernel"] + params["output"]["bias"][None]


def logits(params: dict, spectrograms: Array) -> Array:
    return classify(params, activations(params, spectrograms))


def relative_error(value: Array, expected: Array) -> float:
    return float(jnp.linalg.norm(jnp.ravel(value - expected)) / jnp.linalg.norm(jnp.ravel(expected)))
