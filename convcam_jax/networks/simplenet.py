"""SimpleNet in Flax (paper, section 3.2 and Figure 7).

Three valid 3x3 convolutions with 64, 128 and 256 filters, each with ReLU and max-pooling, by 2 along the time after the
first two and by 2 along both axes after the last; a dense layer of 128 units with ReLU and dropout; a dense layer with
one unit per class. Kernels are initialised as in Keras, which the authors used: Glorot uniform, biases zero.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.attribution.placement import Layer, Placement, make_placement
from convcam_jax.kernels.packing import Strip, pack, slot_columns, unpack
from convcam_jax.kernels.pooling import max_pool
from convcam_jax.kernels.strip_convolution import strip_convolution
from convcam_jax.settings.config import MapPlacement, ModelConfig, Precision

KERNEL = (3, 3)
# (frequency, time) after each convolution.
POOLS = ((1, 2), (1, 2), (2, 2))


class Activations(NamedTuple):
    """Output of the last convolution, after ReLU: `values [H, L / 4, K]` on the strip, `silence [K]` over padding."""

    values: Array
    silence: Array


def last_convolution_shape(n_bins: int, n_frames: int) -> tuple[int, int]:
    """Rows and columns (H, W) of the last convolution's output; 90 x 47 for the paper's 96 bins x 202 frames."""
    height, width = n_bins, n_frames
    for pool_height, pool_width in ((1, 1), *POOLS[:-1]):
        height = height // pool_height - (KERNEL[0] - 1)
        width = width // pool_width - (KERNEL[1] - 1)
    return height, width


def layers_before_map() -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """The layers up to the last convolution along the (frequency, time) axis, for the receptive fields of its nodes."""
    axes = []
    for axis in (0, 1):
        layers = [layer for pool in POOLS[:-1] for layer in (Layer(KERNEL[axis]), Layer(pool[axis], stride=pool[axis]))]
        axes.append((*layers, Layer(KERNEL[axis])))
    return axes[0], axes[1]


def map_placement(kind: MapPlacement, grid: tuple[int, int]) -> Placement:
    """How a map of the last convolution is placed on the grid (F, T) of the network's inputs."""
    return make_placement(kind, last_convolution_shape(*grid), grid, layers_before_map())


