import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_simplenet import activations, classify, logits

from convcam_jax.kernels.packing import pack, slot_columns, unpack
from convcam_jax.networks.simplenet import SimpleNet, last_convolution_shape, n_parameters
from convcam_jax.settings.config import ModelConfig

SMALL = SimpleNet(ModelConfig(filters=(4, 5, 6), dense_units=7), n_classes=3)
N_FRAMES = np.array([50, 18, 33, 64, 0, 1, 47, 60])


def padded_inputs(n_frames: np.ndarray, n_bins: int = 12, n_input_frames: int = 64) -> np.ndarray:
    spectrograms = np.random.default_rng(0).normal(size=(len(n_frames), n_bins, n_input_frames)).astype(np.float32)
    return np.where(np.arange(n_input_frames) < n_frames[:, None, None], spectrograms, 0)


def parameters(model: SimpleNet, spectrograms: np.ndarray) -> dict:
    params = jax.jit(model.init)(jax.random.key(1), spectrograms[:1], jnp.array([1]))["params"]
    # Biases start at zero, where silence would be zero too.
    keys = iter(jax.random.split(jax.random.key(2), 100))
    return jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(next(keys), leaf.shape), params)


# Compiled: most of these tests' time would else go into single operations.
@jax.jit
def plain_logits(params: dict, spectrograms: jax.Array) -> jax.Array:
    return logits(params, spectrograms)


def packed_logits(model: SimpleNet, n_columns: int = 0):
    return jax.jit(lambda p, x, n: model.apply({"params": p}, x, n, n_columns))


def cross_entropy(logits: jax.Array) -> jax.Array:
    return -jax.nn.log_softmax(logits)[:, 1].mean()


def relative_error(value, expected) -> float:
    return float(jnp.linalg.norm(jnp.ravel(value - expected)) / jnp.linalg.norm(jnp.ravel(expected)))


def test_shapes_of_the_paper():
    assert last_convolution_shape(96, 202) == (90, 47)
    model = SimpleNet(ModelConfig(), n_classes=6)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 96, 202)), jnp.array([202]))["params"]
    assert shapes["dense"]["kernel"].shape == (45 * 23 * 256, 128)
    assert shapes["dense"]["kernel"].size == 33_914_880
    assert shapes["convolutions_2"]["kernel"].size + 256 == 295_168
    assert n_parameters(shapes) == 640 + 73_856 + 295_168 + 33_914_880 + 128 + 128 * 6 + 6


def test_packed_network_equals_plain_network_on_padded_inputs():
    spectrograms = padded_inputs(N_FRAMES)
    params = parameters(SMALL, spectrograms)
    packed = packed_logits(SMALL)(params, spectrograms, N_FRAMES)
    np.testing.assert_allclose(packed, plain_logits(params, spectrograms), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradients_equal_those_of_the_plain_network(precision):
    spectrograms = padded_inputs(N_FRAMES)
    params = parameters(SMALL, spectrograms)
    model = SMALL.clone(precision=precision)
    n_columns = int(slot_columns(N_FRAMES).sum())
    packed = packed_logits(model, n_columns)
    with_gradient = jax.jit(jax.value_and_grad(lambda p: cross_entropy(packed(p, spectrograms, N_FRAMES))))
    plainly = jax.jit(jax.value_and_grad(lambda p: cross_entropy(logits(p, spectrograms))))
    loss, gradient = with_gradient(params)
    expected_loss, expected = plainly(params)
    # bfloat16 has 8 bits: every factor is off by up to 0.4 %, and now and then another cell is the maximum of a pool.
    tolerance = 1e-5 if precision == "float32" else 4e-2
    assert relative_error(loss, expected_loss) < tolerance
    errors = jax.tree.map(relative_error, gradient, expected)
    assert max(jax.tree.leaves(errors)) < tolerance, errors


def test_activations_on_the_strip_equal_those_of_the_plain_network():
    spectrograms = padded_inputs(N_FRAMES)
    params = parameters(SMALL, spectrograms)
    width = last_convolution_shape(12, 64)[1]

    @jax.jit
    def unpacked_and_classified(params):
        strip = pack(spectrograms, N_FRAMES, 600)
        on_strip = SMALL.apply({"params": params}, strip, method=SMALL.activations)
        unpacked = unpack(on_strip.values, strip, on_strip.silence, width)
        return unpacked, SMALL.apply({"params": params}, unpacked, method=SMALL.classify_activations)

    unpacked, classified = unpacked_and_classified(params)
    expected = jax.jit(activations)(params, spectrograms)
    np.testing.assert_allclose(unpacked, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(classified, classify(params, expected), rtol=1e-5, atol=1e-6)


def test_vmap_over_members_equals_a_loop():
    spectrograms = padded_inputs(N_FRAMES)
    members = [parameters(SMALL, spectrograms), jax.tree.map(lambda p: -0.7 * p, parameters(SMALL, spectrograms))]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    gradient = jax.jit(jax.grad(lambda p: cross_entropy(SMALL.apply({"params": p}, spectrograms, N_FRAMES))))
    together = jax.jit(jax.vmap(gradient))(stacked)
    for i, params in enumerate(members):
        errors = jax.tree.map(relative_error, jax.tree.map(lambda leaf, i=i: leaf[i], together), gradient(params))
        assert max(jax.tree.leaves(errors)) < 1e-6


def test_dropout_changes_the_output_and_leaves_the_mean():
    spectrograms = padded_inputs(N_FRAMES)
    params = parameters(SMALL, spectrograms)

    def sample(key):
        return SMALL.apply({"params": params}, spectrograms, N_FRAMES, dropout=True, rngs={"dropout": key})

    samples = jax.jit(jax.vmap(sample))(jax.random.split(jax.random.key(3), 4000))
    assert float(samples.std(0).min()) > 0.01
    expected = packed_logits(SMALL)(params, spectrograms, N_FRAMES)
    # Five standard errors of the mean of 4000 samples.
    np.testing.assert_allclose(samples.mean(0), expected, atol=5 * float(samples.std(0).max()) / 4000**0.5)
