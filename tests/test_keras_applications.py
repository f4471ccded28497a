"""The networks of Keras's applications: logits and maps against Keras, the paper's Table 2, files of weights."""

import os
import warnings
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.benchmark.peers import KERAS_APPLICATIONS
from convcam_jax.data.recordings import Batch
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.applications.inceptionv3 import renumbered
from convcam_jax.networks.chain import Chain
from convcam_jax.networks.standardised import STATISTICS, Standardised
from convcam_jax.paper import published
from convcam_jax.stages.ensemble.pretrained import check_weights, read_weights, start_from_weights
from convcam_jax.system.errors import UserError
from convcam_jax.training.member import init_member
from convcam_jax.training.optimizer import Learning

GRID = (96, 202)
N_CLASSES = 6
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
# The smallest grid and what it leaves of the last convolution.
SMALLEST = {"vgg16": (2, 2), "resnet50": (2, 2), "mobilenet": (2, 2), "inceptionv3": (1, 2), "densenet121": (2, 2)}
# Of some hundred layers, the variables take seconds to count.
DEEP = ("inceptionv3", "densenet121")
every_application = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in DEEP else []) for name in KERAS_APPLICATIONS]
)


def full_size(name: str) -> Chain:
    return NETWORKS[name]().make(N_CLASSES, "float32")