class StripConvolution(nn.Module):
    """A valid convolution of a strip, max-pooling, bias and ReLU."""

    features: int
    precision: Precision

    @nn.compact
    def __call__(self, values: Array, silence: Array, sounding: Array, pool: tuple[int, int]) -> tuple[Array, Array]:
        """The layer's output on the strip and over silence.

        Args:
          values: `[H, T, C]`.
          silence: `[C]`, what the columns of `values` hold over zero padding.
          sounding: `[T / pool[1]]` bool, which columns of the output lie inside a recording.
          pool: (frequency, time).

        Returns:
          `[(H - 2) / pool[0], T / pool[1], features]` and `[features]`.
        """
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (*KERNEL, values.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        # Pooled before bias and ReLU, which grow with their argument: they give the same, on fewer values.
        values = strip_convolution(values, kernel, self.precision, pool)
        silence = nn.relu(silence @ kernel.sum((0, 1)) + bias)
        return jnp.where(sounding[:, None], nn.relu(values + bias), silence), silence


class SimpleNet(nn.Module):
    """The network; `apply` takes `spectrograms [N, F, T]` and `n_frames [N]`, and gives logits `[N, n_classes]`."""

    config: ModelConfig
    n_classes: int
    precision: Precision = "float32"

    def setup(self) -> None:
        """Make the layers."""
        self.convolutions = [StripConvolution(features, self.precision) for features in self.config.filters]
        self.dense = nn.Dense(
            self.config.dense_units, kernel_init=nn.initializers.glorot_uniform(), dot_general=_wide_product
        )
        self.dropout = nn.Dropout(self.config.dropout_rate)
        self.output = nn.Dense(self.n_classes, kernel_init=nn.initializers.glorot_uniform())

    def __call__(self, spectrograms: Array, n_frames: Array, n_columns: int = 0, dropout: bool = False) -> Array:
        """Logits `[N, n_classes]`.

        Args:
          spectrograms: `[N, F, T]`, zero beyond `n_frames`.
          n_frames: `[N]` int, frames that hold sound.
          n_columns: length of the strip that the recordings are packed on; 0 for one that always suffices.
          dropout: whether dropout is on; needs an rng named `dropout`.
        """
        n_recordings, n_bins, n_input_frames = spectrograms.shape
        strip = pack(spectrograms, n_frames, n_columns or n_recordings * int(slot_columns(n_input_frames)))
        pooled = self._convolve(strip, POOLS)
        return self._classify(_unpack_pooled(pooled, strip, (n_bins, n_input_frames)), dropout)

    def activations(self, strip: Strip) -> Activations:
        """The last convolution's output after ReLU (A in Eq. 3), on the strip."""
        return self._convolve(strip, (*POOLS[:-1], (1, 1)))

    def _convolve(self, strip: Strip, pools: Sequence[tuple[int, int]]) -> Activations:
        values, silence = strip.values[:, :, None], jnp.zeros(1)
        reduction = 1
        for convolution, pool in zip(self.convolutions, pools, strict=True):
            reduction *= pool[1]
            values, silence = convolution(values, silence, strip.sounding[::reduction], pool)
        return Activations(values, silence)

    def classify_activations(self, activations: Array) -> Array:
        """Logits `[N, n_classes]` from the last convolution's output `[N, H, W, K]`, without dropout."""
        return self._classify(max_pool(activations, POOLS[-1]), dropout=False)

    def offset_weights(self) -> Array:
        """What the dense layer makes of an offset of each channel: its weights, summed over the nodes, `[K, units]`."""
        kernel, n_channels = self.dense.variables["params"]["kernel"], self.config.filters[-1]

        def add(node: Array, total: Array) -> Array:
            return total + lax.dynamic_slice_in_dim(kernel, node * n_channels, n_channels)

        # XLA's CPU backend takes five times as long for a sum over rows.
        return lax.fori_loop(0, len(kernel) // n_channels, add, jnp.zeros((n_channels, kernel.shape[1])))

    def classify_with_offsets(self, pooled: Array, offsets: Array, offset_weights: Array) -> Array:
        """Logits `[N, n_classes]` of `pooled [N, h, w, K]` with `offsets [N, K]` added to all nodes, without dropout.

        The offsets are added behind the dense layer, by their `offset_weights`: their gradient then needs no array as
        large as what is pooled.
        """
        return self._classify(pooled, dropout=False, added=offsets @ offset_weights)

    def _classify(self, pooled: Array, dropout: bool, added: Array | float = 0.0) -> Array:
        hidden = nn.relu(self.dense(pooled.reshape(len(pooled), -1)) + added)
        return self.output(self.dropout(hidden, deterministic=not dropout))


def pool_last_convolution(activations: Activations, strip: Strip, grid: tuple[int, int]) -> Array:
    """What the dense layer gets of the last convolution's output: `[N, h, w, K]` for inputs of the grid (F, T)."""
    return _unpack_pooled(Activations(max_pool(activations.values, POOLS[-1]), activations.silence), strip, grid)


def _unpack_pooled(pooled: Activations, strip: Strip, grid: tuple[int, int]) -> Array:
    _, width = last_convolution_shape(*grid)
    return unpack(pooled.values, strip, pooled.silence, width // POOLS[-1][1])


def _wide_product(inputs: Array, kernel: Array, dimensions: lax.DotDimensionNumbers, precision: None = None) -> Array:
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


def n_parameters(params: dict) -> int:
    """Number of weights and biases in a tree of parameters."""
    return sum(math.prod(leaf.shape) for layer in params.values() for leaf in layer.values())
