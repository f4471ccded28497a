"""MobileNet in Flax, layer for layer as in Keras.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", arXiv:1704.04861,
as `keras.applications.MobileNet` has it: a 3 x 3 convolution of stride 2; 13 blocks of a 3 x 3 depthwise and a 1 x 1
convolution; batch normalisation and a ReLU capped at 6 behind every convolution; the mean over the nodes, dropout and a
dense layer. Kernels are initialised as in Keras: Glorot uniform; the bias is zero.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.batch_normalisation import Moments, normalise, normalise_batch
from convcam_jax.kernels.image_convolution import Padding, convolution, depthwise_convolution, pointwise_convolution
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.geometry import Geometry, Layer, make_geometry
from convcam_jax.networks.network import Shortcut, Variables
from convcam_jax.system.validation import require

KERNEL = (3, 3)
FIRST_FILTERS = 32
# Filters of the 1 x 1 convolution and stride of the depthwise one, of each block.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
MOMENTUM = 0.99
EPSILON = 1e-3
# In the order of computation, by which the layers are numbered.
_CONVOLUTIONS = ("convolution_1", *(f"block_{number}" for number in range(1, len(BLOCKS) + 1)))
_OUTPUT = "output"
_QUICKLY_COMPILED_WIDTH = 0.5


@dataclasses.dataclass(frozen=True)
class MobileNetConfig:
    """MobileNet; `width` (alpha) multiplies the number of filters of every convolution."""

    name: str = "mobilenet"
    width: float = 1.0
    dropout_rate: float = 0.001

    def __post_init__(self) -> None:
        require(_filters(FIRST_FILTERS, self.width) >= 1, "network.width", f"must be at least 1 / {FIRST_FILTERS}")
        require(0.0 <= self.dropout_rate < 1.0, "network.dropout_rate", "must lie in [0, 1)")

    def make(self, n_classes: int, precision: Precision = "float32") -> "MobileNet":
        """The network."""
        return MobileNet(self, n_classes, precision)

    def small(self) -> "MobileNetConfig":
        """A quarter of the filters; the maps keep their size."""
        return dataclasses.replace(self, width=0.25)


@dataclasses.dataclass(frozen=True)
class MobileNet:
    """MobileNet as a `Network`; the zeros behind a recording are part of its input, as in the paper."""

    config: MobileNetConfig
    n_classes: int
    precision: Precision = "float32"

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """See `Network.layers`."""
        return {name: (name,) for name in (_OUTPUT, *self.explained_layers())}

    def explained_layers(self) -> tuple[str, ...]:
        """See `Network.explained_layers`; a block's activations are those behind its last ReLU."""
        return _CONVOLUTIONS[::-1]

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`."""
        return 63, 63

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        """See `Network.geometry`; 3 x 6 nodes for the last block on 96 bins x 202 frames."""
        strides = [stride for _, stride in BLOCKS[: _CONVOLUTIONS.index(layer)]]
        first = _first_padding(grid)
        frequency, time = (
            [Layer(KERNEL[axis], 2, *first[axis])]
            + [Layer(KERNEL[axis], stride, *_block_padding(stride)[axis]) for stride in strides]
            for axis in (0, 1)
        )
        return make_geometry((frequency, time), grid)

    def layout(self, n_frames: Int[np.ndarray, "n_strata n_steps"]) -> int:
        """0: a batch is computed on the whole input, however short its recordings are."""
        del n_frames
        return 0

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """See `Network.init`."""
        return dict(self._module().init(key, jnp.zeros((1, *grid, 1))))

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """See `Network.logits`; a `key` turns on dropout and normalisation by the batch, which moves the statistics."""
        del layout
        images = batch.spectrograms[..., None]
        if key is None:
            return self._apply(variables, images), variables
        found, moved = self._module().apply(
            variables, images, batch.n_frames > 0, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return found, {**variables, **moved}

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """See `Network.activations`."""
        del layout
        return self._apply(variables, batch.spectrograms[..., None], stop=_CONVOLUTIONS.index(layer) + 1)

    def head(self, variables: Variables, activations: Float[Array, "H W K"], layer: str) -> Float[Array, " C"]:
        """See `Network.head`."""
        return self._apply(variables, activations[None], start=_CONVOLUTIONS.index(layer) + 1)[0]

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        """None: the map is so small that there is nothing to gain."""
        del method, layer
        return None

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return self.config.width < _QUICKLY_COMPILED_WIDTH

    def _module(self) -> "MobileNetModule":
        return MobileNetModule(self.config, self.n_classes, self.precision)

    def _apply(self, variables: Variables, values: Array, start: int = 0, stop: int | None = None) -> Array:
        found: Any = self._module().apply(variables, values, start=start, stop=stop)
        return found


class Normalisation(nn.Module):
    """Batch normalisation with a ReLU capped at 6: by the batch if it is told which places are `present`."""

    @nn.compact
    def __call__(self, values: Float[Array, "B H W K"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """The values at the scale and offset of each channel, which are learned."""
        n_channels = values.shape[-1]
        scale = self.param("scale", nn.initializers.ones_init(), (n_channels,))
        offset = self.param("offset", nn.initializers.zeros_init(), (n_channels,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (n_channels,))
        variance = self.variable("batch_stats", "variance", jnp.ones, (n_channels,))
        if present is None:
            return normalise(values, Moments(mean.value, variance.value), scale, offset, EPSILON)
        normalised, moments = normalise_batch(values, scale, offset, present, EPSILON)
        momentum = jnp.where(jnp.any(present), MOMENTUM, 1.0)
        mean.value = momentum * mean.value + (1 - momentum) * moments.mean
        variance.value = momentum * variance.value + (1 - momentum) * moments.variance
        return normalised


class FirstConvolution(nn.Module):
    """The convolution of the input."""

    n_filters: int
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B F T 1"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLU."""
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (*KERNEL, values.shape[-1], self.n_filters))
        values = convolution(values, kernel, (2, 2), _first_padding(values.shape[1:3]), self.precision)
        return Normalisation(name="normalisation")(values, present)


class Block(nn.Module):
    """A depthwise convolution, and a 1 x 1 convolution of what is behind its ReLU."""

    n_filters: int
    stride: int
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the last ReLU."""
        n_channels = values.shape[-1]
        initialise = nn.initializers.glorot_uniform()
        depthwise = self.param("depthwise_kernel", initialise, (*KERNEL, n_channels, 1))[..., 0]
        pointwise = self.param("pointwise_kernel", initialise, (n_channels, self.n_filters))
        strides, padding = (self.stride, self.stride), _block_padding(self.stride)
        values = depthwise_convolution(values, depthwise, strides, padding, self.precision)
        values = Normalisation(name="depthwise_normalisation")(values, present)
        values = pointwise_convolution(values, pointwise, self.precision)
        return Normalisation(name="pointwise_normalisation")(values, present)


class MobileNetModule(nn.Module):
    """The network; its layers are called as in `MobileNet.layers`."""

    config: MobileNetConfig
    n_classes: int
    precision: Precision = "float32"

    @nn.compact
    def __call__(
        self,
        values: Float[Array, "B H W K"],
        present: Bool[Array, " B"] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Array:
        """Logits `[B, C]`, or what is behind convolution number `stop - 1`.

        Args:
          values: the input `[B, F, T, 1]`, or what is behind convolution number `start - 1`.
          present: which places are not empty: dropout is on, and what is present is normalised by its own moments.
          start: of the convolutions, the first one that is computed.
          stop: of the convolutions, the first one that is not computed; None computes the logits.
        """
        for convolve in self._convolutions()[start:stop]:
            values = convolve(values, present)
        if stop is not None:
            return values
        mean = nn.Dropout(self.config.dropout_rate, deterministic=present is None)(values.mean((1, 2)))
        return nn.Dense(self.n_classes, kernel_init=nn.initializers.glorot_uniform(), name=_OUTPUT)(mean)

    def _convolutions(self) -> tuple[nn.Module, ...]:
        width, precision = self.config.width, self.precision
        first, *names = _CONVOLUTIONS
        blocks = (
            Block(_filters(n_filters, width), stride, precision, name=name)
            for name, (n_filters, stride) in zip(names, BLOCKS, strict=True)
        )
        return FirstConvolution(_filters(FIRST_FILTERS, width), precision, name=first), *blocks


def _filters(of_full_width: int, width: float) -> int:
    return int(of_full_width * width)


def _first_padding(grid: tuple[int, ...]) -> Padding:
    # As many nodes as pairs of cells, the last one of an odd number of cells with nothing beside it.
    return _same_padding(grid[0]), _same_padding(grid[1])


def _same_padding(n_cells: int) -> tuple[int, int]:
    return n_cells % 2, 1


def _block_padding(stride: int) -> Padding:
    in_front = 1 if stride == 1 else 0
    return (in_front, 1), (in_front, 1)
