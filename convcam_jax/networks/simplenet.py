"""SimpleNet in Flax (paper, section 3.2 and Figure 7).

Three valid 3x3 convolutions with 64, 128 and 256 filters, each with ReLU and max-pooling, by 2 along the time after the
first two and by 2 along both axes after the last; a dense layer of 128 units with ReLU and dropout; a dense layer with
one unit per class. Kernels are initialised as in Keras, which the authors used: Glorot uniform, biases zero.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.packing import Strip, pack, slot_columns, unpack
from convcam_jax.kernels.pooling import Pool, max_pool
from convcam_jax.kernels.precision import Precision
from convcam_jax.kernels.strip_convolution import strip_convolution
from convcam_jax.kernels.wide_product import wide_product
from convcam_jax.networks.geometry import Geometry, Layer, make_geometry
from convcam_jax.networks.network import Attention, Shortcut, Variables
from convcam_jax.system.validation import require

KERNEL = (3, 3)
# (frequency, time) after each convolution.
POOLS = ((1, 2), (1, 2), (2, 2))
# From the output down, with the names that Flax gives to their parameters.
_LAYERS = {
    "output": ("output",),
    "dense": ("dense",),
    "convolution_3": ("convolutions_2",),
    "convolution_2": ("convolutions_1",),
    "convolution_1": ("convolutions_0",),
}
_EXPLAINED = ("convolution_3", "convolution_2", "convolution_1")
_SMALL_NETWORK_FILTERS = 64


@dataclasses.dataclass(frozen=True)
class SimpleNetConfig:
    """SimpleNet (paper, section 3.2 and Figure 7).

    Attributes:
      name: the key in `NETWORKS`.
      filters: of the three convolutions.
      dense_units: of the dense layer.
      dropout_rate: behind the dense layer, in training.
    """

    name: str = "simplenet"
    filters: tuple[int, ...] = (64, 128, 256)
    dense_units: int = 128
    dropout_rate: float = 0.5

    def __post_init__(self) -> None:
        require(len(self.filters) == 3 and min(self.filters) > 0, "network.filters", "needs three positive numbers")
        require(self.dense_units > 0, "network.dense_units", "must be positive")
        require(0.0 <= self.dropout_rate < 1.0, "network.dropout_rate", "must lie in [0, 1)")

    def make(self, n_classes: int, precision: Precision = "float32") -> "SimpleNet":
        """The network."""
        return SimpleNet(self, n_classes, precision)

    def small(self) -> "SimpleNetConfig":
        """An eighth of the filters and a quarter of the units; the maps keep their size."""
        return dataclasses.replace(self, filters=(8, 16, 32), dense_units=32)


@dataclasses.dataclass(frozen=True)
class SimpleNet:
    """SimpleNet as a `Network`; the layout is the length of the strip that a batch is packed on."""

    config: SimpleNetConfig
    n_classes: int
    precision: Precision = "float32"

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """See `Network.layers`."""
        return _LAYERS

    def explained_layers(self) -> tuple[str, ...]:
        """See `Network.explained_layers`."""
        return _EXPLAINED

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`."""
        return 8, 22

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        """See `Network.geometry`; 90 x 47 nodes for the paper's last convolution on 96 bins x 202 frames."""
        pools = POOLS[: _number(layer)]
        frequency, time = (
            [own for pool in pools for own in (Layer(KERNEL[axis]), Layer(pool[axis], stride=pool[axis]))]
            for axis in (0, 1)
        )
        return make_geometry(((*frequency, Layer(KERNEL[0])), (*time, Layer(KERNEL[1]))), grid)

    def layout(self, n_frames: Int[np.ndarray, "n_strata n_steps"]) -> int:
        """A length of strip that suffices for every batch that can be drawn from the strata."""
        return int(slot_columns(n_frames).max(axis=1).sum())

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """See `Network.init`."""
        return {"params": self._module().init(key, jnp.zeros((1, *grid)), jnp.ones(1, int))["params"]}

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """See `Network.logits`; a `key` turns dropout on."""
        rngs = None if key is None else {"dropout": key}
        found: Any = self._module().apply(variables, *batch, layout, key is not None, rngs=rngs)
        return found, variables

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """See `Network.activations`."""
        strip, on_strip = self._on_strip(variables, batch, layout, layer)
        width = self.geometry(layer, batch.grid).shape[1]
        return unpack(on_strip.values, strip, on_strip.silence, width)

    def head(
        self, variables: Variables, activations: Float[Array, "H W K"], layer: str, n_frames: Int[Array, ""]
    ) -> Float[Array, " C"]:
        """See `Network.head`."""
        del n_frames
        found: Any = self._module().apply(
            variables, activations, _number(layer), method=SimpleNetModule.classify_activations
        )
        return found

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        """Grad-CAM of the last convolution without the activations of every recording."""
        if (method, layer) != ("gradcam", _EXPLAINED[0]):
            return None
        return Shortcut(self._offset_weights, self._grad_cam)

    def attention(self) -> Attention | None:
        """None: nodes do not attend to each other."""
        return None

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return max(self.config.filters) < _SMALL_NETWORK_FILTERS

    def _module(self) -> "SimpleNetModule":
        return SimpleNetModule(self.config, self.n_classes, self.precision)

    def _on_strip(self, variables: Variables, batch: Batch, layout: int, layer: str) -> tuple[Strip, "Activations"]:
        strip = pack(*batch, layout)
        on_strip: Any = self._module().apply(variables, strip, _number(layer), method=SimpleNetModule.activations)
        return strip, on_strip

    def _offset_weights(self, variables: Variables) -> Float[Array, "K units"]:
        found: Any = self._module().apply(variables, method=SimpleNetModule.offset_weights)
        return found

    def _grad_cam(
        self,
        offset_weights: Float[Array, "K units"],
        variables: Variables,
        batch: Batch,
        layout: int,
        targets_of: Callable[[Array], Array],
        gradient: Callable[..., Array],
    ) -> tuple[Float[Array, "B H W"], Float[Array, "B C"]]:
        """Signed maps and logits.

        Max-pooling hands the gradient of a pooled value on to one node, so the sum over the nodes (Eq. 4) is the sum
        over what is pooled, which is the derivative by an offset that is added to a whole channel of it.
        """
        strip, on_strip = self._on_strip(variables, batch, layout, _EXPLAINED[0])
        height, width = self.geometry(_EXPLAINED[0], batch.grid).shape
        pooled = _unpack_pooled(on_strip._replace(values=max_pool(on_strip.values, POOLS[-1])), strip, width)

        def classify(one: Array, offset: Array) -> Array:
            operands = one[None], offset[None], offset_weights
            found: Any = self._module().apply(variables, *operands, method=SimpleNetModule.classify_with_offsets)
            return found[0]

        no_offset = jnp.zeros(pooled.shape[-1])
        logits = jax.vmap(classify, in_axes=(0, None))(pooled, no_offset)
        targets = targets_of(logits)
        weights = jax.vmap(lambda one, label: gradient(partial(classify, one), no_offset, label))(pooled, targets)
        weights = weights / (height * width)
        # The activations of all recordings by the weights of each, of which those of the own recording are taken: one
        # product, cheap for batches as small as these.
        by_weights = unpack(on_strip.values @ weights.T, strip, on_strip.silence @ weights.T, width)
        recordings = jnp.arange(len(weights))
        return by_weights[recordings, :, :, recordings], logits


