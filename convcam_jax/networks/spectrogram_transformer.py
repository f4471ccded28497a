"""A transformer of the patches of a spectrogram, small enough to be trained from scratch.

Gong, Chung and Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021, of which are the patches and blocks; what
is classified is the mean over the tokens, which needs fewer data than a token of its own (Beyer, Zhai and Kolesnikov,
"Better plain ViT baselines for ImageNet-1k", arXiv:2205.01580, 2022). Convolutions may stand in front of the patches
(Xiao et al., "Early convolutions help transformers see better", NeurIPS 2021). A block normalises in front of attention
and of its dense layers (Xiong et al., ICML 2020). Only tokens whose patch holds sound are attended to and count in the
mean. Positions along the frequency are learned, along the time they are sines (Vaswani et al., NeurIPS 2017), so that
every length of the grid has them.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.blocks import Convolution, Window
from convcam_jax.networks.geometry import Layer
from convcam_jax.networks.network import Attention, AttentionWeights, Variables
from convcam_jax.networks.sounding import (
    SoundingChain,
    SoundingConvolution,
    SoundingPart,
    pooled,
    pooling_window,
    sounding,
)
from convcam_jax.system.validation import require

_POOL = (2, 2)
_PATCHES, _BLOCK, _NORMALISATION, _POOLING = "patches", "block_", "normalisation", "pooling"
# The weights of attention, among what a pass tells whoever asks and what may be added to what it computes.
_WEIGHTS = "weights"
_TOLD, _ADDED = "intermediates", "perturbations"
HIDDEN_PER_CHANNEL = 2
_LONGEST_PERIOD = 10000.0
_SMALL_NETWORK_CHANNELS = 32
# One step of the program, whatever it is made of: what takes a network apart finds one nonlinearity.
_gelu = jax.jit(nn.gelu)


@dataclasses.dataclass(frozen=True)
class SpectrogramTransformerConfig:
    """Transformer of the patches of a spectrogram (AST), in small; with or without convolutions in front.

    Attributes:
      name: the key in `NETWORKS`.
      patch_bins: bins of the input that a token stands for; patches do not overlap.
      patch_frames: frames of the input that a token stands for; patches do not overlap.
      stem_filters: of 3 x 3 convolutions in front of the patches, each with a max-pooling by 2 along both axes behind.
      channels: of every token.
      depth: number of blocks.
      heads: of the attention of each block.
      dropout_rate: behind attention, dense layers and the mean.
    """

    name: str = "spectrogram_transformer"
    patch_bins: int = 16
    patch_frames: int = 8
    stem_filters: tuple[int, ...] = (32, 64)
    channels: int = 96
    depth: int = 3
    heads: int = 4
    dropout_rate: float = 0.1

    def __post_init__(self) -> None:
        n_pools = len(self.stem_filters)
        for name in ("patch_bins", "patch_frames"):
            size = getattr(self, name)
            divides = f"must be a positive multiple of {2**n_pools}, which network.stem_filters pools by"
            require(size > 0 and size % 2**n_pools == 0, f"network.{name}", divides)
        require(min(self.stem_filters, default=1) > 0, "network.stem_filters", "needs positive numbers, or none")
        require(self.depth > 0, "network.depth", "must be positive")
        require(self.heads > 0, "network.heads", "must be positive")
        divides = f"must be a positive multiple of 2 and of network.heads, {self.heads}"
        is_divisible = self.channels % 2 == 0 and self.channels % self.heads == 0
        require(self.channels > 0 and is_divisible, "network.channels", divides)
        require(0.0 <= self.dropout_rate < 1.0, "network.dropout_rate", "must lie in [0, 1)")

    def make(self, n_classes: int, precision: Precision = "float32") -> "SpectrogramTransformer":
        """The network."""
        return SpectrogramTransformer(self, n_classes, precision)

    def small(self) -> "SpectrogramTransformerConfig":
        """An eighth of the filters, a sixth of the channels, two blocks of two heads; the maps keep their size."""
        filters = tuple(max(n_filters // 8, 1) for n_filters in self.stem_filters)
        return dataclasses.replace(self, stem_filters=filters, channels=16, depth=2, heads=2)


@dataclasses.dataclass(frozen=True)
class SpectrogramTransformer(SoundingChain):
    """The transformer as a `Network`; 6 x 26 tokens for 96 bins x 202 frames.

    Every token behind a block has seen all that sounds. The geometry of a block is that of the patches: a token's
    place is that of the patch that it began as.
    """

    config: SpectrogramTransformerConfig

    def parts(self) -> tuple[SoundingPart, ...]:
        """Convolutions behind their ReLU, the patches with their positions, and the blocks."""
        config, n_pools = self.config, len(self.config.stem_filters)
        stem = (
            SoundingConvolution(
                n_filters, _POOL if number > 1 else (1, 1), self.precision, name=f"convolution_{number}"
            )
            for number, n_filters in enumerate(config.stem_filters, start=1)
        )
        size = config.patch_bins // 2**n_pools, config.patch_frames // 2**n_pools
        patches = Patches(config.channels, size, n_pools > 0, self.precision, name=_PATCHES)
        blocks = (TransformerBlock(config.heads, config.dropout_rate, name=name) for name in self._blocks())
        return *stem, patches, *blocks

    def top_layers(self) -> tuple[str, ...]:
        """See `InParts.top_layers`."""
        return *super().top_layers(), _NORMALISATION

    def classify(
        self, values: Float[Array, "B H W K"], n_columns: Int[Array, " B"], in_training: bool
    ) -> Float[Array, "B C"]:
        """See `SoundingChain.classify`; a dense layer of the mean over the tokens that hold sound."""
        normalised = nn.LayerNorm(name=_NORMALISATION)(values)
        mean = MeanPooling(name=_POOLING)(normalised, n_columns)
        return self.output(nn.Dropout(self.config.dropout_rate, deterministic=not in_training)(mean))

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; two rows and two columns of tokens."""
        return self.config.patch_bins + 1, self.config.patch_frames + 1

    def attention(self) -> Attention:
        """See `Network.attention`."""
        return Attention((*reversed(self._blocks()), _PATCHES), self._attend)

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return self.config.channels < _SMALL_NETWORK_CHANNELS

    def _blocks(self) -> tuple[str, ...]:
        return tuple(f"{_BLOCK}{number}" for number in range(1, self.config.depth + 1))

    def _attend(
        self, variables: Variables, batch: Batch, added: Float[Array, "B L Q N N"] | None
    ) -> tuple[Float[Array, "B C"], AttentionWeights]:
        if added is not None:
            of_blocks = {name: {_WEIGHTS: added[:, number]} for number, name in enumerate(self._blocks())}
            variables = {**variables, _ADDED: of_blocks}
        images, n_frames = batch.spectrograms[..., None], batch.n_frames
        found: Any = self.module().apply(variables, images, n_frames, mutable=[_TOLD])
        logits, told = found[0], found[1][_TOLD]
        blocks = jnp.stack([told[name][_WEIGHTS][0] for name in self._blocks()], axis=1)
        return logits, AttentionWeights(blocks, told[_POOLING][_WEIGHTS][0])


