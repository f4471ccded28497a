"""MobileNet: its start, receptive fields, and batches with empty places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.recordings import Batch
from convcam_jax.networks.applications.mobilenet import BLOCKS, MobileNetConfig
from convcam_jax.system.errors import UserError

GRID = (63, 70)
N_CLASSES = 4
NARROW = MobileNetConfig(width=0.125, dropout_rate=0.0).make(N_CLASSES, "float32")


def _batch(n_frames: tuple[int, ...], grid: tuple[int, int] = GRID) -> Batch:
    spectrograms = np.random.default_rng(0).random((len(n_frames), *grid), np.float32)
    return Batch(jnp.asarray(spectrograms), jnp.asarray(n_frames))


@pytest.fixture(scope="module")
def start() -> dict:
    """The narrow network's variables before training."""
    # Random bits take long to compile with all optimisations.
    options = {"xla_backend_optimization_level": 1}
    return jax.jit(NARROW.init, static_argnums=1, compiler_options=options)(jax.random.key(0), GRID)


@pytest.fixture(scope="module")
def variables(start) -> dict:
    """Of the narrow network, with statistics and weights that are not those of the start."""
    rng = np.random.default_rng(1)

    def moved(path, leaf):
        if path[-1].key in ("variance", "scale"):
            return leaf * rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
        return leaf + rng.normal(0, 0.05, leaf.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(moved, start)


@pytest.fixture(scope="module")
def in_training():
    """The logits of the narrow network in training, and its variables afterwards."""
    return jax.jit(lambda variables, batch, key: NARROW.logits(variables, batch, 0, key))


def test_config_is_checked():
    for fields in ({"width": 0.0}, {"width": 0.03}, {"dropout_rate": 1.0}, {"dropout_rate": -0.1}):
        with pytest.raises(UserError, match=f"network.{next(iter(fields))}"):
            MobileNetConfig(**fields)


def test_number_of_parameters_is_that_of_keras():
    shapes = jax.eval_shape(lambda key: MobileNetConfig().make(6).init(key, (96, 202)), jax.random.key(0))
    count = {kind: sum(leaf.size for leaf in jax.tree.leaves(shapes[kind])) for kind in shapes}
    # keras.applications.MobileNet(weights=None, input_shape=(96, 202, 1), classes=6).summary()
    assert count == {"params": 3_212_550, "batch_stats": 21_888}


def test_kernels_start_within_the_limits_of_keras(start):
    for block in (1, 13):
        kernels = start["params"][f"block_{block}"]
        depthwise, pointwise = kernels["depthwise_kernel"], kernels["pointwise_kernel"]
        n_in, n_out = pointwise.shape
        # Glorot's limit, sqrt(6 / (inputs + outputs)), with Keras's way to count those of a depthwise kernel.
        for kernel, limit in ((depthwise, (6 / (9 * n_in + 9)) ** 0.5), (pointwise, (6 / (n_in + n_out)) ** 0.5)):
            assert 0.7 * limit < np.abs(kernel).max() <= limit
    assert not start["params"]["output"]["bias"].any()


def test_network_is_a_key_of_programs_and_names_its_parameters(variables):
    assert hash(NARROW) == hash(MobileNetConfig(width=0.125, dropout_rate=0.0).make(N_CLASSES, "float32"))
    named = [key for keys in NARROW.layers().values() for key in keys]
    assert sorted(named) == sorted(variables["params"])
    assert list(NARROW.layers())[:2] == ["output", "block_13"]
    assert NARROW.explained_layers()[0] == "block_13"
    assert len(NARROW.explained_layers()) == len(BLOCKS) + 1


def test_map_of_the_paper_and_the_smallest_input():
    assert NARROW.geometry("block_13", (96, 202)).shape == (3, 6)
    rows, columns = NARROW.smallest_input()
    assert NARROW.geometry("block_13", (rows, columns)).shape == (2, 2)
    assert NARROW.geometry("block_13", (rows - 1, columns - 1)).shape == (1, 1)


@pytest.mark.parametrize("layer", ["block_13", "block_6", "convolution_1"])
def test_head_of_the_activations_is_the_whole_network(variables, layer):
    batch = _batch((70, 50))

    @jax.jit
    def both(variables):
        activations = NARROW.activations(variables, batch, 0, layer)
        heads = jax.vmap(lambda one, n: NARROW.head(variables, one, layer, n))(activations, batch.n_frames)
        return activations, heads, NARROW.logits(variables, batch, 0)[0]

    activations, heads, logits = both(variables)
    assert activations.shape[1:3] == NARROW.geometry(layer, GRID).shape
    assert activations.min() == 0
    np.testing.assert_allclose(heads, logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "grid"),
    [("convolution_1", (21, 30)), ("block_2", (34, 49)), ("block_5", (127, 150)), ("block_13", (401, 470))],
)
def test_receptive_field_is_the_support_of_the_gradient(layer, grid):
    network = MobileNetConfig(width=1 / 32).make(2, "float32")
    rng = np.random.default_rng(0)

    def averaging(path, leaf):
        # Positive kernels whose sums stay below the cap of the ReLU; normalisation that changes next to nothing.
        n_inputs = {"depthwise_kernel": 9, "kernel": 9, "pointwise_kernel": leaf.shape[0]}.get(path[-1].key)
        if n_inputs is not None:
            return jnp.asarray(rng.uniform(0.5, 1, leaf.shape) / n_inputs, jnp.float32)
        return jnp.full(leaf.shape, path[-1].key in ("scale", "variance"), jnp.float32)

    shapes = jax.eval_shape(lambda key: network.init(key, GRID), jax.random.key(0))
    variables = jax.tree_util.tree_map_with_path(averaging, shapes)
    geometry = network.geometry(layer, grid)
    node = tuple(n // 2 for n in geometry.shape)

    def value(spectrogram):
        batch = Batch(spectrogram[None], jnp.array([grid[1]]))
        activations = network.activations(variables, batch, 0, layer)
        assert activations.shape[1:3] == geometry.shape
        return activations[0, *node].sum()

    gradient = np.asarray(jax.jit(jax.grad(value))(jnp.asarray(rng.random(grid), jnp.float32)))
    for axis, (field, index) in enumerate(zip((geometry.frequency, geometry.time), node, strict=True)):
        seen = np.flatnonzero(gradient.any(axis=1 - axis))
        centre = field.first_centre + field.jump * index
        assert seen[0] == centre - (field.size - 1) / 2
        assert seen[-1] == centre + (field.size - 1) / 2


def test_empty_places_count_in_nothing(variables, in_training):
    batch, key = _batch((70, 0, 50, 0)), jax.random.key(2)
    others = batch._replace(spectrograms=batch.spectrograms.at[jnp.array([1, 3])].set(5.0))
    (logits, moved), (logits_of_others, moved_of_others) = (in_training(variables, b, key) for b in (batch, others))
    present = np.array([0, 2])
    np.testing.assert_array_equal(logits[present], logits_of_others[present])
    jax.tree.map(np.testing.assert_array_equal, moved, moved_of_others)
    without = Batch(batch.spectrograms[present], batch.n_frames[present])
    logits_without, moved_without = in_training(variables, without, key)
    np.testing.assert_allclose(logits[present], logits_without, rtol=0, atol=1e-3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), moved, moved_without)


def test_training_moves_the_statistics_and_only_those(variables, in_training):
    batch = _batch((70, 50, 30, 70))
    logits, moved = in_training(variables, batch, jax.random.key(2))
    jax.tree.map(np.testing.assert_array_equal, moved["params"], variables["params"])
    # By hand for the first layer: the convolution's output, one part in ten.
    kernel = variables["params"]["convolution_1"]["kernel"]
    convolved = jax.lax.conv_general_dilated(
        batch.spectrograms[..., None], kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    before, after = (v["batch_stats"]["convolution_1"]["normalisation"] for v in (variables, moved))
    np.testing.assert_allclose(after["mean"], 0.9 * before["mean"] + 0.1 * convolved.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(after["variance"], 0.9 * before["variance"] + 0.1 * convolved.var((0, 1, 2)), atol=1e-5)
    assert np.isfinite(logits).all()


def test_dropout_depends_on_the_key(start):
    network = MobileNetConfig(width=0.125, dropout_rate=0.5).make(N_CLASSES, "float32")
    train = jax.jit(lambda key: network.logits(start, _batch((70, 50)), 0, key)[0])
    first, again, other = (train(jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
