"""What every network promises (`networks.network.Network`), of a small one of each kind."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.recordings import Batch
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.geometry import receptive_field_centres
from convcam_jax.networks.network import Network, Variables

N_CLASSES = 3
EMPTY = 1
PRECISIONS = ("float32", "bfloat16")
# Of so many layers that their programs take long to compile; what they share with the others is tested with those.
LONG = (
    "resnet_small",
    "vgg16",
    "mobilenet",
    "resnet50",
    "inceptionv3",
    "densenet121",
    "crnn",
    "spectrogram_transformer",
)
# What lies behind a recording is part of the input: of Keras's networks, and of SimpleNet's dense layer of all nodes.
SEE_SILENCE = ("simplenet", "vgg16", "mobilenet", "resnet50", "inceptionv3", "densenet121")
DEAF_TO_SILENCE = [name for name in NETWORKS if name not in SEE_SILENCE]


class Case(NamedTuple):
    """A network, variables as after training, and a batch with an empty place."""

    network: Network
    variables: Variables
    batch: Batch
    layout: int


@pytest.fixture(params=[pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in NETWORKS])
def case(request) -> Case:
    return make_case(request.param)


@cache
def make_case(name: str) -> Case:
    network = NETWORKS[name]().small().make(N_CLASSES, "float32")
    n_bins, n_frames = network.smallest_input()
    # Neither is even, so that strides and poolings leave a rest on one axis.
    grid = (n_bins + 1, n_frames + 4)
    frames = np.array([grid[1], 0, grid[1] // 2, grid[1] - 3])
    batch = make_batch(frames, grid)
    return Case(network, perturbed(network, batch), batch, network.layout(frames[:, None]))


def perturbed(network: Network, batch: Batch, seed: int = 1) -> Variables:
    """Variables as after training: biases that are not zero, and running statistics of the batch."""
    variables = jax.jit(network.init, static_argnums=1)(jax.random.key(seed), batch.grid)
    # NumPy's, as JAX would compile a program for every shape.
    rng = np.random.default_rng(seed)
    params = jax.tree.map(
        lambda leaf: jnp.asarray((np.asarray(leaf) * rng.uniform(0.7, 1.3, leaf.shape) + 0.02).astype(leaf.dtype)),
        variables["params"],
    )
    variables = {**variables, "params": params}
    if "batch_stats" not in variables:
        return variables
    return {**variables, "batch_stats": moments(network, variables, batch)}


def moments(network: Network, variables: Variables, batch: Batch) -> Variables:
    """The running statistics that a training on nothing but the batch comes to.

    A step of training leaves momentum * before + (1 - momentum) * moments, here of 0 and of 1 before. Without this, a
    deep network gives the same for all recordings.
    """
    layout = network.layout(np.asarray(batch.n_frames)[:, None])

    @jax.jit
    def after_a_step(before: float) -> Variables:
        stats = jax.tree.map(lambda leaf: jnp.full_like(leaf, before), variables["batch_stats"])
        found = network.logits({**variables, "batch_stats": stats}, batch, layout, jax.random.key(0))
        return found[1]["batch_stats"]

    return jax.tree.map(lambda of_0, of_1: of_0 / (1 - (of_1 - of_0)), after_a_step(0.0), after_a_step(1.0))


def make_batch(frames: np.ndarray, grid: tuple[int, int], seed: int = 0) -> Batch:
    spectrograms = np.random.default_rng(seed).exponential(size=(len(frames), *grid)).astype(np.float32)
    inside = np.arange(grid[1]) < frames[:, None, None]
    return Batch(jnp.asarray(spectrograms * inside), jnp.asarray(frames))


def convolutions(network: Network) -> tuple[str, ...]:
    """The explained layers without blocks, behind which every token has seen all the others."""
    attention = network.attention()
    blocks = set() if attention is None else set(attention.layers[:-1])
    return tuple(layer for layer in network.explained_layers() if layer not in blocks)


def in_use(case: Case):
    return jax.jit(lambda variables, batch: case.network.logits(variables, batch, case.layout)[0])


def in_training(case: Case):
    return jax.jit(lambda variables, batch, key: case.network.logits(variables, batch, case.layout, key))


def assert_close(left, right, rtol=1e-4, atol=1e-5):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), left, right)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_config_is_named_as_its_kind_and_makes_the_network(name):
    config = NETWORKS[name]()
    assert config.name == config.small().name == name
    for precision in PRECISIONS:
        network = config.small().make(5, precision)
        assert (network.n_classes, network.precision) == (5, precision)
        assert hash(network) == hash(config.small().make(5, precision))
        assert network == config.small().make(5, precision)
    assert config.make(5, "float32") != config.make(6, "float32")
    assert config.small().make(5, "float32").compiles_quickly()


def test_logits_have_a_row_for_each_place_and_leave_the_variables_in_use(case):
    logits, variables = jax.jit(lambda own, batch: case.network.logits(own, batch, case.layout))(
        case.variables, case.batch
    )
    assert logits.shape == (4, N_CLASSES)
    assert logits.dtype == jnp.float32
    assert np.isfinite(logits).all()
    assert np.abs(logits[0] - logits[2]).max() > 1e-4
    jax.tree.map(np.testing.assert_array_equal, variables, case.variables)


def test_training_draws_by_its_key_and_leaves_the_parameters(case):
    step = in_training(case)
    (logits, variables), (again, _), (other, _) = (
        step(case.variables, case.batch, jax.random.key(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(logits, again)
    assert logits.shape == other.shape == (4, N_CLASSES)
    assert jax.tree.structure(variables) == jax.tree.structure(case.variables)
    jax.tree.map(np.testing.assert_array_equal, variables["params"], case.variables["params"])


def test_an_empty_place_has_no_influence_on_the_others(case):
    disturbed = case.batch._replace(spectrograms=case.batch.spectrograms.at[EMPTY].set(100.0))
    others = np.array([i for i in range(4) if i != EMPTY])
    used = in_use(case)
    assert_close(used(case.variables, disturbed)[others], used(case.variables, case.batch)[others], 1e-6, 1e-6)
    key = jax.random.key(0)
    trained = in_training(case)
    (logits, variables), (expected, expected_variables) = (
        trained(case.variables, batch, key) for batch in (disturbed, case.batch)
    )
    assert_close(logits[others], expected[others], 1e-5, 1e-5)
    assert_close(variables, expected_variables, 1e-5, 1e-6)


def test_recordings_are_classified_as_each_alone(case):
    together = in_use(case)(case.variables, case.batch)
    for place in (0, 2):
        alone = Batch(*(part[place : place + 1] for part in case.batch))
        layout = case.network.layout(np.asarray(alone.n_frames)[:, None])
        logits = jax.jit(lambda own, batch, n=layout: case.network.logits(own, batch, n)[0])(case.variables, alone)
        assert_close(together[place], logits[0])


def test_the_layout_suffices_for_each_batch_of_the_strata(case):
    """Batches that take one recording of each stratum are classified alike by their own layout and the strata's."""
    grid = case.batch.grid
    strata = np.array([[grid[1], grid[1] - 1], [grid[1] - 4, 9], [8, 0]])
    layout = case.network.layout(strata)
    assert isinstance(layout, int)
    for column in range(2):
        batch, own = make_batch(strata[:, column], grid), case.network.layout(strata[:, column : column + 1])
        assert own <= layout
        expected, found = (
            jax.jit(lambda variables, batch, n=n: case.network.logits(variables, batch, n)[0])(case.variables, batch)
            for n in (own, layout)
        )
        present = strata[:, column] > 0
        assert_close(found[present], expected[present])


