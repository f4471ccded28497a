"""The least network that is trained: one layer on each bin's mean over time. For tests of what is around a network."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array
from toy_network import PlainNetwork

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.precision import Precision, rounded
from convcam_jax.networks.geometry import Geometry, Layer, make_geometry
from convcam_jax.networks.network import Variables


@dataclasses.dataclass(frozen=True)
class MeanConfig:
    """As a `NetworkConfig`."""

    name: str = "mean"

    def make(self, n_classes: int, precision: Precision = "float32") -> "MeanNetwork":
        return MeanNetwork(self, n_classes, precision)

    def small(self) -> "MeanConfig":
        return self


@dataclasses.dataclass(frozen=True)
class MeanNetwork(PlainNetwork):
    """As a `Network`; in training every other bin, drawn for each recording, is left out."""

    config: MeanConfig
    n_classes: int
    precision: Precision = "float32"

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        return {"output": ("output",), "input": ()}

    def explained_layers(self) -> tuple[str, ...]:
        return ("input",)

    def smallest_input(self) -> tuple[int, int]:
        return 1, 2

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        return make_geometry(((Layer(1),), (Layer(1),)), grid)

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        kernel = jax.random.normal(key, (grid[0], self.n_classes)) / grid[0] ** 0.5
        return {"params": {"output": {"kernel": kernel, "bias": jnp.zeros(self.n_classes)}}}

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Array, Variables]:
        means = batch.spectrograms.sum(2) / jnp.maximum(batch.n_frames, 1)[:, None]
        if key is not None:
            means = 2 * means * jax.random.bernoulli(key, shape=means.shape)
        kernel, bias = (variables["params"]["output"][name] for name in ("kernel", "bias"))
        as_factor = rounded(self.precision)
        return as_factor(means) @ as_factor(kernel) + bias[None], variables

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Array:
        return batch.spectrograms[..., None]

    def head(self, variables: Variables, activations: Array, layer: str, n_frames: Array) -> Array:
        return self.logits(variables, Batch(activations[None, :, :, 0], n_frames[None]), 0)[0][0]
