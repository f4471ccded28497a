"""This project's own networks in PyTorch, as a user would write them: inputs end in silence, which is computed too."""

from functools import partial
from typing import Any

import torch
from torch import nn

from convcam_jax.networks import crnn, resnet_small, spectrogram_transformer
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig, time_positions

# Of Flax's layer normalisation.
_EPSILON = 1e-6


class ResNetSmall(nn.Module):
    """`convcam_jax.networks.resnet_small` for inputs of F bins."""

    def __init__(self, config: ResNetSmallConfig, n_bins: int, n_emotions: int) -> None:
        super().__init__()
        parts, n_channels, n_rows = [], 1, n_bins
        for number, (n_filters, pool) in enumerate(zip(config.filters, resnet_small.POOLS, strict=True)):
            parts.append(_Part(n_channels, n_filters, pool, is_block=number > 0))
            n_channels, n_rows = n_filters, n_rows // pool[0]
        self.parts = nn.Sequential(*parts)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.output = nn.Linear(n_rows * n_channels, n_emotions, bias=False)

    def forward(self, images: Any) -> Any:
        """Logits `[B, C]` of images `[B, 1, F, T]`."""
        return self.output(self.dropout(self.parts(images).mean(3).flatten(1)))


class _Part(nn.Module):
    def __init__(self, n_inputs: int, n_filters: int, pool: tuple[int, int], is_block: bool) -> None:
        super().__init__()

        def convolution(n_channels: int) -> Any:
            return nn.Conv2d(n_channels, n_filters, 3, padding=1, bias=False)

        self.first = nn.Sequential(
            convolution(n_inputs), _PoolingOfWholeRows(pool), nn.BatchNorm2d(n_filters), nn.ReLU()
        )
        layers = (convolution(n_filters), nn.BatchNorm2d(n_filters), nn.ReLU(), convolution(n_filters))
        self.residual = nn.Sequential(*layers, nn.BatchNorm2d(n_filters)) if is_block else None
        self.relu = nn.ReLU()

    def forward(self, values: Any) -> Any:
        values = self.first(values)
        return values if self.residual is None else self.relu(values + self.residual(values))


class _PoolingOfWholeRows(nn.MaxPool2d):
    """A row that is left over is left out; columns that are left over are pooled."""

    def __init__(self, pool: tuple[int, int]) -> None:
        super().__init__(pool, ceil_mode=True)

    def forward(self, values: Any) -> Any:
        n_rows = values.shape[2]
        return super().forward(values[:, :, : n_rows - n_rows % self.kernel_size[0]])


class CRNN(nn.Module):
    """`convcam_jax.networks.crnn` for inputs of F bins."""

    def __init__(self, config: CRNNConfig, n_bins: int, n_emotions: int) -> None:
        super().__init__()
        layers: list[Any] = []
        n_channels, n_rows = 1, n_bins
        for n_filters, pool in zip(config.filters, crnn.POOLS, strict=True):
            layers += [*_pooling(pool), nn.Conv2d(n_channels, n_filters, 3, padding=1), nn.ReLU()]
            n_channels, n_rows = n_filters, -(-n_rows // pool[0])
        self.convolutions = nn.Sequential(*layers)
        self.pooling = nn.MaxPool2d(crnn.LAST_POOL, ceil_mode=True)
        self.dropout = nn.Dropout(config.dropout_rate)
        n_inputs = -(-n_rows // crnn.LAST_POOL[0]) * n_channels
        self.recurrence = nn.GRU(n_inputs, config.recurrent_units, batch_first=True, bidirectional=True)
        self.score = nn.Linear(2 * config.recurrent_units, 1, bias=False)
        self.output = nn.Linear(2 * config.recurrent_units, n_emotions)

    def forward(self, images: Any) -> Any:
        """Logits `[B, C]` of images `[B, 1, F, T]`."""
        values = self.pooling(self.convolutions(images))
        states, _ = self.recurrence(self.dropout(values.permute(0, 3, 1, 2).flatten(2)))
        weights = self.score(states).softmax(1)
        return self.output(self.dropout((weights * states).sum(1)))

    def train(self, mode: bool = True) -> Any:
        """As the mode says, but for the recurrence: cuDNN has its gradient in training only, and it has no dropout."""
        super().train(mode)
        self.recurrence.train()
        return self


class SpectrogramTransformer(nn.Module):
    """`convcam_jax.networks.spectrogram_transformer` for inputs of F bins and T frames."""

    def __init__(self, config: SpectrogramTransformerConfig, shape: tuple[int, int], n_emotions: int) -> None:
        super().__init__()
        layers: list[Any] = []
        n_channels, n_pools = 1, len(config.stem_filters)
        for number, n_filters in enumerate(config.stem_filters):
            pooling = _pooling((2, 2)) if number > 0 else []
            layers += [*pooling, nn.Conv2d(n_channels, n_filters, 3, padding=1), nn.ReLU()]
            n_channels = n_filters
        sizes = (config.patch_bins, config.patch_frames)
        n_rows, n_columns = (-(-length // size) for length, size in zip(shape, sizes, strict=True))
        behind = [size * n - length for length, size, n in zip(shape, sizes, (n_rows, n_columns), strict=True)]
        patch = (sizes[0] // 2**n_pools, sizes[1] // 2**n_pools)
        layers += [*_pooling((2, 2))] if n_pools else []
        self.pad = nn.ZeroPad2d((0, behind[1], 0, behind[0]))
        self.patches = nn.Sequential(*layers, nn.Conv2d(n_channels, config.channels, patch, patch))
        self.rows = nn.Parameter(0.02 * torch.randn(config.channels, n_rows, 1))
        columns = torch.from_numpy(time_positions(n_columns, config.channels).T.copy())
        self.register_buffer("columns", columns[:, None])
        self.blocks = nn.Sequential(*(_block(config) for _ in range(config.depth)))
        # On the grid of the patches, as methods of maps expect their activations.
        self.tokens = nn.Unflatten(2, (n_rows, n_columns))
        self.normalisation = nn.LayerNorm(config.channels, eps=_EPSILON)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.output = nn.Linear(config.channels, n_emotions)

    def forward(self, images: Any) -> Any:
        """Logits `[B, C]` of images `[B, 1, F, T]`."""
        patches = self.patches(self.pad(images)) + self.rows + self.columns
        tokens = self.tokens(self.blocks(patches.flatten(2).transpose(1, 2)).transpose(1, 2))
        mean = self.normalisation(tokens.flatten(2).transpose(1, 2)).mean(1)
        return self.output(self.dropout(mean))


def _block(config: SpectrogramTransformerConfig) -> Any:
    """With dropout behind attention and behind the dense layers, not of attention's weights nor of what is hidden."""
    layer = nn.TransformerEncoderLayer(
        config.channels,
        config.heads,
        spectrogram_transformer.HIDDEN_PER_CHANNEL * config.channels,
        config.dropout_rate,
        partial(nn.functional.gelu, approximate="tanh"),
        layer_norm_eps=_EPSILON,
        batch_first=True,
        norm_first=True,
    )
    layer.self_attn.dropout, layer.dropout = 0.0, nn.Identity()
    return layer


def _pooling(pool: tuple[int, int]) -> list[Any]:
    return [nn.MaxPool2d(pool, ceil_mode=True)] if pool != (1, 1) else []
