"""Batch normalisation of images, with the nonlinearity behind it, of a batch whose places may be empty.

Ioffe and Szegedy, "Batch Normalization", ICML 2015; the gradient is derived there. JAX's own keeps, and passes over,
several arrays as large as the images, which takes a CPU longer than the convolutions.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# Of the running moments. A training here has some hundred steps: with Keras's 0.99 they would still hold what they
# began with, and the network that is validated would not be the one that has learned.
MOMENTUM = 0.9
# A ReLU, one that is capped at 6, or none.
Nonlinearity = Literal["relu", "relu6", "none"]
_FUNCTIONS: dict[Nonlinearity, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "none": lambda values: values,
}


class Moments(NamedTuple):
    """Of the nodes of every channel: the mean, and the mean squared distance from it."""

    mean: Float[Array, " C"]
    variance: Float[Array, " C"]


def normalise(
    images: Float[Array, "B H W C"],
    moments: Moments,
    scale: Float[Array, " C"],
    offset: Float[Array, " C"],
    epsilon: float,
    nonlinearity: Nonlinearity,
) -> Float[Array, "B H W C"]:
    """Images at the scale and offset of each channel, with the nonlinearity, by moments that are known."""
    factor = scale * jax.lax.rsqrt(moments.variance + epsilon)
    return _FUNCTIONS[nonlinearity](_affine(images, factor, offset - moments.mean * factor))


def _affine(images: Array, factor: Array, summand: Array) -> Array:
    """Every channel times a factor of its own, plus a summand."""
    return images * factor[None, None, None] + summand[None, None, None]


def normalise_batch(
    images: Float[Array, "B H W C"],
    scale: Float[Array, " C"],
    offset: Float[Array, " C"],
    present: Bool[Array, " B"],
    epsilon: float,
    nonlinearity: Nonlinearity,
) -> tuple[Float[Array, "B H W C"], Moments]:
    """As `normalise`, by the moments of the images that are present; the moments too, which have no gradient.

    Differentiable in the first three. Images that are not present are normalised as the others are.
    """
    weight = _weight_of_a_node(present.astype(images.dtype), images.shape[1] * images.shape[2])
    normalised, moments = _normalise_batch(images, scale, offset, weight, epsilon, nonlinearity)
    return normalised, jax.lax.stop_gradient(moments)


def normalise_strip(
    strip: Float[Array, "H L C"],
    scale: Float[Array, " C"],
    offset: Float[Array, " C"],
    sounding: Bool[Array, " L"],
    epsilon: float,
    nonlinearity: Nonlinearity,
) -> tuple[Float[Array, "H L C"], Moments]:
    """As `normalise_batch`, of a strip of recordings (`packing`), by the moments of its sounding columns.

    The other columns are zero before and after, so that they count in nothing.
    """
    inside = sounding[None, :, None]
    # One image, all of whose nodes count: those that are silent add nothing to the sums.
    weight = _weight_of_a_node(sounding.astype(strip.dtype), len(strip)).max()[None]
    image = jnp.where(inside, strip, 0.0)[None]
    normalised, moments = _normalise_batch(image, scale, offset, weight, epsilon, nonlinearity)
    return jnp.where(inside, normalised[0], 0.0), jax.lax.stop_gradient(moments)


def running(before: Moments, moments: Moments, present: Bool[Array, " n"]) -> Moments:
    """The running moments behind a batch with these moments, see `MOMENTUM`; as they were if nothing is present."""
    momentum = jnp.where(jnp.any(present), MOMENTUM, 1.0)
    return Moments(*(momentum * own + (1 - momentum) * new for own, new in zip(before, moments, strict=True)))


def _weight_of_a_node(present: Array, n_nodes: int) -> Array:
    """What a node counts in a mean over all that are present, which have `n_nodes` each."""
    return present / (jnp.maximum(jnp.sum(present), 1.0) * n_nodes)


def _moments(images: Array, weight: Array) -> Moments:
    # Sums of the images themselves and of their squares: XLA's CPU backend has no need to write anything for them.
    of_images, of_squares = jnp.sum(images, (1, 2)), jnp.sum(jnp.square(images), (1, 2))
    mean = weight @ of_images
    variance = jnp.maximum(weight @ of_squares - jnp.square(mean), 0.0)
    # Where nothing is present a variance of 0 would make every layer's values larger, beyond all numbers in the end.
    return Moments(mean, jnp.where(jnp.any(weight > 0), variance, 1.0))


@partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def _normalise_batch(
    images: Array, scale: Array, offset: Array, weight: Array, epsilon: float, nonlinearity: Nonlinearity
) -> tuple[Array, Moments]:
    return _forward(images, scale, offset, weight, epsilon, nonlinearity)[0]


def _forward(
    images: Array, scale: Array, offset: Array, weight: Array, epsilon: float, nonlinearity: Nonlinearity
) -> tuple[tuple[Array, Moments], tuple[Array, ...]]:
    moments = _moments(images, weight)
    result = normalise(images, moments, scale, offset, epsilon, nonlinearity)
    return (result, moments), (images, scale, offset, weight, *moments)


def _gradients(
    epsilon: float, nonlinearity: Nonlinearity, residuals: tuple[Array, ...], cotangents: tuple[Array, Moments]
) -> tuple[Array, ...]:
    images, scale, offset, weight, mean, variance = residuals
    by_deviation = jax.lax.rsqrt(variance + epsilon)
    factor = scale * by_deviation
    before = _affine(images, factor, offset - mean * factor)
    [passed] = jax.vjp(_FUNCTIONS[nonlinearity], before)[1](cotangents[0])
    by_offset = jnp.sum(passed, (0, 1, 2))
    by_scale = by_deviation * (jnp.sum(passed * images, (0, 1, 2)) - mean * by_offset)
    # Every image that is present moves the moments, by which all are normalised.
    slope = by_deviation * by_scale
    by_moments = weight[:, None, None, None] * _affine(images, slope, by_offset - mean * slope)
    by_images = factor[None, None, None] * (passed - by_moments)
    return by_images, by_scale, by_offset, jnp.zeros_like(weight)


_normalise_batch.defvjp(_forward, _gradients)
