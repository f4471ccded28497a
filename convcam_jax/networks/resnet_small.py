"""A small residual network that is trained from scratch, and hears nothing but the recording.

Behind a convolution of the input there are blocks, each of a convolution and a residual of two others (He et al., "Deep
Residual Learning for Image Recognition", CVPR 2016); all have 3 x 3 kernels and batch normalisation. A block
max-pools what its first convolution gives. The logits are a linear function of the mean of each row of nodes over the
time in which a recording sounds, so that it matters how high a sound lies, not when it comes. Over all nodes (Lin, Chen
and Yan, "Network In Network", ICLR 2014) the mean would not say how high. The weights add up to zero over the classes:
so the logits do, and the largest is above zero.

Recordings are packed on one strip without their padding. Silence is zero behind every layer and counts in no mean and
no moment: the frames that follow a recording never matter.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.batch_normalisation import Moments, Nonlinearity, normalise, normalise_strip, running
from convcam_jax.kernels.packing import Strip, pack, slot_columns, unpack
from convcam_jax.kernels.pooling import NO_POOL, Pool
from convcam_jax.kernels.precision import Precision
from convcam_jax.kernels.strip_convolution import strip_convolution
from convcam_jax.networks.geometry import Geometry, Layer, make_geometry
from convcam_jax.networks.network import Attention, Shortcut, Variables
from convcam_jax.system.validation import require

KERNEL = (3, 3)
# (frequency, time) of the first convolution and of each block.
POOLS: tuple[Pool, ...] = ((2, 2), (2, 2), (2, 1))
EPSILON = 1e-3
_OUTPUT = "output"
# From the input up.
_PARTS = ("convolution_1", *(f"block_{number}" for number in range(1, len(POOLS))))
_SMALL_NETWORK_FILTERS = 32


@dataclasses.dataclass(frozen=True)
class ResNetSmallConfig:
    """The small residual network.

    Attributes:
      name: the key in `NETWORKS`.
      filters: of the first convolution and of each block.
      dropout_rate: of the rows' means, in training.
    """

    name: str = "resnet_small"
    filters: tuple[int, ...] = (32, 48, 64)
    dropout_rate: float = 0.3

    def __post_init__(self) -> None:
        n_parts = len(POOLS)
        is_valid = len(self.filters) == n_parts and min(self.filters) >= 1
        require(is_valid, "network.filters", f"needs {n_parts} positive numbers")
        require(0.0 <= self.dropout_rate < 1.0, "network.dropout_rate", "must lie in [0, 1)")

    def make(self, n_classes: int, precision: Precision = "float32") -> "ResNetSmall":
        """The network."""
        return ResNetSmall(self, n_classes, precision)

    def small(self) -> "ResNetSmallConfig":
        """A quarter of the filters; the maps keep their size."""
        return dataclasses.replace(self, filters=(8, 12, 16))


@dataclasses.dataclass(frozen=True)
class ResNetSmall:
    """The small residual network as a `Network`; the layout is the length of the strip that a batch is packed on."""

    config: ResNetSmallConfig
    n_classes: int
    precision: Precision = "float32"

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """See `Network.layers`."""
        return {name: (name,) for name in (_OUTPUT, *reversed(_PARTS))}

    def explained_layers(self) -> tuple[str, ...]:
        """See `Network.explained_layers`; what is behind the first convolution and behind each block."""
        return tuple(reversed(_PARTS))

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`."""
        rows, columns = np.prod(POOLS, axis=0)
        return int(rows), int(columns) + 1

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        """See `Network.geometry`; a column that is left over by a pooling is pooled with silence, a row is left out."""
        frequency: list[Layer] = []
        time: list[Layer] = []
        n_columns = grid[1]
        for number, (rows, columns) in enumerate(POOLS[: _n_parts(layer)]):
            left_over = -n_columns % columns
            frequency += [Layer(3, 1, 1, 1), Layer(rows, rows)]
            time += [Layer(3, 1, 1, 1 + left_over), Layer(columns, columns)]
            n_columns = -(-n_columns // columns)
            if number > 0:
                frequency += [Layer(3, 1, 1, 1)] * 2
                time += [Layer(3, 1, 1, 1)] * 2
        return make_geometry((frequency, time), grid)

    def layout(self, n_frames: Int[np.ndarray, "n_strata n_steps"]) -> int:
        """A length of strip that suffices for every batch that can be drawn from the strata."""
        return int(slot_columns(n_frames).max(axis=1).sum())

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """See `Network.init`."""
        return dict(self._module().init(key, jnp.zeros((*grid, 1)), jnp.ones((1, 1), bool)))

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """See `Network.logits`; a `key` turns on dropout and normalisation by the batch, which moves the statistics."""
        strip = pack(*batch, layout)
        module = self._module(trains=key is not None)
        operands = variables, strip.values[:, :, None], _places(strip, _reduction(len(POOLS)))
        if key is None:
            found: Any = module.apply(*operands)
            return found, variables
        found, moved = module.apply(*operands, rngs={"dropout": key}, mutable=["batch_stats"])
        return found, {**variables, **moved}

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """See `Network.activations`."""
        strip = pack(*batch, layout)
        values: Any = self._module().apply(variables, strip.values[:, :, None], stop=_n_parts(layer))
        return unpack(values, strip, jnp.zeros(values.shape[-1]), self.geometry(layer, batch.grid).shape[1])

    def head(
        self, variables: Variables, activations: Float[Array, "H W K"], layer: str, n_frames: Int[Array, ""]
    ) -> Float[Array, " C"]:
        """See `Network.head`; which nodes sound is seen from what is active."""
        del n_frames
        n_parts = _n_parts(layer)
        # So many columns that none is left over by what is pooled.
        columns = activations.shape[1]
        behind = -columns % (_reduction(len(POOLS)) // _reduction(n_parts))
        values = jnp.pad(activations, ((0, 0), (0, behind), (0, 0)))
        n_last = (columns + behind) * _reduction(n_parts) // _reduction(len(POOLS))
        found: Any = self._module().apply(variables, values, jnp.ones((1, n_last), bool), start=n_parts)
        return found[0]

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        """None: the map is so small that there is little to gain."""
        del method, layer
        return None

    def attention(self) -> Attention | None:
        """None: see `Network.attention`."""
        return None

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return self.config.filters[0] < _SMALL_NETWORK_FILTERS

    def _module(self, trains: bool = False) -> "ResNetSmallModule":
        return ResNetSmallModule(self.config, self.n_classes, self.precision, trains)


class ResNetSmallModule(nn.Module):
    """The layers, on a strip: a column on which nothing is active is silence, as behind a recording."""

    config: ResNetSmallConfig
    n_classes: int
    precision: Precision
    trains: bool

    @nn.compact
    def __call__(
        self,
        values: Float[Array, "H L K"],
        places: Bool[Array, "B l"] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Array:
        """Logits `[B, C]`, or what is behind part number `stop - 1`, `[h, l, K]`.

        Args:
          values: the strip, or what is behind part number `start - 1` on it.
          places: for each recording, which columns of the last part may be its own; for the logits.
          start: of the parts, the first one that is computed.
          stop: of the parts, the first one that is not computed; None computes the logits.
        """
        parts = list(zip(_PARTS, POOLS, self.config.filters, strict=True))
        for number, (name, pool, n_filters) in list(enumerate(parts))[start:stop]:
            values = ResidualPart(n_filters, pool, number > 0, self.precision, self.trains, name=name)(values)
        return values if stop is not None or places is None else self._classify(values, places)

    def _classify(self, values: Array, places: Array) -> Array:
        counted = (places & is_active(values)[None]).astype(values.dtype)
        n_columns = jnp.maximum(counted.sum(1), 1.0)
        means = jnp.einsum("bl,hlk->bhk", counted, values) / n_columns[:, None, None]
        means = means.reshape(len(means), -1)
        means = nn.Dropout(self.config.dropout_rate, deterministic=not self.trains)(means)
        return ZeroSumOutput(self.n_classes, name=_OUTPUT)(means)


class ResidualPart(nn.Module):
    """A convolution with pooling, and in a block the residual behind it."""

    n_filters: int
    pool: Pool
    is_block: bool
    precision: Precision
    trains: bool

    @nn.compact
    def __call__(self, values: Float[Array, "H L k"]) -> Float[Array, "h l K"]:
        """What is behind the last ReLU."""
        sounding = is_pooled_active(values, self.pool[1])

        def convolve(values: Array, name: str, pool: Pool = NO_POOL, nonlinearity: Nonlinearity = "relu") -> Array:
            layer = NormalisedConvolution(self.n_filters, pool, nonlinearity, self.precision, self.trains, name=name)
            return layer(values, sounding)

        values = convolve(values, "convolution", self.pool)
        if not self.is_block:
            return values
        residual = convolve(convolve(values, "residual_1"), "residual_2", nonlinearity="none")
        return nn.relu(values + residual)


class NormalisedConvolution(nn.Module):
    """A convolution of a strip that keeps its size, max-pooling, batch normalisation and perhaps a ReLU."""

    n_filters: int
    pool: Pool
    nonlinearity: Nonlinearity
    precision: Precision
    trains: bool

    @nn.compact
    def __call__(self, values: Float[Array, "H L k"], sounding: Bool[Array, " l"]) -> Float[Array, "h l K"]:
        """The layer's output where columns are `sounding`, else zero."""
        channels = (self.n_filters,)
        kernel = self.param("kernel", nn.initializers.he_normal(), (*KERNEL, values.shape[-1], *channels))
        scale = self.param("scale", nn.initializers.ones_init(), channels)
        offset = self.param("offset", nn.initializers.zeros_init(), channels)
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        variance = self.variable("batch_stats", "variance", jnp.ones, channels)
        # A column in front and two that the convolution adds behind; of these, the last is not of this strip.
        padded = jnp.pad(values, ((1, 1), (1, 0), (0, 0)))
        values = strip_convolution(padded, kernel, self.precision, self.pool)[:, : len(sounding)]
        if not self.trains:
            moments = Moments(mean.value, variance.value)
            values = normalise(values[None], moments, scale, offset, EPSILON, self.nonlinearity)[0]
            return jnp.where(sounding[None, :, None], values, 0.0)
        values, moments = normalise_strip(values, scale, offset, sounding, EPSILON, self.nonlinearity)
        mean.value, variance.value = running(Moments(mean.value, variance.value), moments, sounding)
        return values


class ZeroSumOutput(nn.Module):
    """A dense layer without a bias, whose outputs add up to zero."""

    n_classes: int

    @nn.compact
    def __call__(self, values: Float[Array, "B K"]) -> Float[Array, "B C"]:
        """The logits."""
        shape = values.shape[-1], self.n_classes
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        return values @ (kernel - kernel.mean(1, keepdims=True))


def is_active(values: Float[Array, "H L K"]) -> Bool[Array, " L"]:
    """On which columns anything is active: silence is zero. Detached, so that methods by rules take it as known."""
    return jnp.any(jax.lax.stop_gradient(values) != 0, axis=(0, 2))


def is_pooled_active(values: Float[Array, "H L K"], n_pooled: int) -> Bool[Array, " l"]:
    """Of which columns, each of them of `n_pooled`, anything is active."""
    active = is_active(values)
    return jnp.pad(active, (0, -len(active) % n_pooled)).reshape(-1, n_pooled).any(1)


def _n_parts(layer: str) -> int:
    """How many parts there are up to a layer."""
    return _PARTS.index(layer) + 1


def _reduction(n_parts: int) -> int:
    """How many frames of the input there are to a column behind so many parts."""
    return int(np.prod([pool[1] for pool in POOLS[:n_parts]], dtype=int))


def _places(strip: Strip, reduction: int) -> Bool[Array, "B l"]:
    """Which columns are in the slot of each recording, on a strip that is `reduction` times as short."""
    column = jnp.arange(strip.values.shape[1] // reduction)[None, :] * reduction
    first = strip.first_column[:, None]
    return (column >= first) & (column < first + slot_columns(strip.n_frames)[:, None])