def needed_keras():
    """Keras, or the test is skipped."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    pytest.importorskip("tensorflow", reason="needs Keras on TensorFlow")
    return pytest.importorskip("keras")


def keras_model(name: str):
    """Keras's network with random weights, the same with its last explained layer's output, its normalisations."""
    keras = needed_keras()
    keras.utils.set_random_seed(1)
    made, last = KERAS_APPLICATIONS[name]
    make = getattr(keras.applications, made)
    model = make(weights=None, input_shape=(*GRID, 1), classes=N_CLASSES, classifier_activation=None)
    normalisations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return model, keras.Model(model.inputs, [model.get_layer(last).output, model.output]), normalisations


def draw_statistics(normalisations: list) -> None:
    """Of batch normalisation, all at random."""
    rng = np.random.default_rng(0)
    for layer in normalisations:
        shape = layer.beta.shape
        learned = [rng.uniform(0.5, 1.5, shape)] * layer.scale + [rng.normal(0, 0.5, shape)]
        layer.set_weights([*learned, rng.normal(0, 0.5, shape), rng.uniform(0.5, 1.5, shape)])


def move_statistics(model, normalisations: list, images: np.ndarray) -> None:
    """To those of the images, and a little off: what differs between images is not lost on its way."""
    rng = np.random.default_rng(0)
    for layer in normalisations:
        layer.momentum = 0.0
    model(images, training=True)
    for layer in normalisations:
        *learned, mean, variance = layer.get_weights()
        mean = mean + np.sqrt(variance) * rng.normal(0, 0.2, mean.shape)
        layer.set_weights([*learned, mean, variance * rng.uniform(0.7, 1.3, mean.shape)])


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


def assert_equal_to_keras(found, expected) -> None:
    """To 1e-4, or 1e-4 of the largest value where that is above 1: float32 has no more digits, with so many layers."""
    largest = np.abs(expected).max()
    assert largest > 0.1
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), rtol=0, atol=1e-4 * max(1.0, largest))


@pytest.mark.peer
@every_application
def test_logits_and_the_last_map_are_those_of_keras(name):
    needed_keras()
    spectrograms = LOUDNESS.get(name, 1.0) * np.random.default_rng(2).exponential(size=(2, *GRID)).astype(np.float32)
    spectrograms[1, :, GRID[1] // 2 :] = 0
    images = spectrograms[..., None]
    network, batch = full_size(name), Batch(jnp.asarray(spectrograms), jnp.full(2, GRID[1]))
    shapes = jax.eval_shape(lambda key: network.init(key, GRID), jax.random.key(0))

    @jax.jit
    def compute(variables):
        activations = network.activations(variables, batch, 0, network.explained_layers()[0])
        return activations, network.logits(variables, batch, 0)[0]

    def compare() -> np.ndarray:
        weights = weights_of(model)
        expected_map, expected_logits = (np.asarray(found) for found in both(images, training=False))
        found_map, found_logits = compute(with_top(network.with_weights(shapes, weights), weights, network))
        assert_equal_to_keras(found_map, expected_map)
        assert_equal_to_keras(found_logits, expected_logits)
        return expected_logits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, both, normalisations = keras_model(name)
        draw_statistics(normalisations)
        compare()
        move_statistics(model, normalisations, images)
        expected_logits = compare()
    assert np.abs(expected_logits[0] - expected_logits[1]).max() > 1e-2


@every_application
def test_number_of_parameters_is_that_of_keras(name):
    shapes = jax.eval_shape(lambda key: full_size(name).init(key, GRID), jax.random.key(0))
    kinds = (shapes["params"], shapes.get("batch_stats", {}))
    assert tuple(sum(leaf.size for leaf in jax.tree.leaves(kind)) for kind in kinds) == N_PARAMETERS[name]


def test_maps_of_the_papers_input_are_those_of_table_2():
    facts = published.load().table2.set_index("architecture")
    found = {}
    for name in ("simplenet", *KERAS_APPLICATIONS):
        network = full_size(name)
        shape = network.geometry(network.explained_layers()[0], GRID).shape
        found[type(network).__name__] = shape
    assert found.pop("DenseNet121") == (3, 6)
    assert found == {own: (row["height"], row["width"]) for own, row in facts.iterrows()}


@pytest.mark.parametrize("name", KERAS_APPLICATIONS)
def test_smallest_inputs(name):
    network = full_size(name)
    assert network.geometry(network.explained_layers()[0], network.smallest_input()).shape == SMALLEST[name]


# Sizes as in Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019, for
# the last convolution, that of VGG16 without the pooling behind it; that of DenseNet121, and the first node's place, by
# hand.
@pytest.mark.parametrize(
    ("name", "size", "first_centre"),
    [
        ("vgg16", 196, 0.5 + 1 + 2 + 4),
        ("resnet50", 483, 0),
        ("mobilenet", 315, 1 + 2 + 4 + 8 + 16),
        ("inceptionv3", 1311, 1 + 2 + 2 + 4 + 4 + 8 + 16),
        ("densenet121", 11 + 6 * 8 + 4 + 12 * 16 + 8 + 24 * 32 + 16 + 16 * 64, 2 + 4 + 8),
    ],
)
def test_receptive_fields_of_the_last_convolution(name, size, first_centre):
    network = full_size(name)
    geometry = network.geometry(network.explained_layers()[0], GRID)
    for field in (geometry.frequency, geometry.time):
        assert (field.size, field.first_centre) == (size, first_centre)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("vgg16", {"width": 0.01}, "network.width: must be at least 1 / 64"),
        ("vgg16", {"dense_units": 0}, "network.dense_units: must be positive"),
        ("resnet50", {"depths": (3, 4, 6)}, "network.depths: needs 4 positive numbers"),
        ("inceptionv3", {"depths": (3, 0, 2)}, "network.depths: needs 3 positive numbers"),
        ("inceptionv3", {"depths": (4, 4, 2)}, "network.depths: must be at most 3, 4, 2"),
        (
            "densenet121",
            {"weights": "x.h5", "width": 0.5},
            "network.weights: they are those of densenet121 in its full",
        ),
        ("densenet121", {"weights": "x.h5", "depths": (1, 1, 1, 1)}, "network.weights: they are those of densenet121"),
    ],
)
def test_configs_are_checked(name, fields, message):
    with pytest.raises(UserError, match=f"^config field {message}"):
        NETWORKS[name](**fields)


def keras_arrays(network: Chain, grid: tuple[int, int]) -> dict[str, list[np.ndarray]]:
    """Arrays as they stand in Keras's file, of random numbers, by the variables of the network."""
    shapes = jax.eval_shape(lambda key: network.init(key, grid), jax.random.key(0))
    order = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias", "scale", "offset", "mean", "variance")
    leaves = [
        (tuple(key.key for key in path), leaf.shape)
        for kind in shapes
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes[kind])
    ]
    rng, found = np.random.default_rng(3), {}
    for path, shape in sorted(leaves, key=lambda own: order.index(own[0][-1])):
        if path[0] in network.explained_layers():
            in_keras = (1, 1, *shape) if path[-1] == "pointwise_kernel" else shape
            found.setdefault(network.keras_layer(path), []).append(rng.random(in_keras, np.float32))
    return found


def write_weights(path: Path, arrays: dict[str, list[np.ndarray]], group: str = "/") -> None:
    """As Keras writes its older files: names in attributes, in the order of the arrays."""
    with h5py.File(path, "w") as file:
        own = file.require_group(group)
        own.attrs["layer_names"] = [name.encode() for name in ("input_1", *arrays)]
        own.create_group("input_1").attrs["weight_names"] = np.zeros(0, "S1")
        for layer, values in arrays.items():
            names = [f"{layer}/w_{number}:0" for number in range(len(values))]
            own.create_group(layer).attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, values, strict=True):
                own[layer][name] = value


