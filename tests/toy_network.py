"""A network of two layers with running statistics, written without Flax: nothing in it is SimpleNet's."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from convcam_jax.data.recordings import Batch, Recordings
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.geometry import Geometry, Layer, make_geometry
from convcam_jax.networks.network import Attention, Shortcut, Variables

# As small as the config allows.
GRID = (8, 22)
N_CLASSES = 3
BANDS = "bands"


class PlainNetwork:
    """What a network has that packs nothing, attends to nothing and is explained without a shortcut."""

    def layout(self, n_frames: np.ndarray) -> int:
        return 0

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        return None

    def attention(self) -> Attention | None:
        return None

    def compiles_quickly(self) -> bool:
        return True


@dataclasses.dataclass(frozen=True)
class ToyNetwork(PlainNetwork):
    """Bins in pairs by a filter with K channels, a mean over them that is subtracted, ReLU, mean, and a readout."""

    n_classes: int = N_CLASSES
    channels: int = 4
    precision: Precision = "float32"

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        return {"readout": ("readout",), BANDS: ("filter", "norm")}

    def explained_layers(self) -> tuple[str, ...]:
        return (BANDS,)

    def smallest_input(self) -> tuple[int, int]:
        return 4, 2

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        return make_geometry(((Layer(2, stride=2),), (Layer(1),)), grid)

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        keys = jax.random.split(key, 4)
        params = {
            "filter": {"kernel": jax.random.normal(keys[0], (2, self.channels))},
            "norm": {"scale": 1 + 0.1 * jax.random.normal(keys[1], (self.channels,))},
            "readout": {"kernel": jax.random.normal(keys[2], (self.channels, self.n_classes))},
        }
        return {"params": params, "batch_stats": {"norm": {"mean": jax.random.normal(keys[3], (self.channels,))}}}

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Array, Variables]:
        activations = self.activations(variables, batch, layout, BANDS)
        return jax.vmap(lambda *own: self.head(variables, own[0], BANDS, own[1]))(
            activations, batch.n_frames
        ), variables

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Array:
        params = variables["params"]
        n, n_bins, n_frames = batch.spectrograms.shape
        pairs = batch.spectrograms.reshape(n, n_bins // 2, 2, n_frames)
        filtered = jnp.einsum("nhpw,pk->nhwk", pairs, params["filter"]["kernel"])
        mean, scale = variables["batch_stats"]["norm"]["mean"], params["norm"]["scale"]
        return jax.nn.relu((filtered - mean[None, None, None]) * scale[None, None, None])

    def head(self, variables: Variables, activations: Array, layer: str, n_frames: Array) -> Array:
        return activations.mean((0, 1)) @ variables["params"]["readout"]["kernel"]


TOY = ToyNetwork()


def toy_variables(seeds: tuple[int, ...] = (0, 5)) -> Variables:
    """Variables of members `[S, ...]`."""
    return jax.vmap(lambda key: TOY.init(key, GRID))(jnp.stack([jax.random.key(seed) for seed in seeds]))


def variables_of(variables: Variables, member: int) -> Variables:
    """One member's, from those of several."""
    return jax.tree.map(lambda leaf: leaf[member], variables)


def toy_recordings(n: int = 7, seed: int = 0) -> Recordings:
    """Recordings of different length."""
    generator = np.random.default_rng(seed)
    n_frames = generator.integers(12, GRID[1] + 1, n).astype(np.int32)
    spectrograms = generator.exponential(size=(n, *GRID)) * (np.arange(GRID[1]) < n_frames[:, None, None])
    return Recordings(
        jnp.asarray(spectrograms, jnp.float32), jnp.asarray(n_frames), jnp.asarray(np.arange(n) % N_CLASSES)
    )
