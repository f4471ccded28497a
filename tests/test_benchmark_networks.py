"""The networks of the benchmark's peers are this project's: the same parameters and shapes; a step and a map run."""

import dataclasses
import importlib
import sys
import warnings

import jax
import numpy as np
import pytest
from test_benchmark import INPUTS

from convcam_jax.benchmark.cases import Case
from convcam_jax.benchmark.peers import KERAS_APPLICATIONS, OWN_NETWORKS, require_made
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config

GRID = (96, 202)
MADE = (*OWN_NETWORKS, *KERAS_APPLICATIONS)
# torchvision's InceptionV3 has scales in its normalisations, its ResNet50 no biases in its convolutions.
# Gated recurrent units have, for each unit and direction, two biases more in PyTorch and in Keras.
MORE_IN_PYTORCH = {"inceptionv3": 34_432 // 2, "resnet50": -53_120 // 2, "crnn": 2 * 2 * 64}
MORE_IN_KERAS = {"crnn": 2 * 2 * 64}
# PyTorch first: with TensorFlow loaded before it, its gradients end the process.
PROGRAMS = {"pytorch": "torch", "keras_tensorflow": "tensorflow"}


@dataclasses.dataclass(frozen=True)
class UsersConfig(SimpleNetConfig):
    """Of a network that a user has added."""

    name: str = "a users"


def config_of(network: str) -> Config:
    return make_config(Choices(experiment="benchmark", network=network))


def program(name: str):
    pytest.importorskip(PROGRAMS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"convcam_jax.benchmark.{name}")


def seed() -> None:
    for module, set_seed in (("torch", "manual_seed"), ("keras.utils", "set_random_seed")):
        if module in sys.modules:
            getattr(sys.modules[module], set_seed)(0)


def n_parameters(config: Config, grid: tuple[int, int] = GRID) -> int:
    network = config.make_network("float32")
    shapes = jax.eval_shape(lambda key: network.init(key, grid), jax.random.key(0))["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def explained_shape(config: Config) -> tuple[int, int]:
    network = config.make_network("float32")
    return network.geometry(network.explained_layers()[0], GRID).shape


@pytest.mark.peer
@pytest.mark.parametrize("name", MADE)
def test_networks_in_pytorch_have_the_same_parameters_and_maps(name):
    program("pytorch")
    networks = importlib.import_module("convcam_jax.benchmark.peer_networks.pytorch_networks")
    torch, config = importlib.import_module("torch"), config_of(name)
    try:
        made = networks.make(config, GRID)
    except ImportError as error:
        pytest.skip(str(error))
    found = sum(parameter.numel() for parameter in made.model.parameters())
    assert found == n_parameters(config) + MORE_IN_PYTORCH.get(name, 0)
    kept = []
    made.explained.register_forward_hook(lambda layer, inputs, output: kept.append(output))
    with torch.no_grad():
        logits = made.model.eval()(torch.rand(2, 1, *GRID))
    assert logits.shape == (2, len(config.corpus.emotions))
    assert kept[0].shape[2:] == explained_shape(config)
    # Explained are activations behind a ReLU, but of the transformer its tokens, which have either sign.
    assert (kept[0].min() < 0) == (name == "spectrogram_transformer")


@pytest.mark.peer
@pytest.mark.parametrize("name", MADE)
def test_networks_in_keras_have_the_same_parameters_and_maps(name):
    program("keras_tensorflow")
    networks, config = importlib.import_module("convcam_jax.benchmark.peer_networks.keras_networks"), config_of(name)
    model = networks.make_model(config, GRID, "float32")
    expected = n_parameters(config) + MORE_IN_KERAS.get(name, 0)
    assert sum(int(np.prod(weights.shape)) for weights in model.trainable_weights) == expected
    activations, logits = networks.with_activations(model, config).outputs
    assert logits.shape[1:] == (len(config.corpus.emotions),)
    assert activations.shape[1:3] == explained_shape(config)


@pytest.mark.peer
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("task", ["training_step", "explaining"])
def test_programs_of_peers_run(name, task):
    overrides = ["corpus.emotions=a,b,c", "network.filters=3,4,5", "network.dense_units=6", "train.batch_size=4"]
    own = program(name)
    hooks = "pytorch_hooks" if (name, task) == ("pytorch", "explaining") else name
    run = own.prepare(Case("simplenet", task, hooks, "float32", 1, 4), INPUTS, apply_overrides(Config(), overrides))
    found = run()
    assert found is not None
    if task == "explaining":
        assert len(found[0]) == 4


@pytest.mark.peer
@pytest.mark.peer
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("network", ["resnet_small", "crnn", "spectrogram_transformer"])
def test_peers_train_this_projects_own_networks(name, network):
    own, small = program(name), NETWORKS[network]().small()
    overrides = ["corpus.emotions=a,b,c", "train.learning_rate=0.01"]
    config = dataclasses.replace(apply_overrides(Config(), overrides), network=small)
    seed()
    run = own.prepare(Case(network, "training_step", name, "float32", 1, 4), INPUTS, config)
    first = float(run())
    for _ in range(40):
        last = float(run())
    assert last < first


def test_networks_of_peers_leave_a_row_out_that_poolings_leave_over():
    grid = (84, 101)
    config = config_of("resnet_small")
    expected = n_parameters(config, grid)
    program("pytorch")
    made = importlib.import_module("convcam_jax.benchmark.peer_networks.pytorch_networks").make(config, grid)
    torch = importlib.import_module("torch")
    assert made.model.eval()(torch.rand(2, 1, *grid)).shape == (2, len(config.corpus.emotions))
    assert sum(parameter.numel() for parameter in made.model.parameters()) == expected
    program("keras_tensorflow")
    model = importlib.import_module("convcam_jax.benchmark.peer_networks.keras_networks").make_model(
        config, grid, "float32"
    )
    assert sum(int(np.prod(weights.shape)) for weights in model.trainable_weights) == expected


def test_networks_that_peers_do_not_make_are_left_out():
    with pytest.raises(ImportError, match="in its full size alone"):
        require_made(apply_overrides(config_of("mobilenet"), ["network.width=0.5"]))
    with pytest.raises(ImportError, match="does not make the network a users"):
        require_made(dataclasses.replace(Config(), network=UsersConfig()))
    for name in MADE:
        require_made(config_of(name))
    assert set(MADE) <= set(NETWORKS)
