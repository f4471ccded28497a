"""ResNet50 in Flax, layer for layer as in Keras.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, as `keras.applications.ResNet50` has it: a 7 x 7
convolution of stride 2, max-pooling, four stages of blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut,
and a dense layer of the mean over the nodes; batch normalisation behind every convolution, which has a bias all the
same; the stride of a stage in the first 1 x 1 convolution.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import flax.linen as nn
from jaxtyping import Array, Bool, Float

from convcam_jax.kernels.batch_normalisation import Nonlinearity
from convcam_jax.kernels.pooling import max_pool_3x3
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.blocks import (
    Convolution,
    Normalisation,
    Part,
    Window,
    padding_of,
    same_window,
    scaled,
    square_window,
)
from convcam_jax.networks.chain import Chain, DeepChainConfig

FILTERS = (64, 128, 256, 512)
# Of the last convolution of a block, times those of its others.
WIDENING = 4
EPSILON = 1.001e-5
FIRST_WINDOW = square_window(7, stride=2, padding=3)
POOL_WINDOW = square_window(3, stride=2, padding=1)
_Normalisation = partial(Normalisation, EPSILON)


@dataclasses.dataclass(frozen=True)
class ResNet50Config(DeepChainConfig):
    """ResNet50.

    Attributes:
      depths: blocks of each stage.
    """

    fewest_filters: ClassVar[int] = FILTERS[0]
    weights_url: ClassVar[str] = (
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )

    name: str = "resnet50"
    depths: tuple[int, ...] = (3, 4, 6, 3)

    def make(self, n_classes: int, precision: Precision = "float32") -> "ResNet50":
        """The network."""
        return ResNet50(self, n_classes, precision)

    def small(self) -> "ResNet50Config":
        """A sixteenth of the filters, a block in each stage; the maps keep their size."""
        return dataclasses.replace(self, width=1 / 16, depths=(1,) * len(FILTERS))


@dataclasses.dataclass(frozen=True)
class ResNet50(Chain):
    """ResNet50 as a `Network`; 3 x 7 nodes for the last block on 96 bins x 202 frames."""

    config: ResNet50Config

    def parts(self) -> tuple[Part, ...]:
        """The first convolution and the blocks, with the names of Keras; the pooling belongs to the first block."""
        width, precision = self.config.width, self.precision
        stages = enumerate(zip(FILTERS, self.config.depths, strict=True), start=2)
        blocks = (
            BottleneckBlock(
                scaled(n_filters, width),
                stride=2 if stage > 2 and number == 1 else 1,
                is_first=number == 1,
                pools=stage == 2 and number == 1,
                precision=precision,
                name=f"conv{stage}_block{number}",
            )
            for stage, (n_filters, depth) in stages
            for number in range(1, depth + 1)
        )
        return FirstConvolution(scaled(FILTERS[0], width), precision, has_bias=True, name="conv1"), *blocks

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; two rows and two columns."""
        return 33, 33


class FirstConvolution(Part):
    """The 7 x 7 convolution of the input."""

    n_filters: int
    precision: Precision
    has_bias: bool

    @nn.compact
    def __call__(self, values: Float[Array, "B F T k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLU."""
        values = Convolution(
            self.n_filters, (7, 7), self.precision, (2, 2), padding_of(FIRST_WINDOW), self.has_bias, name="conv1_conv"
        )(values)
        return _Normalisation("relu", name="conv1_bn")(values, present)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`."""
        del grid
        return (FIRST_WINDOW,)


class BottleneckBlock(Part):
    """Three convolutions beside a shortcut, which is a convolution of its own in the first block of a stage."""

    n_filters: int
    stride: int
    is_first: bool
    pools: bool
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLU of the sum."""
        if self.pools:
            values = max_pool_3x3(values, padding=1)
        n_filters, wide, strides = self.n_filters, WIDENING * self.n_filters, (self.stride, self.stride)

        def convolve(values: Array, number: int, n: int, side: int = 1, strides: tuple[int, int] = (1, 1)) -> Array:
            padding, name = padding_of(same_window((side, side))), f"{self.name}_{number}_conv"
            return Convolution(n, (side, side), self.precision, strides, padding, has_bias=True, name=name)(values)

        def normalise(values: Array, number: int, nonlinearity: Nonlinearity) -> Array:
            return _Normalisation(nonlinearity, name=f"{self.name}_{number}_bn")(values, present)

        shortcut = normalise(convolve(values, 0, wide, strides=strides), 0, "none") if self.is_first else values
        values = normalise(convolve(values, 1, n_filters, strides=strides), 1, "relu")
        values = normalise(convolve(values, 2, n_filters, side=3), 2, "relu")
        values = normalise(convolve(values, 3, wide), 3, "none")
        return nn.relu(shortcut + values)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`."""
        del grid
        return (*[POOL_WINDOW] * self.pools, square_window(1, self.stride), same_window((3, 3)))