WEIGHTS_GRID = (75, 110)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["/", "model_weights"])
def test_training_starts_from_the_weights_of_a_file(tmp_path, group):
    path = tmp_path / "weights.h5"
    network = NETWORKS["mobilenet"](weights=str(path)).make(N_CLASSES, "float32")
    arrays = keras_arrays(network, WEIGHTS_GRID)
    write_weights(path, arrays, group)
    check_weights(network)
    keys = jax.random.split(jax.random.key(0), 2)
    before = jax.jit(jax.vmap(lambda key: init_member(key, network, Learning(1e-3), WEIGHTS_GRID)))(keys)
    after = start_from_weights(before, network)
    first = after.variables["params"]["convolution_1"]["kernel"]
    assert first.shape == (2, 3, 3, 3, 32)
    for member in range(2):
        np.testing.assert_array_equal(first[member], arrays["conv1"][0])
        block, stats = (after.variables[kind]["block_7"] for kind in ("params", "batch_stats"))
        np.testing.assert_array_equal(block["pointwise_kernel"][member], arrays["conv_pw_7"][0][0, 0])
        own = block["depthwise_normalisation"], stats["depthwise_normalisation"]
        found = [own[0]["scale"], own[0]["offset"], own[1]["mean"], own[1]["variance"]]
        for leaf, expected in zip(found, arrays["conv_dw_7_bn"], strict=True):
            np.testing.assert_array_equal(leaf[member], expected)
    # The output layer is every member's own.
    jax.tree.map(
        np.testing.assert_array_equal, after.variables["params"]["output"], before.variables["params"]["output"]
    )
    jax.tree.map(np.testing.assert_array_equal, after.best_variables, after.variables)


@pytest.mark.slow
def test_weights_are_placed_behind_a_standardisation_too(tmp_path):
    path = tmp_path / "weights.h5"
    network = NETWORKS["mobilenet"](weights=str(path)).make(N_CLASSES, "float32")
    standardised = Standardised(network)
    with pytest.raises(UserError, match="there is no file"):
        check_weights(standardised)
    arrays = keras_arrays(network, WEIGHTS_GRID)
    write_weights(path, arrays, "/")
    check_weights(standardised)
    keys = jax.random.split(jax.random.key(0), 1)
    before = jax.jit(jax.vmap(lambda key: init_member(key, standardised, Learning(1e-3), WEIGHTS_GRID)))(keys)
    after = start_from_weights(before, standardised)
    np.testing.assert_array_equal(after.variables["params"]["convolution_1"]["kernel"][0], arrays["conv1"][0])
    assert STATISTICS in after.variables


@every_application
def test_weights_of_every_network_are_placed(name):
    """All variables but those behind the last part, which stay."""
    network = full_size(name)
    arrays = keras_arrays(network, WEIGHTS_GRID)
    shapes = jax.eval_shape(lambda key: network.init(key, WEIGHTS_GRID), jax.random.key(0))
    filled = network.with_weights(shapes, arrays)
    assert jax.tree.structure(filled) == jax.tree.structure(shapes)
    kept = {
        path[1].key for path, leaf in jax.tree_util.tree_leaves_with_path(filled) if not isinstance(leaf, np.ndarray)
    }
    assert kept == set(network.top_layers())


def test_numbers_of_layers_without_a_name_may_begin_anywhere():
    arrays = {
        name: [np.full(1, i)] for i, name in enumerate(["conv2d_10", "conv2d_9", "batch_normalization_7", "other"])
    }
    found = renumbered(arrays)
    assert {name: own[0][0] for name, own in found.items()} == {"conv2d": 1, "conv2d_1": 0, "batch_normalization": 2}


def test_files_that_do_not_fit_are_refused_with_where_to_get_one(tmp_path):
    path = tmp_path / "weights.h5"
    network = NETWORKS["mobilenet"](weights=str(path)).make(N_CLASSES, "float32")
    arrays = keras_arrays(network, WEIGHTS_GRID)

    def refused(message: str) -> None:
        with pytest.raises(
            UserError, match=rf"network\.weights: .*{message}.*https://.*/mobilenet_1_0_224_tf_no_top\.h5"
        ):
            check_weights(network)

    refused("there is no file")
    path.write_text("no weights")
    refused("holds no weights of Keras")
    write_weights(path, {name: own for name, own in arrays.items() if name != "conv_dw_3"})
    refused("it has no layer conv_dw_3")
    write_weights(path, arrays | {"conv1": [np.zeros((3, 3, 1, 32))]})
    refused("layer conv1 has arrays of 3 x 3 x 1 x 32 instead of 3 x 3 x 3 x 32")


def test_a_network_without_a_file_starts_as_it_was_drawn():
    assert read_weights(NETWORKS["simplenet"]().make(N_CLASSES, "float32")) is None
    assert read_weights(full_size("vgg16")) is None
