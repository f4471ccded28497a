"""The product of a dense layer with far more inputs than units, and its gradients."""

import jax
from jax import Array, lax


def wide_product(inputs: Array, kernel: Array, dimensions: lax.DotDimensionNumbers, precision: None = None) -> Array:
    """The product of a dense layer with far more inputs than units, `[N, inputs]` by `[inputs, units]`."""
    if dimensions != (((1,), (0,)), ((), ())):
        raise ValueError(f"the dimensions of a product of matrices, not {dimensions}")
    del precision
    return _product_with_tall_gradients(inputs, kernel)


@jax.custom_vjp
def _product_with_tall_gradients(inputs: Array, kernel: Array) -> Array:
    return inputs @ kernel


def _product_forward(inputs: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return inputs @ kernel, (inputs, kernel)


def _product_gradients(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    # JAX's own rule makes these products the other way round, for which XLA's CPU backend transposes the large factor.
    inputs, kernel = residuals
    return (kernel @ cotangent.T).T, inputs.T @ cotangent


_product_with_tall_gradients.defvjp(_product_forward, _product_gradients)
