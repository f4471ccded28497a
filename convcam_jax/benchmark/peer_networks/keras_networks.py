"""The networks in Keras, as a user would write them or take them from its applications."""

from typing import Any

import keras

from convcam_jax.benchmark.peer_networks.keras_own_networks import (
    EXPLAINED,
    crnn_model,
    resnet_small_model,
    spectrogram_transformer_model,
)
from convcam_jax.benchmark.peers import KERAS_APPLICATIONS, require_made
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.network import NetworkConfig
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig
from convcam_jax.settings.config import Config


def make_model(config: Config, shape: tuple[int, ...], policy: str) -> Any:
    """The config's network, compiled for training; `shape` is (F, T) of its inputs.

    Raises:
      ImportError: it is none that Keras is measured with.
    """
    require_made(config)
    keras.mixed_precision.set_global_policy(policy)
    model = _model(config.network, shape, len(config.corpus.emotions))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(config.train.learning_rate), loss)
    return model


def with_activations(model: Any, config: Config) -> Any:
    """A model that gives the activations that are explained, and the logits."""
    _, layer = KERAS_APPLICATIONS.get(config.network.name, ("", EXPLAINED))
    return keras.Model(model.inputs[0], [model.get_layer(layer).output, model.outputs[0]])


def _model(config: NetworkConfig, shape: tuple[int, ...], n_emotions: int) -> Any:
    match config:
        case SimpleNetConfig():
            return _simplenet(config, shape, n_emotions)
        case ResNetSmallConfig():
            return resnet_small_model(config, shape, n_emotions)
        case CRNNConfig():
            return crnn_model(config, shape, n_emotions)
        case SpectrogramTransformerConfig():
            return spectrogram_transformer_model(config, shape, n_emotions)
    make = getattr(keras.applications, KERAS_APPLICATIONS[config.name][0])
    return make(weights=None, input_shape=(*shape, 1), classes=n_emotions, classifier_activation=None)


def _simplenet(config: SimpleNetConfig, shape: tuple[int, ...], n_emotions: int) -> Any:
    layers, filters = keras.layers, config.filters
    return keras.Sequential(
        [
            keras.Input((*shape, 1)),
            layers.Conv2D(filters[0], 3, activation="relu"),
            layers.MaxPooling2D((1, 2)),
            layers.Conv2D(filters[1], 3, activation="relu"),
            layers.MaxPooling2D((1, 2)),
            layers.Conv2D(filters[2], 3, activation="relu", name=EXPLAINED),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(config.dense_units, activation="relu"),
            layers.Dropout(config.dropout_rate),
            layers.Dense(n_emotions, dtype="float32"),
        ]
    )
