"""A convolutional recurrent network: convolutions, a bidirectional recurrence, attention pooling.

Choi et al., "Convolutional recurrent neural networks for music classification", ICASSP 2017, have the convolutions and
the recurrence; gated recurrent units are those of the first version of Cho et al., EMNLP 2014 (arXiv:1406.1078v1),
whose reset gate is applied behind the recurrent product, as in cuDNN, not in front of it; the weighted mean over frames
is that of Mirsamadi, Barsoum and Zhang, "Automatic speech emotion recognition using recurrent neural networks with
local attention", ICASSP 2017. Recurrence and pooling see the frames that hold sound alone: backwards it begins at the
last one of a recording, wherever the grid ends.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.kernels.one_at_a_time import orthogonal
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.sounding import SoundingChain, SoundingConvolution, SoundingPart, pooled, sounding
from convcam_jax.system.validation import require

# (frequency, time) in front of each convolution, and in front of the recurrence.
POOLS = ((1, 1), (2, 2), (2, 2), (2, 1))
LAST_POOL = (2, 1)
_ATTENTION, _RECURRENCE = "attention", "recurrence"
_SMALL_NETWORK_FILTERS = 16


@dataclasses.dataclass(frozen=True)
class CRNNConfig:
    """CRNN: a recurrent network behind convolutions; it hears the frames that hold sound, in both directions.

    Attributes:
      name: the key in `NETWORKS`.
      filters: of the four convolutions.
      recurrent_units: in each direction.
      dropout_rate: in front of the recurrence and of the output, in training.
    """

    name: str = "crnn"
    filters: tuple[int, ...] = (32, 64, 64, 64)
    recurrent_units: int = 64
    dropout_rate: float = 0.3

    def __post_init__(self) -> None:
        n = len(POOLS)
        require(len(self.filters) == n and min(self.filters) > 0, "network.filters", f"needs {n} positive numbers")
        require(self.recurrent_units > 0, "network.recurrent_units", "must be positive")
        require(0.0 <= self.dropout_rate < 1.0, "network.dropout_rate", "must lie in [0, 1)")

    def make(self, n_classes: int, precision: Precision = "float32") -> "CRNN":
        """The network."""
        return CRNN(self, n_classes, precision)

    def small(self) -> "CRNNConfig":
        """An eighth of the filters, a quarter of the units; the maps keep their size."""
        return dataclasses.replace(self, filters=(4, 8, 8, 8), recurrent_units=16)


@dataclasses.dataclass(frozen=True)
class CRNN(SoundingChain):
    """The CRNN as a `Network`; 12 x 51 nodes for the last convolution on 96 bins x 202 frames."""

    config: CRNNConfig

    def parts(self) -> tuple[SoundingPart, ...]:
        """The convolutions, behind their ReLU; a pooling belongs to what is behind it."""
        return tuple(
            SoundingConvolution(n_filters, pool, self.precision, name=f"convolution_{number}")
            for number, (n_filters, pool) in enumerate(zip(self.config.filters, POOLS, strict=True), start=1)
        )

    def top_layers(self) -> tuple[str, ...]:
        """See `InParts.top_layers`."""
        return *super().top_layers(), _ATTENTION, _RECURRENCE

    def classify(
        self, values: Float[Array, "B H W K"], n_columns: Int[Array, " B"], in_training: bool
    ) -> Float[Array, "B C"]:
        """See `SoundingChain.classify`."""
        dropout = nn.Dropout(self.config.dropout_rate, deterministic=not in_training)
        columns = jnp.moveaxis(pooled(values, LAST_POOL), 2, 1)
        columns = dropout(columns.reshape(*columns.shape[:2], -1))
        states = Recurrence(self.config.recurrent_units, name=_RECURRENCE)(columns, n_columns)
        holds_sound = sounding(states.shape[1], n_columns)
        return self.output(dropout(AttentionPooling(name=_ATTENTION)(states, holds_sound)))

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; two rows and two columns."""
        return 9, 5

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return max(self.config.filters) < _SMALL_NETWORK_FILTERS


class Recurrence(nn.Module):
    """Gated recurrent units in both directions, beside each other."""

    n_units: int

    @nn.compact
    def __call__(self, columns: Float[Array, "B W K"], n_columns: Int[Array, " B"]) -> Float[Array, "B W units"]:
        """States; what is behind the `n_columns` that hold sound has no influence on those of the others."""
        directions = (("forward", False), ("backward", True))
        states: list[Any] = [
            nn.RNN(
                nn.GRUCell(self.n_units, recurrent_kernel_init=orthogonal, name=name), reverse=reverse, keep_order=True
            )(columns, seq_lengths=n_columns)
            for name, reverse in directions
        ]
        return jnp.concatenate(states, -1)


class AttentionPooling(nn.Module):
    """A mean over the columns that hold sound, with weights that follow from what is in them."""

    @nn.compact
    def __call__(self, states: Float[Array, "B W K"], holds_sound: Bool[Array, "B W"]) -> Float[Array, "B K"]:
        """The softmax of a score of each column by its state is its weight."""
        scores = nn.Dense(1, use_bias=False, name="score")(states)[..., 0]
        # Not minus infinity: an empty place of a batch would have no softmax.
        weights = nn.softmax(jnp.where(holds_sound, scores, jnp.finfo(scores.dtype).min))
        return jnp.einsum("bw,bwk->bk", weights, states)
