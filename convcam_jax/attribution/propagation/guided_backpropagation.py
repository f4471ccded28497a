"""Guided backpropagation (Springenberg et al., ICLR workshops 2015)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.gradient import ruled_gradient
from convcam_jax.attribution.propagation.rules import Crossing


@jax.custom_vjp
def only_raises(values: Array) -> Array:
    """The values; of their gradient only what is positive goes back."""
    return values


def _forward(values: Array) -> tuple[Array, None]:
    return values, None


def _gradient(residuals: None, cotangent: Array) -> tuple[Array]:
    del residuals
    return (jnp.maximum(cotangent, 0),)


only_raises.defvjp(_forward, _gradient)


def guided(crossing: Crossing) -> Array:
    """Back through a nonlinearity goes its gradient, and of that only what raises the score."""
    return only_raises(crossing.results)


def guided_backpropagation(explained: Explained) -> Float[Array, "B F T"]:
    """Guided backpropagation of Springenberg et al., ICLR workshops 2015, arXiv:1412.6806 (section 3.4)."""
    return jnp.where(explained.present, ruled_gradient(explained, guided, explained.spectrograms), 0)


METHOD = Method(
    level="input",
    explain=guided_backpropagation,
    description="∂y/∂x, but only positive gradients go back through a nonlinearity",
    source="Springenberg et al., ICLR workshops 2015, arXiv:1412.6806",
    sign="both",
)
