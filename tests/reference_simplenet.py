"""SimpleNet written plainly, on padded inputs: what the packed network must equal."""

import jax
import jax.numpy as jnp
from jax import Array, lax


def activations(params: dict, spectrograms: Array) -> Array:
    """The last convolution's output `[N, H, W, K]` for inputs `[N, F, T]`."""
    values = spectrograms[..., None]
    for layer in range(3):
        weights = params[f"convolutions_{layer}"]
        values = lax.conv_general_dilated(
            values, weights["kernel"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        values = jax.nn.relu(values + weights["bias"])
        if layer < 2:
            values = max_pool(values, (1, 2))
    return values


def max_pool(values: Array, window: tuple[int, int]) -> Array:
    shape = (1, *window, 1)
    return lax.reduce_window(values, -jnp.inf, lax.max, shape, shape, "VALID")


def classify(params: dict, activations: Array) -> Array:
    """Logits `[N, C]` without dropout."""
    flat = max_pool(activations, (2, 2)).reshape(len(activations), -1)
    hidden = jax.nn.relu(flat @ params["dense"]["kernel"] + params["dense"]["bias"])
    return hidden @ params["output"]["kernel"] + params["output"]["bias"]


def logits(params: dict, spectrograms: Array) -> Array:
    return classify(params, activations(params, spectrograms))
