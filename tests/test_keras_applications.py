"""The networks of Keras's applications: logits and maps against Keras, the paper's Table 2, files of weights."""

import os
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.recordings import Batch
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.chain import Chain

GRID = (96, 202)
N_CLASSES = 6
# The model in Keras, and the layer there whose output is that of the last explained layer here.
IN_KERAS = {
    "vgg16": ("VGG16", "block5_conv3"),
    "resnet50": ("ResNet50", "conv5_block3_out"),
    "mobilenet": ("MobileNet", "conv_pw_13_relu"),
    "inceptionv3": ("InceptionV3", "mixed10"),
    "densenet121": ("DenseNet121", "relu"),
}
# Without normalisation Keras's first weights make the values of VGG16 smaller from layer to layer.
LOUDNESS = {"vgg16": 500.0}
# keras.applications.X(weights=None, input_shape=(96, 202, 1), classes=6).count_params(), of VGG16 and so on.
N_PARAMETERS = {
    "vgg16": (69_272_262, 0),
    "resnet50": (23_540_614, 53_120),
    "mobilenet": (3_212_550, 21_888),
    "inceptionv3": (21_780_070, 34_432),
    "densenet121": (6_953_734, 83_648),
}
DEEP = [name for name in IN_KERAS if name != "mobilenet"]


def full_size(name: str) -> Chain:
    return NETWORKS[name]().make(N_CLASSES, "float32")


def keras_model(name: str, spectrograms: np.ndarray):
    """Keras's network with random weights and statistics, and the same with its last explained layer's output."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    pytest.importorskip("tensorflow", reason="needs Keras on TensorFlow")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    made, last = IN_KERAS[name]
    make = getattr(keras.applications, made)
    model = make(weights=None, input_shape=(*GRID, 1), classes=N_CLASSES, classifier_activation=None)
    normalisations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in normalisations:
        layer.momentum = 0.0
    # Statistics of these recordings, so that what differs between them is not lost on its way; then all at random.
    model(spectrograms, training=True)
    rng = np.random.default_rng(0)
    for layer in normalisations:
        *_, mean, variance = layer.get_weights()
        learned = [rng.uniform(0.7, 1.3, mean.shape)] * layer.scale + [rng.normal(0, 0.2, mean.shape)]
        mean = mean + np.sqrt(variance) * rng.normal(0, 0.2, mean.shape)
        layer.set_weights([*learned, mean, variance * rng.uniform(0.7, 1.3, mean.shape)])
    return model, keras.Model(model.inputs, [model.get_layer(last).output, model.output])


def weights_of(model) -> dict[str, list[np.ndarray]]:
    return {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}


def with_top(variables: dict, weights: dict, network: Chain) -> dict:
    """The dense layers, which weights of ImageNet are not taken for."""
    names = {"output": "conv_preds" if "conv_preds" in weights else "predictions", "fc1": "fc1", "fc2": "fc2"}
    params = dict(variables["params"])
    for layer in network.top_layers():
        kernel, bias = weights[names[layer]]
        params[layer] = {"kernel": kernel.reshape(params[layer]["kernel"].shape), "bias": bias}
    return {**variables, "params": params}


@pytest.mark.parametrize("name", IN_KERAS)
def test_logits_and_the_last_map_are_those_of_keras(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spectrograms = LOUDNESS.get(name, 1.0) * np.random.default_rng(2).exponential(size=(2, *GRID))
        spectrograms[1, :, GRID[1] // 2 :] = 0
        spectrograms = spectrograms.astype(np.float32)
        model, both = keras_model(name, spectrograms[..., None])
        expected_map, expected_logits = (np.asarray(found) for found in both(spectrograms[..., None], training=False))
    network, weights = full_size(name), weights_of(model)
    shapes = jax.eval_shape(lambda key: network.init(key, GRID), jax.random.key(0))
    variables = with_top(network.with_weights(shapes, weights), weights, network)
    batch = Batch(jnp.asarray(spectrograms), jnp.full(2, GRID[1]))
    last = network.explained_layers()[0]

    @jax.jit
    def compute(variables):
        activations = network.activations(variables, batch, 0, last)
        return activations, network.logits(variables, batch, 0)[0]

    found_map, found_logits = compute(variables)
    print(
        name,
        np.abs(expected_map).max(),
        np.abs(expected_logits).max(),
        np.abs(found_map - expected_map).max(),
        np.abs(found_logits - expected_logits.reshape(2, -1)).max(),
    )
    assert np.abs(expected_map).max() > 1
    assert np.abs(expected_logits[0] - expected_logits[1]).max() > 1e-2
    np.testing.assert_allclose(found_map, expected_map, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found_logits, expected_logits.reshape(2, N_CLASSES), rtol=0, atol=1e-4)
