"""SimpleNet on its strip against the plain network on padded inputs; what all networks share is in test_networks."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from reference_simplenet import classify, logits, relative_error
from small_network import drawn_variables

from convcam_jax.data.batches import draw_batches, frames_of, stratify
from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.networks.network import Variables
from convcam_jax.networks.simplenet import SimpleNet, SimpleNetConfig
from convcam_jax.system.errors import UserError

GRID = (12, 64)
SMALL = SimpleNetConfig(filters=(4, 5, 6), dense_units=7).make(n_classes=3)
N_FRAMES = np.array([50, 18, 33, 64, 0, 1, 47, 60])
LAYOUT = int(slot_columns(N_FRAMES).sum())


def padded_inputs(n_frames: np.ndarray, grid: tuple[int, int] = GRID) -> np.ndarray:
    spectrograms = np.random.default_rng(0).normal(size=(len(n_frames), *grid)).astype(np.float32)
    return np.where(np.arange(grid[1]) < n_frames[:, None, None], spectrograms, 0)


BATCH = Batch(jnp.asarray(padded_inputs(N_FRAMES)), jnp.asarray(N_FRAMES))


def make_variables(network: SimpleNet = SMALL, grid: tuple[int, int] = GRID) -> Variables:
    # Biases start at zero, where silence would be zero too.
    return drawn_variables(network, grid, seed=1)


# Compiled: most of these tests' time would else go into single operations.
@jax.jit
def plain_logits(params: dict, spectrograms: jax.Array) -> jax.Array:
    return logits(params, spectrograms)


def packed_logits(network: SimpleNet, layout: int = LAYOUT):
    return jax.jit(lambda variables, batch: network.logits(variables, batch, layout)[0])


def cross_entropy(logits: jax.Array) -> jax.Array:
    return -jax.nn.log_softmax(logits)[:, 1].mean()


def test_shapes_of_the_paper():
    network = SimpleNetConfig().make(n_classes=6)
    assert network.geometry("convolution_3", (96, 202)).shape == (90, 47)
    shapes = jax.eval_shape(lambda key: network.init(key, (96, 202)), jax.random.key(0))["params"]
    assert shapes["dense"]["kernel"].shape == (45 * 23 * 256, 128)
    assert shapes["dense"]["kernel"].size == 33_914_880
    assert shapes["convolutions_2"]["kernel"].size + 256 == 295_168
    n_parameters = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert n_parameters == 640 + 73_856 + 295_168 + 33_914_880 + 128 + 128 * 6 + 6


def test_geometry_of_the_paper_by_hand():
    network = SimpleNetConfig().make(n_classes=6)
    assert network.explained_layers() == ("convolution_3", "convolution_2", "convolution_1")
    # (size, jump, first centre): a convolution adds 2 cells at its jump, a pooling half of the jump to the centre.
    assert network.geometry("convolution_3", (96, 202)) == ((90, 47), (7, 1, 3.0), (18, 4, 8.5))
    assert network.geometry("convolution_2", (96, 202)) == ((92, 98), (5, 1, 2.0), (8, 2, 3.5))
    assert network.geometry("convolution_1", (96, 202)) == ((94, 200), (3, 1, 1.0), (3, 1, 1.0))


def test_packed_network_equals_plain_network_on_padded_inputs():
    variables = make_variables()
    packed = packed_logits(SMALL)(variables, BATCH)
    np.testing.assert_allclose(packed, plain_logits(variables["params"], BATCH.spectrograms), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradients_equal_those_of_the_plain_network(precision):
    variables = make_variables()
    packed = packed_logits(dataclasses.replace(SMALL, precision=precision))

    def plain(params):
        # With the same factors the same cells are the maxima of pools.
        rounded = partial(jax.lax.reduce_precision, exponent_bits=8, mantissa_bits=7)
        factors = [rounded] if precision == "bfloat16" else []
        return classify(params, reference_simplenet.activations(params, BATCH.spectrograms, *factors))

    with_gradient = jax.jit(jax.value_and_grad(lambda own: cross_entropy(packed({"params": own}, BATCH))))
    plainly = jax.jit(jax.value_and_grad(lambda own: cross_entropy(plain(own))))
    loss, gradient = with_gradient(variables["params"])
    expected_loss, expected = plainly(variables["params"])
    # Gradients are rounded to 8 bits in front of the products here, and behind them in the plain network; and what lies
    # between two numbers of 8 bits, a sum in another order may round to the other one.
    tolerance = 1e-5 if precision == "float32" else 1e-2
    assert relative_error(loss, expected_loss) < (1e-5 if precision == "float32" else 1e-3)
    errors = jax.tree.map(relative_error, gradient, expected)
    assert max(jax.tree.leaves(errors)) < tolerance, errors


def test_activations_and_head_equal_those_of_the_plain_network():
    variables = make_variables()

    @jax.jit
    def activations_and_logits(variables):
        activations = SMALL.activations(variables, BATCH, LAYOUT, "convolution_3")
        return activations, jax.vmap(lambda *one: SMALL.head(variables, one[0], "convolution_3", one[1]))(
            activations, BATCH.n_frames
        )

    found, classified = activations_and_logits(variables)
    expected = jax.jit(reference_simplenet.activations)(variables["params"], BATCH.spectrograms)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(classified, classify(variables["params"], expected), rtol=1e-5, atol=1e-6)


def test_gradients_vmapped_over_members_equal_a_loop():
    one = make_variables()
    members = [one, jax.tree.map(lambda leaf: -0.7 * leaf, one)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    gradient = jax.jit(jax.grad(lambda own: cross_entropy(SMALL.logits(own, BATCH, LAYOUT)[0])))
    together = jax.jit(jax.vmap(gradient))(stacked)
    for i, own in enumerate(members):
        errors = jax.tree.map(relative_error, jax.tree.map(lambda leaf, i=i: leaf[i], together), gradient(own))
        assert max(jax.tree.leaves(errors)) < 1e-6


def test_more_silence_changes_no_logits_if_the_dense_layer_is_blind_to_it():
    """Padding is a constant of each channel: a longer grid adds nodes, whose weights are zero here."""
    n_frames, longer = N_FRAMES[:3], (GRID[0], GRID[1] + 16)
    variables, inputs = make_variables(), padded_inputs(N_FRAMES[:3])
    width, more = (SMALL.geometry("convolution_3", grid).shape[1] // 2 for grid in (GRID, longer))
    kernel = variables["params"]["dense"]["kernel"].reshape(-1, width, 6, 7)
    wider = jnp.pad(kernel, [(0, 0), (0, more - width), (0, 0), (0, 0)]).reshape(-1, 7)
    dense = {**variables["params"]["dense"], "kernel": wider}
    expected = packed_logits(SMALL)(variables, Batch(inputs, n_frames))
    padded = Batch(np.pad(inputs, [(0, 0), (0, 0), (0, 16)]), n_frames)
    found = packed_logits(SMALL)({"params": {**variables["params"], "dense": dense}}, padded)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_longer_strip_changes_no_logits():
    variables = make_variables()
    expected = packed_logits(SMALL)(variables, BATCH)
    np.testing.assert_allclose(packed_logits(SMALL, LAYOUT + 64)(variables, BATCH), expected, rtol=1e-5, atol=1e-6)


def test_the_layout_suffices_for_every_batch_of_an_epoch_and_hardly_more():
    n_frames = np.random.default_rng(0).integers(18, 203, size=40)
    strata = stratify(n_frames, np.arange(38), n_steps=5, n_strata=8)
    layout = SMALL.layout(frames_of(n_frames, strata))
    needed = []
    for seed in range(50):
        batches = np.asarray(draw_batches(jax.random.key(seed), jnp.asarray(strata))).T
        needed += slot_columns(frames_of(n_frames, batches)).sum(0).tolist()
    assert 0.9 * layout <= max(needed) <= layout


def test_the_layout_by_hand():
    # The longest of each stratum: 17 frames are 32 columns, 8 are 16, an empty place 8.
    assert SMALL.layout(np.array([[8, 17], [8, 0], [0, 0]])) == 32 + 16 + 8


def test_dropout_changes_the_output_and_leaves_the_mean():
    variables = make_variables()
    samples = jax.jit(jax.vmap(lambda key: SMALL.logits(variables, BATCH, LAYOUT, key)[0]))(
        jax.random.split(jax.random.key(3), 4000)
    )
    assert float(samples.std(0).min()) > 0.01
    expected = packed_logits(SMALL)(variables, BATCH)
    # Five standard errors of the mean of 4000 samples.
    np.testing.assert_allclose(samples.mean(0), expected, atol=5 * float(samples.std(0).max()) / 4000**0.5)


def test_only_grad_cam_of_the_last_convolution_has_a_shortcut():
    assert SMALL.shortcut("gradcam", "convolution_3") is not None
    assert SMALL.shortcut("gradcam", "convolution_2") is None
    assert SMALL.shortcut("hirescam", "convolution_3") is None


def test_a_small_config_keeps_what_the_maps_depend_on():
    config = SimpleNetConfig(dropout_rate=0.25)
    assert config.small() == SimpleNetConfig(filters=(8, 16, 32), dense_units=32, dropout_rate=0.25)
    small, full = config.small().make(6), config.make(6)
    assert small.geometry("convolution_3", (96, 202)) == full.geometry("convolution_3", (96, 202))
    assert (small.compiles_quickly(), full.compiles_quickly()) == (True, False)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"filters": (64, 128)}, "filters"),
        ({"filters": (64, 0, 256)}, "filters"),
        ({"dense_units": 0}, "dense_units"),
        ({"dropout_rate": 1.0}, "dropout_rate"),
        ({"dropout_rate": -0.1}, "dropout_rate"),
    ],
)
def test_a_value_out_of_range_is_refused_naming_the_field(values, field):
    with pytest.raises(UserError, match=rf"^config field network\.{field}: "):
        SimpleNetConfig(**values)
