"""MobileNet in Flax, layer for layer as in Keras.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", arXiv:1704.04861,
as `keras.applications.MobileNet` has it: a 3 x 3 convolution of stride 2; 13 blocks of a 3 x 3 depthwise and a 1 x 1
convolution; batch normalisation and a ReLU capped at 6 behind every convolution; the mean over the nodes, dropout and a
dense layer. Kernels are initialised as in Keras: Glorot uniform; the bias is zero.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import flax.linen as nn
from jaxtyping import Array, Bool, Float

from convcam_jax.kernels.image_convolution import convolution, depthwise_convolution
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.blocks import Normalisation, Part, Window, padding_of, scaled
from convcam_jax.networks.chain import Chain, ChainConfig
from convcam_jax.networks.geometry import Layer
from convcam_jax.system.validation import require

KERNEL = (3, 3)
FIRST_FILTERS = 32
# Filters of the 1 x 1 convolution and stride of the depthwise one, of each block.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
EPSILON = 1e-3
_FIRST = "convolution_1"
_BLOCK = "block_"
_Normalisation = partial(Normalisation, EPSILON, "relu6")
# By the names of the variables: in front of the number of a block in Keras, and behind it.
_KERAS_NAMES = {
    "depthwise_kernel": ("conv_dw_", ""),
    "depthwise_normalisation": ("conv_dw_", "_bn"),
    "pointwise_kernel": ("conv_pw_", ""),
    "pointwise_normalisation": ("conv_pw_", "_bn"),
}


@dataclasses.dataclass(frozen=True)
class MobileNetConfig(ChainConfig):
    """MobileNet; `width` is its alpha.

    Attributes:
      dropout_rate: of the mean over the nodes, in training.
    """

    fewest_filters: ClassVar[int] = FIRST_FILTERS
    weights_url: ClassVar[str] = (
        "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/mobilenet_1_0_224_tf_no_top.h5"
    )

    name: str = "mobilenet"
    dropout_rate: float = 0.001

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0.0 <= self.dropout_rate < 1.0, "network.dropout_rate", "must lie in [0, 1)")

    def make(self, n_classes: int, precision: Precision = "float32") -> "MobileNet":
        """The network."""
        return MobileNet(self, n_classes, precision)

    def small(self) -> "MobileNetConfig":
        """A quarter of the filters; the maps keep their size."""
        return dataclasses.replace(self, width=0.25)


@dataclasses.dataclass(frozen=True)
class MobileNet(Chain):
    """MobileNet as a `Network`; 3 x 6 nodes for the last block on 96 bins x 202 frames."""

    config: MobileNetConfig

    def parts(self) -> tuple[Part, ...]:
        """A convolution and the blocks; a block's activations are those behind its last ReLU."""
        width, precision = self.config.width, self.precision
        blocks = (
            SeparableBlock(scaled(n_filters, width), stride, precision, name=f"{_BLOCK}{number}")
            for number, (n_filters, stride) in enumerate(BLOCKS, start=1)
        )
        return StridedConvolution(scaled(FIRST_FILTERS, width), precision, name=_FIRST), *blocks

    def classify(self, values: Float[Array, "B H W K"], present: Bool[Array, " B"] | None) -> Float[Array, "B C"]:
        """See `Chain.classify`; with dropout in front of the dense layer."""
        mean = values.mean((1, 2))
        return self.output(nn.Dropout(self.config.dropout_rate, deterministic=present is None)(mean))

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; two rows and two columns."""
        return 63, 63

    def keras_layer(self, path: tuple[str, ...]) -> str:
        """See `Chain.keras_layer`."""
        part, kind = path[:2]
        if part == _FIRST:
            return "conv1" if kind == "kernel" else "conv1_bn"
        in_front, behind = _KERAS_NAMES[kind]
        return f"{in_front}{part.removeprefix(_BLOCK)}{behind}"


class StridedConvolution(Part):
    """The convolution of the input."""

    n_filters: int
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B F T k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLU."""
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (*KERNEL, values.shape[-1], self.n_filters))
        padding = padding_of(_first_window((values.shape[1], values.shape[2])))
        values = convolution(values, kernel, (2, 2), padding, self.precision)
        return _Normalisation(name="normalisation")(values, present)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`."""
        return (_first_window(grid),)


class SeparableBlock(Part):
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
        strides, padding = (self.stride, self.stride), padding_of(_block_window(self.stride))
        values = depthwise_convolution(values, depthwise, strides, padding, self.precision)
        values = _Normalisation(name="depthwise_normalisation")(values, present)
        values = convolution(values, pointwise[None, None], precision=self.precision)
        return _Normalisation(name="pointwise_normalisation")(values, present)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`."""
        del grid
        return (_block_window(self.stride),)


def _first_window(grid: tuple[int, int]) -> Window:
    # As many nodes as pairs of cells, the last one of an odd number of cells with nothing beside it.
    frequency, time = (Layer(KERNEL[axis], 2, grid[axis] % 2, 1) for axis in (0, 1))
    return frequency, time


def _block_window(stride: int) -> Window:
    in_front = 1 if stride == 1 else 0
    frequency, time = (Layer(side, stride, in_front, 1) for side in KERNEL)
    return frequency, time
