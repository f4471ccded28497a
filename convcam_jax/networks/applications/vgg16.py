"""VGG16 in Flax, layer for layer as in Keras.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, as
`keras.applications.VGG16` has it: five blocks of 3 x 3 convolutions with ReLU, max-pooling behind each, and two dense
layers with ReLU in front of the output. Keras has no dropout in it.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import flax.linen as nn
from jaxtyping import Array, Bool, Float

from convcam_jax.kernels.pooling import max_pool
from convcam_jax.kernels.precision import Precision
from convcam_jax.kernels.wide_product import wide_product
from convcam_jax.networks.blocks import (
    Convolution,
    Part,
    Size,
    Window,
    padding_of,
    same_window,
    scaled,
    square_window,
)
from convcam_jax.networks.chain import Chain, DeepChainConfig
from convcam_jax.system.validation import require

KERNEL: Size = (3, 3)
POOL = (2, 2)
FILTERS = (64, 128, 256, 512, 512)
_DENSE = ("fc1", "fc2")


@dataclasses.dataclass(frozen=True)
class VGG16Config(DeepChainConfig):
    """VGG16.

    Attributes:
      depths: convolutions of each block.
      dense_units: of each of the two dense layers.
    """

    fewest_filters: ClassVar[int] = FILTERS[0]
    weights_url: ClassVar[str] = (
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )

    name: str = "vgg16"
    depths: tuple[int, ...] = (2, 2, 3, 3, 3)
    dense_units: int = 4096

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.dense_units > 0, "network.dense_units", "must be positive")

    def make(self, n_classes: int, precision: Precision = "float32") -> "VGG16":
        """The network."""
        return VGG16(self, n_classes, precision)

    def small(self) -> "VGG16Config":
        """A sixteenth of the filters, a convolution in each block, 32 units; the maps keep their size."""
        return dataclasses.replace(self, width=1 / 16, depths=(1,) * len(FILTERS), dense_units=32)


@dataclasses.dataclass(frozen=True)
class VGG16(Chain):
    """VGG16 as a `Network`; 6 x 12 nodes for the last convolution on 96 bins x 202 frames."""

    config: VGG16Config

    def parts(self) -> tuple[Part, ...]:
        """The convolutions, with the names of Keras; a pooling belongs to what is behind it."""
        width, precision = self.config.width, self.precision
        return tuple(
            PooledConvolution(
                scaled(n_filters, width), block > 1 and number == 1, precision, name=f"block{block}_conv{number}"
            )
            for block, (n_filters, depth) in enumerate(zip(FILTERS, self.config.depths, strict=True), start=1)
            for number in range(1, depth + 1)
        )

    def top_layers(self) -> tuple[str, ...]:
        """See `Chain.top_layers`."""
        return *super().top_layers(), *_DENSE[::-1]

    def classify(self, values: Float[Array, "B H W K"], present: Bool[Array, " B"] | None) -> Float[Array, "B C"]:
        """See `Chain.classify`; dense layers of all nodes that the last pooling leaves."""
        del present
        pooled = max_pool(values, POOL)
        hidden = pooled.reshape(len(pooled), -1)
        for name in _DENSE:
            initialise = nn.initializers.glorot_uniform()
            dense = nn.Dense(self.config.dense_units, kernel_init=initialise, dot_general=wide_product, name=name)
            hidden = nn.relu(dense(hidden))
        return self.output(hidden)

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; two rows and two columns, one node behind the last pooling."""
        return 32, 32


class PooledConvolution(Part):
    """Max-pooling or not, a convolution and a ReLU."""

    n_filters: int
    pools: bool
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLU."""
        del present
        if self.pools:
            values = max_pool(values, POOL)
        padding = padding_of(same_window(KERNEL))
        convolution = Convolution(
            self.n_filters, KERNEL, self.precision, padding=padding, has_bias=True, name=self.name
        )
        return nn.relu(convolution(values))

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`."""
        del grid
        return (*[square_window(2, stride=2)] * self.pools, same_window(KERNEL))
