"""DenseNet121 in Flax, layer for layer as in Keras.

Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, as `keras.applications.DenseNet121` has it: a
7 x 7 convolution of stride 2, max-pooling, four stages of blocks, each of which puts 32 channels beside those it was
given, and a dense layer of the mean over the nodes. Batch normalisation and ReLU stand in front of the convolutions.
Between stages a 1 x 1 convolution halves the channels and mean-pooling the rows and columns.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from convcam_jax.kernels.pooling import max_pool_3x3, mean_pool_2x2
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.applications.resnet50 import EPSILON, POOL_WINDOW, FirstConvolution
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

FIRST_FILTERS = 64
# Channels that a block adds; those between its two convolutions are four times as many.
GROWTH = 32
WIDENING = 4
_FIRST_STAGE, _LAST_STAGE = 2, 5
_Normalisation = partial(Normalisation, EPSILON, "relu")


@dataclasses.dataclass(frozen=True)
class DenseNet121Config(DeepChainConfig):
    """DenseNet121.

    Attributes:
      depths: blocks of each stage.
    """

    fewest_filters: ClassVar[int] = GROWTH
    weights_url: ClassVar[str] = (
        "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )

    name: str = "densenet121"
    depths: tuple[int, ...] = (6, 12, 24, 16)

    def make(self, n_classes: int, precision: Precision = "float32") -> "DenseNet121":
        """The network."""
        return DenseNet121(self, n_classes, precision)

    def small(self) -> "DenseNet121Config":
        """An eighth of the filters, a block in each stage; the maps keep their size."""
        return dataclasses.replace(self, width=1 / 8, depths=(1,) * len(self.depths))


@dataclasses.dataclass(frozen=True)
class DenseNet121(Chain):
    """DenseNet121 as a `Network`; 3 x 6 nodes for the last stage on 96 bins x 202 frames."""

    config: DenseNet121Config

    def parts(self) -> tuple[Part, ...]:
        """The first convolution and the stages, with the names of Keras.

        A stage's activations are behind the batch normalisation and the ReLU that follow it; the 1 x 1 convolution and
        the pooling behind these belong to the next one.
        """
        width, precision = self.config.width, self.precision
        stages = (
            DenseStage(scaled(GROWTH, width), depth, number, precision, name=f"conv{number}")
            for number, depth in enumerate(self.config.depths, start=_FIRST_STAGE)
        )
        return FirstConvolution(scaled(FIRST_FILTERS, width), precision, has_bias=False, name="conv1"), *stages

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; two rows and two columns."""
        return 61, 61


class DenseStage(Part):
    """Pooling, blocks, batch normalisation and ReLU; from the second on with a 1 x 1 convolution in front."""

    growth: int
    depth: int
    number: int
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the last ReLU."""
        if self.number == _FIRST_STAGE:
            values = max_pool_3x3(values, padding=1)
        else:
            values = mean_pool_2x2(self._convolve(values, values.shape[-1] // 2, 1, f"pool{self.number - 1}_conv"))
        for block in range(1, self.depth + 1):
            name = f"conv{self.number}_block{block}"
            added = _Normalisation(name=f"{name}_0_bn")(values, present)
            added = self._convolve(added, WIDENING * self.growth, 1, f"{name}_1_conv")
            added = _Normalisation(name=f"{name}_1_bn")(added, present)
            added = self._convolve(added, self.growth, 3, f"{name}_2_conv")
            values = jnp.concatenate([values, added], axis=-1)
        last = "bn" if self.number == _LAST_STAGE else f"pool{self.number}_bn"
        return _Normalisation(name=last)(values, present)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`; the widest way goes through all blocks."""
        del grid
        pool = POOL_WINDOW if self.number == _FIRST_STAGE else square_window(2, stride=2)
        return (pool, *[same_window((3, 3))] * self.depth)

    def _convolve(self, values: Array, n_filters: int, side: int, name: str) -> Array:
        size = side, side
        return Convolution(n_filters, size, self.precision, padding=padding_of(same_window(size)), name=name)(values)
