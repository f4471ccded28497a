"""Networks that are a chain of parts, each of which sees only what is behind the one before it: those of Keras.

What is behind a part can be explained, and is all that the parts after it need. The zeros behind a recording are part
of the input, as in the paper, and count in means over the nodes: a chain is computed on the whole grid.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.applications.keras_weights import with_weights
from convcam_jax.networks.blocks import Part, scaled
from convcam_jax.networks.geometry import Geometry, make_geometry
from convcam_jax.networks.network import Attention, Shortcut, Variables
from convcam_jax.system.validation import require

_OUTPUT = "output"
_QUICKLY_COMPILED_WIDTH = 0.5
# Of the pictures that Keras's weights are for.
_PICTURE_CHANNELS = 3


@dataclasses.dataclass(frozen=True)
class ChainConfig:
    """What the configs of chains have in common.

    Attributes:
      name: the key in `NETWORKS`.
      width: multiplies the number of filters of every convolution.
      weights: Keras's file of ImageNet weights that training starts from, if not empty; the spectrogram is then
        repeated to three channels.
    """

    # Filters of the narrowest convolution in full width; where Keras's file of weights is.
    fewest_filters: ClassVar[int]
    weights_url: ClassVar[str]

    name: str
    width: float = 1.0
    weights: str = dataclasses.field(default="", metadata={"is_path": True})

    def __post_init__(self) -> None:
        fewest = self.fewest_filters
        require(scaled(fewest, self.width) >= 1, "network.width", f"must be at least 1 / {fewest}")
        require(
            not self.weights or self.is_full_size(),
            "network.weights",
            f"they are those of {self.name} in its full size: leave its other fields as they are by default"
            " (on the synthetic corpus it is smaller: set them)",
        )

    def is_full_size(self) -> bool:
        """Whether the convolutions are Keras's."""
        return self.width == 1


@dataclasses.dataclass(frozen=True)
class DeepChainConfig(ChainConfig):
    """A chain of stages; `depths` says how long each is."""

    depths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        n_stages = len(self._full_depths())
        is_valid = len(self.depths) == n_stages and min(self.depths) >= 1
        require(is_valid, "network.depths", f"needs {n_stages} positive numbers")
        super().__post_init__()

    def is_full_size(self) -> bool:
        """Whether the convolutions are Keras's."""
        return super().is_full_size() and self.depths == self._full_depths()

    @classmethod
    def _full_depths(cls) -> tuple[int, ...]:
        # A dataclass keeps the defaults of its fields as attributes of the class.
        return cls.depths