class Patches(SoundingPart):
    """Max-pooling or not, a linear map of each patch, and its position."""

    n_channels: int
    size: tuple[int, int]
    pools: bool
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], n_columns: Int[Array, " B"], in_training: bool) -> Array:
        """The tokens."""
        del n_columns, in_training
        values = pooled(values, _POOL) if self.pools else values
        padding = tuple((0, -length % size) for length, size in zip(values.shape[1:3], self.size, strict=True))
        embed = Convolution(
            self.n_channels, self.size, self.precision, self.size, (padding[0], padding[1]), has_bias=True, name="patch"
        )
        tokens = embed(values)
        n_rows, n_columns_of_grid = tokens.shape[1:3]
        rows = self.param("rows", nn.initializers.normal(0.02), (n_rows, self.n_channels))
        return tokens + rows[None, :, None] + time_positions(n_columns_of_grid, self.n_channels)[None, None]

    def windows(self) -> Sequence[Window]:
        """See `SoundingPart.windows`."""
        frequency, time = (Layer(size, size, 0, size - 1) for size in self.size)
        return (*[pooling_window(_POOL)] * self.pools, (frequency, time))


class TransformerBlock(SoundingPart):
    """Attention of every token to all that hold sound, and two dense layers; each is added to what was there."""

    n_heads: int
    dropout_rate: float

    @nn.compact
    def __call__(self, values: Float[Array, "B H W K"], n_columns: Int[Array, " B"], in_training: bool) -> Array:
        """The tokens behind it."""
        n_channels = values.shape[-1]
        tokens = values.reshape(len(values), -1, n_channels)
        dropout = nn.Dropout(self.dropout_rate, deterministic=not in_training)
        tokens = tokens + dropout(self._attended(tokens, _holding_sound(values, n_columns)))
        hidden = nn.Dense(HIDDEN_PER_CHANNEL * n_channels, name="hidden")(nn.LayerNorm(name="normalisation_2")(tokens))
        tokens = tokens + dropout(nn.Dense(n_channels, name="dense")(_gelu(hidden)))
        return tokens.reshape(values.shape)

    def windows(self) -> Sequence[Window]:
        """None: a token stands for its patch."""
        return ()

    def _attended(self, tokens: Float[Array, "B N K"], holds_sound: Bool[Array, "B N"]) -> Float[Array, "B N K"]:
        n_channels = tokens.shape[-1]
        of_heads = (3, self.n_heads, n_channels // self.n_heads)
        projected = nn.DenseGeneral(of_heads, name="projection")(nn.LayerNorm(name="normalisation_1")(tokens))
        query, key, value = jnp.moveaxis(projected, 2, 0)
        weights = nn.dot_product_attention_weights(query, key, mask=holds_sound[:, None, None, :])
        weights = self.perturb(_WEIGHTS, weights, _ADDED)
        self.sow(_TOLD, _WEIGHTS, weights)
        means = jnp.einsum("bqnm,bmqk->bnqk", weights, value)
        return nn.DenseGeneral(n_channels, axis=(-2, -1), name="attended")(means)


class MeanPooling(nn.Module):
    """The mean over the tokens that hold sound."""

    @nn.compact
    def __call__(self, tokens: Float[Array, "B H W K"], n_columns: Int[Array, " B"]) -> Float[Array, "B K"]:
        """`[B, K]`; 0 of an empty place."""
        holds_sound = _holding_sound(tokens, n_columns).astype(tokens.dtype).reshape(tokens.shape[:3])
        weights = holds_sound / jnp.maximum(holds_sound.sum((1, 2), keepdims=True), 1.0)
        self.sow(_TOLD, _WEIGHTS, weights)
        return jnp.einsum("bhw,bhwk->bk", weights, tokens)


def time_positions(n_columns: int, n_channels: int) -> Float[np.ndarray, "W K"]:
    """Sines and cosines of the column, half of the channels each, with periods from 2 pi columns on."""
    rates = _LONGEST_PERIOD ** -(np.arange(n_channels // 2) / (n_channels // 2))
    phases = np.arange(n_columns)[:, None] * rates[None]
    return np.concatenate([np.sin(phases), np.cos(phases)], axis=1).astype(np.float32)


def _holding_sound(values: Float[Array, "B H W K"], n_columns: Int[Array, " B"]) -> Bool[Array, "B N"]:
    n_places, n_rows, n_nodes, _ = values.shape
    return jnp.broadcast_to(sounding(n_nodes, n_columns)[:, None], (n_places, n_rows, n_nodes)).reshape(n_places, -1)
