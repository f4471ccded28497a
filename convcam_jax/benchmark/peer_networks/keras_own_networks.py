"""This project's own networks in Keras, as a user would write them: inputs end in silence, which is computed too."""

from functools import partial
from typing import Any

import keras
from keras import layers

from convcam_jax.networks import crnn, resnet_small, spectrogram_transformer
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig, time_positions

# The layer whose output is that of the last explained layer.
EXPLAINED = "explained"


def resnet_small_model(config: ResNetSmallConfig, shape: tuple[int, ...], n_emotions: int) -> Any:
    """`convcam_jax.networks.resnet_small`."""
    inputs = values = keras.Input((*shape, 1))

    def convolve(values: Any, n_filters: int, pool: tuple[int, int] = (1, 1)) -> Any:
        values = layers.Conv2D(n_filters, 3, padding="same", use_bias=False)(values)
        # A row that is left over is left out, columns that are left over are pooled.
        values = layers.Cropping2D(((0, values.shape[1] % pool[0]), (0, 0)))(values)
        return layers.BatchNormalization()(layers.MaxPooling2D(pool, padding="same")(values))

    parts = list(zip(config.filters, resnet_small.POOLS, strict=True))
    for number, (n_filters, pool) in enumerate(parts):
        values = layers.ReLU()(convolve(values, n_filters, pool))
        if number > 0:
            residual = convolve(layers.ReLU()(convolve(values, n_filters)), n_filters)
            name = EXPLAINED if number == len(parts) - 1 else None
            values = layers.ReLU(name=name)(layers.Add()([values, residual]))
    # The mean of each row over the time.
    means = layers.AveragePooling2D((1, values.shape[2]))(values)
    means = layers.Dropout(config.dropout_rate)(layers.Flatten()(means))
    return keras.Model(inputs, layers.Dense(n_emotions, use_bias=False, dtype="float32")(means))


def crnn_model(config: CRNNConfig, shape: tuple[int, ...], n_emotions: int) -> Any:
    """`convcam_jax.networks.crnn`."""
    inputs = values = keras.Input((*shape, 1))
    for number, (n_filters, pool) in enumerate(zip(config.filters, crnn.POOLS, strict=True), start=1):
        if pool != (1, 1):
            values = layers.MaxPooling2D(pool, padding="same")(values)
        name = EXPLAINED if number == len(crnn.POOLS) else None
        values = layers.Conv2D(n_filters, 3, padding="same", activation="relu", name=name)(values)
    columns = layers.Permute((2, 1, 3))(layers.MaxPooling2D(crnn.LAST_POOL, padding="same")(values))
    columns = layers.Reshape((columns.shape[1], columns.shape[2] * columns.shape[3]))(columns)
    columns = layers.Dropout(config.dropout_rate)(columns)
    states = layers.Bidirectional(layers.GRU(config.recurrent_units, return_sequences=True))(columns)
    weights = layers.Softmax(axis=1)(layers.Dense(1, use_bias=False)(states))
    mean = layers.Flatten()(layers.Dot(axes=1)([weights, states]))
    return keras.Model(inputs, layers.Dense(n_emotions, dtype="float32")(layers.Dropout(config.dropout_rate)(mean)))


def spectrogram_transformer_model(config: SpectrogramTransformerConfig, shape: tuple[int, ...], n_emotions: int) -> Any:
    """`convcam_jax.networks.spectrogram_transformer`."""
    inputs = keras.Input((*shape, 1))
    sizes, n_pools = (config.patch_bins, config.patch_frames), len(config.stem_filters)
    behind = [-length % size for length, size in zip(shape, sizes, strict=True)]
    values = layers.ZeroPadding2D(((0, behind[0]), (0, behind[1])))(inputs)
    for number, n_filters in enumerate(config.stem_filters):
        if number > 0:
            values = layers.MaxPooling2D(2)(values)
        values = layers.Conv2D(n_filters, 3, padding="same", activation="relu")(values)
    if n_pools:
        values = layers.MaxPooling2D(2)(values)
    patch = (sizes[0] // 2**n_pools, sizes[1] // 2**n_pools)
    patches = Positions()(layers.Conv2D(config.channels, patch, patch)(values))
    grid = patches.shape[1:]
    tokens = layers.Reshape((grid[0] * grid[1], config.channels))(patches)
    for _ in range(config.depth):
        tokens = _block(tokens, config)
    explained = layers.Reshape(grid, name=EXPLAINED)(tokens)
    normalised = layers.LayerNormalization(epsilon=1e-6)(layers.Reshape(tokens.shape[1:])(explained))
    mean = layers.Dropout(config.dropout_rate)(layers.GlobalAveragePooling1D()(normalised))
    return keras.Model(inputs, layers.Dense(n_emotions, dtype="float32")(mean))


def _block(tokens: Any, config: SpectrogramTransformerConfig) -> Any:
    normalised = layers.LayerNormalization(epsilon=1e-6)(tokens)
    attention = layers.MultiHeadAttention(config.heads, config.channels // config.heads)
    attended = layers.Dropout(config.dropout_rate)(attention(normalised, normalised))
    tokens = layers.Add()([tokens, attended])
    n_hidden = spectrogram_transformer.HIDDEN_PER_CHANNEL * config.channels
    hidden = layers.Dense(n_hidden, activation=partial(keras.activations.gelu, approximate=True))(
        layers.LayerNormalization(epsilon=1e-6)(tokens)
    )
    return layers.Add()([tokens, layers.Dropout(config.dropout_rate)(layers.Dense(config.channels)(hidden))])


class Positions(layers.Layer):
    """Adds what is learned for each row of tokens, and sines and cosines of the column."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make what is learned, for tokens `[B, H, W, K]`."""
        self.rows = self.add_weight(shape=(shape[1], 1, shape[3]), initializer=keras.initializers.RandomNormal(0, 0.02))
        n_columns, n_channels = shape[2:]
        assert n_columns is not None
        assert n_channels is not None
        self.columns = time_positions(n_columns, n_channels)

    def call(self, tokens: Any) -> Any:
        """The tokens with their positions."""
        return tokens + self.rows + keras.ops.cast(self.columns, tokens.dtype)