@dataclasses.dataclass(frozen=True)
class InParts:
    """What networks have in common that are computed part after part; a kind of it has its `parts`."""

    config: Any
    n_classes: int
    precision: Precision = "float32"

    def parts(self) -> tuple[Any, ...]:
        """The parts in the order of computation, each named as its variables are, with its `extent`."""
        raise NotImplementedError

    def top_layers(self) -> tuple[str, ...]:
        """The layers behind the last part, from the output down."""
        return (_OUTPUT,)

    def output(self, values: Float[Array, "B K"]) -> Float[Array, "B C"]:
        """The dense layer that gives the logits."""
        return nn.Dense(self.n_classes, kernel_init=nn.initializers.glorot_uniform(), name=_OUTPUT)(values)

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`."""
        raise NotImplementedError

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """See `Network.layers`."""
        return {name: (name,) for name in (*self.top_layers(), *self.explained_layers())}

    def explained_layers(self) -> tuple[str, ...]:
        """See `Network.explained_layers`; all parts."""
        return tuple(_name(part) for part in reversed(self.parts()))

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        """See `Network.geometry`."""
        windows = [window for part in self.parts()[: self.number_behind(layer)] for window in part.extent(grid)]
        frequency, time = zip(*windows, strict=True)
        return make_geometry((frequency, time), grid)

    def layout(self, n_frames: Int[np.ndarray, "n_strata n_steps"]) -> int:
        """0: a batch is computed on the whole input, however short its recordings are."""
        del n_frames
        return 0

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        """None: the map is so small that there is nothing to gain."""
        del method, layer
        return None

    def attention(self) -> Attention | None:
        """None: nodes do not attend to each other."""
        return None

    def number_behind(self, layer: str) -> int:
        """How many parts there are up to this one, with it."""
        names = self.explained_layers()
        return len(names) - names.index(layer)


@dataclasses.dataclass(frozen=True)
class Chain(InParts):
    """A chain as a `Network`; a kind of it has its `parts`, and perhaps another end than a mean and a dense layer."""

    def parts(self) -> tuple[Part, ...]:
        """See `InParts.parts`."""
        raise NotImplementedError

    def classify(self, values: Float[Array, "B H W K"], present: Bool[Array, " B"] | None) -> Float[Array, "B C"]:
        """Logits from what is behind the last part: a dense layer of the mean over the nodes."""
        del present
        return self.output(values.mean((1, 2)))

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """See `Network.init`."""
        return dict(self._module().init(key, self._images(jnp.zeros((1, *grid)))))

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """See `Network.logits`; a `key` turns on dropout and normalisation by the batch, which moves the statistics."""
        del layout
        images = self._images(batch.spectrograms)
        if key is None:
            return self._apply(variables, images), variables
        found, moved = self._module().apply(
            variables, images, batch.n_frames > 0, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return found, {**variables, **moved}

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """See `Network.activations`."""
        del layout
        return self._apply(variables, self._images(batch.spectrograms), stop=self.number_behind(layer))

    def head(
        self, variables: Variables, activations: Float[Array, "H W K"], layer: str, n_frames: Int[Array, ""]
    ) -> Float[Array, " C"]:
        """See `Network.head`."""
        del n_frames
        return self._apply(variables, activations[None], start=self.number_behind(layer))[0]

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return self.config.width < _QUICKLY_COMPILED_WIDTH

    def with_weights(self, variables: Variables, weights: Mapping[str, Sequence[np.ndarray]]) -> Variables:
        """Variables with those of all parts taken from Keras's `weights`, the arrays of each layer by its name.

        Raises:
          ValueError: a layer is missing, or has other arrays.
        """
        return with_weights(variables, weights, self.explained_layers(), self.keras_layer)

    def keras_layer(self, path: tuple[str, ...]) -> str:
        """The name in Keras of the layer with the variable of this path, that in its tree."""
        return path[-2]

    def _images(self, spectrograms: Float[Array, "B F T"]) -> Float[Array, "B F T channels"]:
        images = spectrograms[..., None]
        return jnp.repeat(images, _PICTURE_CHANNELS, axis=-1) if self.config.weights else images

    def _module(self) -> "ChainModule":
        return ChainModule(self)

    def _apply(self, variables: Variables, values: Array, start: int = 0, stop: int | None = None) -> Array:
        found: Any = self._module().apply(variables, values, start=start, stop=stop)
        return found


class ChainModule(nn.Module):
    """The network; its layers are called as in `Chain.layers`."""

    network: Chain

    @nn.compact
    def __call__(
        self,
        values: Float[Array, "B H W K"],
        present: Bool[Array, " B"] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Array:
        """Logits `[B, C]`, or what is behind part number `stop - 1`.

        Args:
          values: the input `[B, F, T, channels]`, or what is behind part number `start - 1`.
          present: which places are not empty: dropout is on, and what is present is normalised by its own moments.
          start: of the parts, the first one that is computed.
          stop: of the parts, the first one that is not computed; None computes the logits.
        """
        for part in self.network.parts()[start:stop]:
            values = part(values, present)
        return values if stop is not None else self.network.classify(values, present)


def _name(part: nn.Module) -> str:
    if part.name is None:
        raise ValueError(f"{part} has no name")
    return part.name
