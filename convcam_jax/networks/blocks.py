"""What the networks of Keras's applications are built of, and where it lies on the input.

Kernels are initialised as in Keras: Glorot uniform; biases are zero.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from convcam_jax.kernels.batch_normalisation import Moments, Nonlinearity, normalise, normalise_batch, running
from convcam_jax.kernels.image_convolution import NO_PADDING, Padding, Strides, convolution
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.geometry import Layer

Size = tuple[int, int]
# A convolution or pooling along the frequency and along the time.
Window = tuple[Layer, Layer]


def scaled(n_filters: int, width: float) -> int:
    """As many filters as a network of this width has, for the number in full width."""
    return int(n_filters * width)


def square_window(side: int, stride: int, padding: int = 0) -> Window:
    """A window that is equally long along both axes, with as much padding in front as behind."""
    layer = Layer(side, stride, padding, padding)
    return layer, layer


def same_window(size: Size) -> Window:
    """A window of an odd size, every cell, padded so that as many nodes are left as there were."""
    frequency, time = (Layer(side, 1, side // 2, side // 2) for side in size)
    return frequency, time


def padding_of(window: Window) -> Padding:
    """The padding of a convolution."""
    frequency, time = ((layer.padding, layer.padding_behind) for layer in window)
    return frequency, time


class Part(nn.Module):
    """A link of a chain (`networks.chain`); its name is that of an explained layer."""

    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind it; in training with which places of the batch are `present`."""
        raise NotImplementedError

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """The convolutions and poolings on the widest way through it, in a network for the grid (F, T)."""
        raise NotImplementedError


class Normalisation(nn.Module):
    """Batch normalisation and the nonlinearity behind it: by the batch if it is told which places are `present`."""

    epsilon: float
    nonlinearity: Nonlinearity
    has_scale: bool = True

    @nn.compact
    def __call__(self, values: Float[Array, "B H W K"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """The values at the scale and offset of each channel, which are learned."""
        n_channels = values.shape[-1]
        ones = jnp.ones(n_channels)
        scale = self.param("scale", nn.initializers.ones_init(), (n_channels,)) if self.has_scale else ones
        offset = self.param("offset", nn.initializers.zeros_init(), (n_channels,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (n_channels,))
        variance = self.variable("batch_stats", "variance", jnp.ones, (n_channels,))
        how = self.epsilon, self.nonlinearity
        if present is None:
            return normalise(values, Moments(mean.value, variance.value), scale, offset, *how)
        normalised, moments = normalise_batch(values, scale, offset, present, *how)
        mean.value, variance.value = running(Moments(mean.value, variance.value), moments, present)
        return normalised


class Convolution(nn.Module):
    """A convolution, with a bias or without."""

    n_filters: int
    size: Size
    precision: Precision
    strides: Strides = (1, 1)
    padding: Padding = NO_PADDING
    has_bias: bool = False

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"]) -> Float[Array, "B H W K"]:
        """What is in front of any nonlinearity."""
        shape = (*self.size, values.shape[-1], self.n_filters)
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        values = convolution(values, kernel, self.strides, self.padding, self.precision)
        if not self.has_bias:
            return values
        return values + self.param("bias", nn.initializers.zeros_init(), (self.n_filters,))[None, None, None]
