"""What a network has to offer so that it can be trained, explained and tested: the door of this room.

Static things are in a frozen, hashable dataclass, so that programs can be kept by it; what is learned is in
`Variables`, which are passed. Axes: B place of a batch; F frequency bin; T time frame; H, W rows and columns of a
convolution; K channel; C class.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.geometry import Geometry

# "params", and with batch normalisation "batch_stats", as Flax has them.
Variables = dict[str, Any]


class Shortcut(NamedTuple):
    """A network's own way to the maps of one attribution method: faster than by `activations` and `head`, and equal.

    Attributes:
      prepare: from the variables what does not depend on the recordings.
      explain: from what was prepared, variables, batch, layout, a function from logits `[B, C]` to the classes that are
        explained `[B]`, and one that differentiates a class's score (as `attribution.score.score_gradient`, the score
        chosen) to signed maps `[B, H, W]` and logits `[B, C]`.
    """

    prepare: Callable[[Variables], Any]
    explain: Callable[..., tuple[Array, Array]]


class AttentionWeights(NamedTuple):
    """With which weights the N = H W tokens of recordings are averaged.

    Attributes:
      blocks: of each of L blocks and its Q heads, by every token those of all tokens, `[B, L, Q, N, N]`.
      pooling: those of the mean that is classified, `[B, H, W]`.
    """

    blocks: Float[Array, "B L Q N N"]
    pooling: Float[Array, "B H W"]


class Attention(NamedTuple):
    """What a network whose nodes, the tokens, attend to each other has besides.

    Attributes:
      layers: the explained layers whose nodes are the tokens, the last block first and at last what is in front of all.
      attend: from variables, batch, and what is added to the weights of the blocks behind their softmax (None: nothing)
        to logits `[B, C]` and the weights; so the derivative of a score by the weights is that by what is added.
    """

    layers: tuple[str, ...]
    attend: Callable[[Variables, Batch, Array | None], tuple[Array, AttentionWeights]]


@runtime_checkable
class Network(Protocol):
    """A network of C classes, for inputs on a grid (F, T)."""

    def __hash__(self) -> int:
        """Of all that is static."""

    @property
    def n_classes(self) -> int:
        """The number C of classes."""

    @property
    def precision(self) -> Precision:
        """In which the factors of the convolutions' products are rounded."""

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """The layers from the output down, each with the names of its variables at the top of their tree."""

    def explained_layers(self) -> tuple[str, ...]:
        """What can be explained, convolutions or blocks of tokens, the last one first: it is the default."""

    def smallest_input(self) -> tuple[int, int]:
        """The smallest grid (F, T) that it takes: on it the last convolution has two columns, and two rows or one."""

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        """The nodes of an explained layer and their receptive fields; of tokens, the patches that they stand for."""

    def layout(self, n_frames: Int[np.ndarray, "n_strata n_steps"]) -> int:
        """How long the array is that a batch, one recording of each stratum, is computed on; 0 where that is fixed.

        `n_frames` are those of the strata's recordings, 0 where there is none. It is known when a program is compiled.
        """

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """Variables before any training."""

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """Logits, and the variables as they are afterwards; with a `key` as in training, for which it draws."""

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """What an explained layer gives, after its nonlinearity."""

    def head(
        self, variables: Variables, activations: Float[Array, "H W K"], layer: str, n_frames: Int[Array, ""]
    ) -> Float[Array, " C"]:
        """Logits of ONE recording of `n_frames` from the activations of an explained layer, as in use."""

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        """The network's own way for an attribution method (a name of `attribution.METHODS`), if it has one."""

    def attention(self) -> Attention | None:
        """The network as a function of its weights of attention, if its nodes attend to each other."""

    def compiles_quickly(self) -> bool:
        """Whether the network is so small that to optimise its programs takes longer than is gained by it."""


@runtime_checkable
class NetworkConfig(Protocol):
    """The config of one kind of network: a frozen dataclass, its fields are those of the section `network`."""

    @property
    def name(self) -> str:
        """The key in `NETWORKS`."""

    def make(self, n_classes: int, precision: Precision) -> Network:
        """The network."""

    def small(self) -> "NetworkConfig":
        """A network of the same kind that a CPU trains in seconds, for a first look at the embedded corpus."""
