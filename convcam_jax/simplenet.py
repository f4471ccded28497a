"""SimpleNet in Flax (paper, section 3.2 and Figure 7).

Three valid 3x3 convolutions with 64, 128 and 256 filters, each with ReLU and max-pooling, by 2 along the time after the
first two and by 2 along both axes after the last; a dense layer of 128 units with ReLU and dropout; a dense layer with
one unit per class. Kernels are initialised as in Keras, which the authors used: Glorot uniform, biases zero.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from convcam_jax.config import ModelConfig
from convcam_jax.convolution import Precision, strip_convolution
from convcam_jax.packing import Strip, pack, slot_columns, unpack
from convcam_jax.placement import Layer

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


class StripConvolution(nn.Module):
    """A valid convolution of a strip, max-pooling along the time, bias and ReLU."""

    features: int
    time_pool: int
    precision: Precision

    @nn.compact
    def __call__(self, values: Array, silence: Array, sounding: Array) -> tuple[Array, Array]:
        """The layer's output on the strip and over silence.

        Args:
          values: `[H, T, C]`.
          silence: `[C]`, what the columns of `values` hold over zero padding.
          sounding: `[T / time_pool]` bool, which columns of the output lie inside a recording.

        Returns:
          `[H - 2, T / time_pool, features]` and `[features]`.
        """
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (*KERNEL, values.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        values = strip_convolution(values, kernel, self.precision)
        # Bias and ReLU grow with their argument, so they give the same after the pooling, on half the columns.
        values = _max_over_time(values, self.time_pool)
        silence = nn.relu(silence @ kernel.sum((0, 1)) + bias)
        return jnp.where(sounding[:, None], nn.relu(values + bias), silence), silence


class SimpleNet(nn.Module):
    """The network; `apply` takes `spectrograms [N, F, T]` and `n_frames [N]`, and gives logits `[N, n_classes]`."""

    config: ModelConfig
    n_classes: int
    precision: Precision = "float32"

    def setup(self) -> None:
        """Make the layers."""
        self.convolutions = [
            StripConvolution(features, time_pool, self.precision)
            for features, time_pool in zip(self.config.filters, (*(pool[1] for pool in POOLS[:-1]), 1), strict=True)
        ]
        self.dense = nn.Dense(self.config.dense_units, kernel_init=nn.initializers.glorot_uniform())
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
        activations = self.activations(strip)
        pooled = Activations(_max_pool(activations.values, POOLS[-1]), activations.silence)
        _, width = last_convolution_shape(n_bins, n_input_frames)
        return self._classify(unpack(pooled.values, strip, pooled.silence, width // POOLS[-1][1]), dropout)

    def activations(self, strip: Strip) -> Activations:
        """The last convolution's output after ReLU (A in Eq. 3), on the strip."""
        values, silence = strip.values[:, :, None], jnp.zeros(1)
        reduction = 1
        for convolution in self.convolutions:
            reduction *= convolution.time_pool
            values, silence = convolution(values, silence, strip.sounding[::reduction])
        return Activations(values, silence)

    def classify_activations(self, activations: Array) -> Array:
        """Logits `[N, n_classes]` from the last convolution's output `[N, H, W, K]`, without dropout."""
        return self._classify(_max_pool(activations, POOLS[-1]), dropout=False)

    def _classify(self, pooled: Array, dropout: bool) -> Array:
        hidden = nn.relu(self.dense(pooled.reshape(len(pooled), -1)))
        return self.output(self.dropout(hidden, deterministic=not dropout))


def n_parameters(params: dict) -> int:
    """Number of weights and biases in a tree of parameters."""
    return sum(math.prod(leaf.shape) for layer in params.values() for leaf in layer.values())


def _max_over_time(values: Array, pool: int) -> Array:
    return _max_pool(values, (1, pool))


def _max_pool(values: Array, pool: tuple[int, int]) -> Array:
    """Max-pooling of `[..., H, W, C]`; a remainder that does not fill a window is left out.

    Pairwise maxima: their gradient is much cheaper than that of a windowed reduction.
    """
    height, width = values.shape[-3] // pool[0] * pool[0], values.shape[-2] // pool[1] * pool[1]
    values = values[..., :height, :width, :]
    rows = [values[..., i :: pool[0], :, :] for i in range(pool[0])]
    columns = [row[..., j :: pool[1], :] for row in rows for j in range(pool[1])]
    maximum = columns[0]
    for column in columns[1:]:
        maximum = jnp.maximum(maximum, column)
    return maximum
