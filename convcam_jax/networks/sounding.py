"""Networks in which nothing counts that lies behind a recording: more silence there, the same logits.

What is behind each part is zero in the columns that hold no sound. Windows that begin inside a recording and reach
beyond its end see zeros, whether the grid ends there or not.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.pooling import Pool, max_pool
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.blocks import Convolution, Size, Window, padding_of, same_window
from convcam_jax.networks.chain import InParts
from convcam_jax.networks.geometry import Layer
from convcam_jax.networks.network import Variables

_KERNEL: Size = (3, 3)


class SoundingPart(nn.Module):
    """A part of a `SoundingChain`; its name is that of an explained layer."""

    def __call__(self, values: Float[Array, "B h w k"], n_columns: Int[Array, " B"], in_training: bool) -> Array:
        """What is behind it, `[B, H, W, K]`; the first `n_columns` hold sound, what it gives in others is left out."""
        raise NotImplementedError

    def windows(self) -> Sequence[Window]:
        """Its convolutions and poolings; of n cells each leaves n / stride nodes, rounded up."""
        raise NotImplementedError

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """Its windows, which are the same on every grid."""
        del grid
        return self.windows()


@dataclasses.dataclass(frozen=True)
class SoundingChain(InParts):
    """A network of `SoundingPart`s as a `Network`."""

    def parts(self) -> tuple[SoundingPart, ...]:
        """See `InParts.parts`."""
        raise NotImplementedError

    def classify(
        self, values: Float[Array, "B H W K"], n_columns: Int[Array, " B"], in_training: bool
    ) -> Float[Array, "B C"]:
        """Logits from what is behind the last part, of which the first `n_columns` hold sound."""
        raise NotImplementedError

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """See `Network.init`."""
        return {"params": self.module().init(key, jnp.zeros((1, *grid, 1)), jnp.full(1, grid[1]))["params"]}

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """See `Network.logits`; a `key` turns dropout on."""
        del layout
        rngs = None if key is None else {"dropout": key}
        images, n_frames = batch.spectrograms[..., None], batch.n_frames
        found: Any = self.module().apply(variables, images, n_frames, in_training=key is not None, rngs=rngs)
        return found, variables

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """See `Network.activations`."""
        del layout
        images, n_frames = batch.spectrograms[..., None], batch.n_frames
        found: Any = self.module().apply(variables, images, n_frames, stop=self.number_behind(layer))
        return found

    def head(
        self, variables: Variables, activations: Float[Array, "H W K"], layer: str, n_frames: Int[Array, ""]
    ) -> Float[Array, " C"]:
        """See `Network.head`."""
        start = self.number_behind(layer)
        found: Any = self.module().apply(variables, activations[None], n_frames[None], start=start)
        return found[0]

    def module(self) -> "SoundingModule":
        """The network as Flax has it."""
        return SoundingModule(self)


class SoundingModule(nn.Module):
    """The network; its layers are called as in `InParts.layers`."""

    network: SoundingChain

    @nn.compact
    def __call__(
        self,
        values: Float[Array, "B h w k"],
        n_frames: Int[Array, " B"],
        in_training: bool = False,
        start: int = 0,
        stop: int | None = None,
    ) -> Array:
        """Logits `[B, C]`, or what is behind part number `stop - 1`.

        Args:
          values: the input `[B, F, T, 1]`, or what is behind part number `start - 1`.
          n_frames: of the input that hold sound, whatever `start` is.
          in_training: whether dropout is on.
          start: of the parts, the first one that is computed.
          stop: of the parts, the first one that is not computed; None computes the logits.
        """
        n_columns = n_frames
        for number, part in enumerate(self.network.parts()[:stop]):
            n_columns = -(-n_columns // math.prod(time.stride for _, time in part.windows()))
            if number >= start:
                values = _without_silence(part(values, n_columns, in_training), n_columns)
        return values if stop is not None else self.network.classify(values, n_columns, in_training)


class SoundingConvolution(SoundingPart):
    """Max-pooling by windows of 1 or 2, a 3 x 3 convolution with as many nodes as there were cells, and a ReLU."""

    n_filters: int
    pool: Pool
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], n_columns: Int[Array, " B"], in_training: bool) -> Array:
        """What is behind the ReLU."""
        del n_columns, in_training
        padding = padding_of(same_window(_KERNEL))
        convolution = Convolution(
            self.n_filters, _KERNEL, self.precision, padding=padding, has_bias=True, name="convolution"
        )
        return nn.relu(convolution(pooled(values, self.pool)))

    def windows(self) -> Sequence[Window]:
        """See `SoundingPart.windows`."""
        return pooling_window(self.pool), same_window(_KERNEL)


def sounding(n_nodes: int, n_columns: Int[Array, " B"]) -> Bool[Array, "B W"]:
    """Which of so many columns hold sound."""
    return jnp.arange(n_nodes)[None] < n_columns[:, None]


def pooled(values: Float[Array, "B h w K"], pool: Pool) -> Float[Array, "B H W K"]:
    """Max-pooling of values >= 0 by windows of 1 or 2, also of cells beyond the last row or column, which are 0."""
    rows, columns = (-length % size for length, size in zip(values.shape[1:3], pool, strict=True))
    return max_pool(jnp.pad(values, ((0, 0), (0, rows), (0, columns), (0, 0))), pool)


def pooling_window(pool: Pool) -> Window:
    """The window of `pooled`."""
    frequency, time = (Layer(size, size, 0, size - 1) for size in pool)
    return frequency, time


def _without_silence(values: Float[Array, "B H W K"], n_columns: Int[Array, " B"]) -> Float[Array, "B H W K"]:
    return jnp.where(sounding(values.shape[2], n_columns)[:, None, :, None], values, 0.0)