def _number(layer: str) -> int:
    """How many convolutions there are before the one of this name."""
    return len(_EXPLAINED) - 1 - _EXPLAINED.index(layer)


class Activations(NamedTuple):
    """Output of a convolution, after ReLU, on the strip (`values`), and over padding (`silence`)."""

    values: Float[Array, "H L K"]
    silence: Float[Array, " K"]


class StripConvolution(nn.Module):
    """A valid convolution of a strip, max-pooling, bias and ReLU."""

    features: int
    precision: Precision

    @nn.compact
    def __call__(
        self, values: Float[Array, "H T C"], silence: Float[Array, " C"], sounding: Bool[Array, " t"], pool: Pool
    ) -> tuple[Float[Array, "h t K"], Float[Array, " K"]]:
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
        values = nn.relu(values + bias[None, None, :])
        return jnp.where(sounding[None, :, None], values, silence[None, None, :]), silence


class SimpleNetModule(nn.Module):
    """The layers; `apply` takes `spectrograms [N, F, T]` and `n_frames [N]`, and gives logits `[N, n_classes]`."""

    config: SimpleNetConfig
    n_classes: int
    precision: Precision = "float32"

    def setup(self) -> None:
        """Make the layers."""
        self.convolutions = [StripConvolution(features, self.precision) for features in self.config.filters]
        self.dense = nn.Dense(
            self.config.dense_units, kernel_init=nn.initializers.glorot_uniform(), dot_general=wide_product
        )
        self.dropout = nn.Dropout(self.config.dropout_rate)
        self.output = nn.Dense(self.n_classes, kernel_init=nn.initializers.glorot_uniform())

    def __call__(
        self,
        spectrograms: Float[Array, "N F T"],
        n_frames: Int[Array, " N"],
        n_columns: int = 0,
        dropout: bool = False,
    ) -> Float[Array, "N C"]:
        """Logits.

        Args:
          spectrograms: zero beyond `n_frames`.
          n_frames: frames that hold sound.
          n_columns: length of the strip that the recordings are packed on; 0 for one that always suffices.
          dropout: whether dropout is on; needs an rng named `dropout`.
        """
        n_recordings, n_bins, n_input_frames = spectrograms.shape
        strip = pack(spectrograms, n_frames, n_columns or n_recordings * int(slot_columns(n_input_frames)))
        width = SimpleNet(self.config, self.n_classes).geometry(_EXPLAINED[0], (n_bins, n_input_frames)).shape[1]
        return self._classify(_unpack_pooled(self._convolve(strip, POOLS), strip, width), dropout)

    def activations(self, strip: Strip, number: int) -> Activations:
        """What convolution `number` (from 0) gives after ReLU (A in Eq. 3), on the strip."""
        return self._convolve(strip, (*POOLS[:number], (1, 1)))

    def _convolve(self, strip: Strip, pools: Sequence[tuple[int, int]]) -> Activations:
        values, silence = strip.values[:, :, None], jnp.zeros(1)
        reduction = 1
        for convolution, pool in zip(self.convolutions[: len(pools)], pools, strict=True):
            reduction *= pool[1]
            values, silence = convolution(values, silence, strip.sounding[::reduction], pool)
        return Activations(values, silence)

    def classify_activations(self, activations: Float[Array, "H W K"], number: int) -> Float[Array, " C"]:
        """Logits of one recording from what convolution `number` gives, without dropout."""
        for convolution, pool in zip(self.convolutions[number + 1 :], POOLS[number:-1], strict=True):
            pooled = max_pool(activations, pool)
            # A recording alone is a strip without anything behind it: the columns that would see what is there are cut.
            everywhere = jnp.ones(pooled.shape[1], bool)
            values, _ = convolution(pooled, jnp.zeros(pooled.shape[-1]), everywhere, (1, 1))
            activations = values[:, : pooled.shape[1] - (KERNEL[1] - 1)]
        return self._classify(max_pool(activations[None], POOLS[-1]), dropout=False)[0]

    def offset_weights(self) -> Float[Array, "K units"]:
        """What the dense layer makes of an offset of each channel: its weights, summed over the nodes."""
        kernel, n_channels = self.dense.variables["params"]["kernel"], self.config.filters[-1]

        def add(node: Array, total: Array) -> Array:
            return total + lax.dynamic_slice_in_dim(kernel, node * n_channels, n_channels)

        # XLA's CPU backend takes five times as long for a sum over rows.
        return lax.fori_loop(0, len(kernel) // n_channels, add, jnp.zeros((n_channels, kernel.shape[1])))

    def classify_with_offsets(
        self, pooled: Float[Array, "N h w K"], offsets: Float[Array, "N K"], offset_weights: Float[Array, "K units"]
    ) -> Float[Array, "N C"]:
        """Logits of what is pooled with `offsets` added to all nodes, without dropout.

        The offsets are added behind the dense layer, by their `offset_weights`: their gradient then needs no array as
        large as what is pooled.
        """
        return self._classify(pooled, dropout=False, added=offsets @ offset_weights)

    def _classify(self, pooled: Array, dropout: bool, added: Array | float = 0.0) -> Array:
        hidden = nn.relu(self.dense(pooled.reshape(len(pooled), -1)) + added)
        return self.output(self.dropout(hidden, deterministic=not dropout))


def _unpack_pooled(pooled: Activations, strip: Strip, width: int) -> Array:
    """What the dense layer gets of the last convolution, which has `width` columns: `[N, h, w, K]`."""
    return unpack(pooled.values, strip, pooled.silence, width // POOLS[-1][1])