def test_logits_are_the_head_of_the_activations_of_every_explained_layer(case):
    network = case.network

    def through(layer: str):
        def compute(variables, batch):
            activations = network.activations(variables, batch, case.layout, layer)
            return jax.vmap(lambda own, n: network.head(variables, own, layer, n))(activations, batch.n_frames)

        return jax.jit(compute)

    expected = in_use(case)(case.variables, case.batch)
    present = np.array([0, 2, 3])
    layers = network.explained_layers()
    # Of a network of many layers, each of which has the rest of it compiled anew, the first, the middle and the last.
    some = layers if len(layers) < 8 else (layers[0], layers[len(layers) // 2], layers[-1])
    for layer in some:
        assert_close(through(layer)(case.variables, case.batch)[present], expected[present])


def test_layers_have_all_variables_exactly_once(case):
    names = [name for of_layer in case.network.layers().values() for name in of_layer]
    assert len(set(names)) == len(names)
    assert set(names) == set(case.variables["params"])
    assert set(case.variables.get("batch_stats", {})) <= set(names)
    assert set(case.variables) <= {"params", "batch_stats"}


def test_layers_stand_from_the_output_down(case):
    """What is explained does not depend on the layers above it, and depends on its own."""
    layers = list(case.network.layers())
    last = case.network.explained_layers()[0]
    above = layers[: layers.index(last)]

    def without(layers_left_out: list[str]) -> Mapping:
        names = {name for layer in layers_left_out for name in case.network.layers()[layer]}
        params = case.variables["params"]
        changed = {n: jax.tree.map(lambda leaf: 2 * leaf, own) if n in names else own for n, own in params.items()}
        return {**case.variables, "params": changed}

    activations = jax.jit(lambda own: case.network.activations(own, case.batch, case.layout, last))
    assert above
    np.testing.assert_array_equal(activations(without(above)), activations(case.variables))
    assert np.abs(activations(without([last])) - activations(case.variables)).max() > 1e-3
    logits = in_use(case)
    for layer in above:
        assert np.abs(logits(without([layer]), case.batch) - logits(case.variables, case.batch)).max() > 1e-3


@pytest.mark.parametrize("more", [(0, 0), (1, 0), (0, 1), (3, 2), (40, 37)])
def test_activations_have_the_shape_of_their_geometry(case, more):
    n_bins, n_frames = case.network.smallest_input()
    grid = (n_bins + more[0], n_frames + more[1])
    frames = np.array([grid[1], 9])
    batch, layout = make_batch(frames, grid), case.network.layout(frames[:, None])
    variables = jax.eval_shape(lambda key: case.network.init(key, grid), jax.random.key(0))
    for layer in case.network.explained_layers():
        found = jax.eval_shape(
            lambda own, layer=layer: case.network.activations(own, batch, layout, layer), variables
        ).shape
        assert found[:3] == (2, *case.network.geometry(layer, grid).shape)


def test_the_last_convolution_is_the_first_that_is_explained(case):
    fields = [case.network.geometry(layer, case.batch.grid) for layer in convolutions(case.network)]
    sizes = [(own.frequency.size, own.time.size) for own in fields]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_smallest_input_is_the_smallest(case, axis):
    """Two columns of the last convolution and a row at least; with a cell less there are fewer, or none."""
    smallest, last = case.network.smallest_input(), case.network.explained_layers()[0]
    shape = case.network.geometry(last, smallest).shape
    assert shape[0] >= 1
    assert shape[1] >= 2
    less = tuple(n - (i == axis) for i, n in enumerate(smallest))
    try:
        left = case.network.geometry(last, less).shape[axis]
    except ValueError:
        left = 0
    assert left < shape[axis]


def supports(case: Case, layer: str, grid: tuple[int, int], nodes: list[tuple[int, int]]) -> list[np.ndarray]:
    """The cells of the grid by which each node has a gradient, for one of several inputs and of its channels."""
    frames = np.array([grid[1]])
    layout = case.network.layout(frames[:, None])

    # The node is an operand, so that one program serves for all of them.
    @jax.jit
    def gradient(spectrogram, node):
        def value(own):
            batch = Batch(own[None], jnp.asarray(frames))
            return case.network.activations(case.variables, batch, layout, layer)[0, node[0], node[1]].sum()

        return jax.grad(value)(spectrogram)

    inputs = [make_batch(frames, grid, seed).spectrograms[0] for seed in range(6)]
    return [np.any([np.asarray(gradient(own, jnp.asarray(node))) != 0 for own in inputs], axis=0) for node in nodes]


@pytest.mark.parametrize("depth", range(3))
def test_nodes_see_the_cells_of_their_receptive_field(case, depth):
    """The deepest, a middle and the first layer: its first node, and one in the middle."""
    layers = convolutions(case.network)
    layer = layers[depth * (len(layers) - 1) // 2]
    # InceptionV3 has no padding: cells at the end that strides leave over are seen by no node.
    leaves_cells_over = case.network.config.name == "inceptionv3"
    grid = case.network.smallest_input() if leaves_cells_over else case.batch.grid
    geometry = case.network.geometry(layer, grid)
    fields = geometry.frequency, geometry.time
    nodes = [(0, 0), (geometry.shape[0] // 2, geometry.shape[1] // 2)]
    for node, seen in zip(nodes, supports(case, layer, grid, nodes), strict=True):
        for axis, (field, own) in enumerate(zip(fields, node, strict=True)):
            centre = receptive_field_centres(field, geometry.shape[axis])[own]
            inside = np.abs(np.arange(grid[axis]) - centre) <= (field.size - 1) / 2
            np.testing.assert_array_equal(seen.any(1 - axis), inside)


def test_members_mapped_together_equal_each_alone(case):
    members = [perturbed(case.network, case.batch, seed) for seed in (1, 2)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)

    def step(variables, key):
        return case.network.logits(variables, case.batch, case.layout, key)

    keys = jax.random.split(jax.random.key(5), 2)
    together, after = jax.jit(jax.vmap(step))(stacked, keys)
    assert np.abs(together[0] - together[1]).max() > 1e-3
    alone = jax.jit(step)
    for member, own in enumerate(members):
        expected, expected_after = alone(own, keys[member])
        assert_close(together[member], expected)
        assert_close(jax.tree.map(lambda leaf, m=member: leaf[m], after), expected_after)


def wider(batch: Batch, n_columns: int) -> Batch:
    """The same recordings on a grid of more frames."""
    return batch._replace(spectrograms=jnp.pad(batch.spectrograms, ((0, 0), (0, 0), (0, n_columns))))


@pytest.mark.parametrize("name", DEAF_TO_SILENCE)
def test_more_silence_behind_recordings_gives_the_same_logits(name):
    """Of members that are mapped together; one recording ends where the narrow grid does."""
    network = NETWORKS[name]().small().make(N_CLASSES, "float32")
    n_bins, n_frames = network.smallest_input()
    frames = np.array([n_frames + 4, 0, n_frames, n_frames + 1])
    batch = make_batch(frames, (n_bins + 1, n_frames + 4))
    members = jax.jit(jax.vmap(lambda key: network.init(key, batch.grid)))(jax.random.split(jax.random.key(0), 2))
    members = jax.tree.map(lambda leaf: leaf + 0.05, members)
    layout = network.layout(frames[:, None])
    used = jax.jit(jax.vmap(lambda own, batch: network.logits(own, batch, layout)[0], in_axes=(0, None)))
    expected = used(members, batch)
    present = frames > 0
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    found = used(members, wider(batch, 7))
    assert_close(found[:, present], expected[:, present], 1e-5, 1e-5)


@pytest.mark.slow
def test_every_token_of_a_block_sees_all_that_sounds_and_stands_for_its_patch():
    case = make_case("spectrogram_transformer")
    attention = case.network.attention()
    assert attention is not None
    *blocks, patches = attention.layers
    grid = case.batch.grid
    for layer in (blocks[0], blocks[-1]):
        assert case.network.geometry(layer, grid) == case.network.geometry(patches, grid)
        [seen] = supports(case, layer, grid, [(1, 1)])
        assert seen.all()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in LONG])
def test_compiled_equals_eager(name):
    case = make_case(name)
    eager = case.network.logits(case.variables, case.batch, case.layout)[0]
    assert_close(in_use(case)(case.variables, case.batch), eager)


def test_bfloat16_rounds_the_kernels_of_all_convolutions(case):
    """To have rounded them before changes nothing; the projection of an attention has four axes, too."""

    def rounded(path, leaf: jax.Array) -> jax.Array:
        is_convolution = leaf.ndim == 4 and "projection" not in jax.tree_util.keystr(path)
        return leaf.astype(jnp.bfloat16).astype(jnp.float32) if is_convolution else leaf

    network = NETWORKS[case.network.config.name]().small().make(N_CLASSES, "bfloat16")
    used, present = in_use(case._replace(network=network)), np.arange(4) != EMPTY
    found = used(jax.tree_util.tree_map_with_path(rounded, case.variables), case.batch)
    np.testing.assert_array_equal(found[present], used(case.variables, case.batch)[present])


def test_bfloat16_rounds_what_is_multiplied(case):
    """In the first convolution; a deep network makes more of it."""
    name = case.network.config.name
    first = case.network.explained_layers()[-1]

    def activations(network: Network) -> np.ndarray:
        found = jax.jit(lambda variables: network.activations(variables, case.batch, case.layout, first))
        return np.asarray(found(case.variables))

    exact, rounded = (activations(NETWORKS[name]().small().make(N_CLASSES, precision)) for precision in PRECISIONS)
    assert rounded.dtype == np.float32
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 1e-5 < error < 1e-2
