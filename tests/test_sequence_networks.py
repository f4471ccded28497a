"""Recurrent and transformer networks: fields, sizes, and all methods of attribution on all their explained layers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.data.recordings import Batch, Recordings
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig, time_positions
from convcam_jax.representations.cqt import Cqt
from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError

NAMES = ("crnn", "spectrogram_transformer")
N_CLASSES, GRID = 3, (18, 20)
N_FRAMES = jnp.array([20, 9, 14])
# The last one and the first, and what the transformer's first block is given.
LAYERS = [("crnn", "convolution_4"), ("crnn", "convolution_1")] + [
    ("spectrogram_transformer", layer) for layer in ("block_2", "patches", "convolution_1")
]


def network_of(name: str):
    return NETWORKS[name]().small().make(N_CLASSES, "float32")


def recordings() -> Recordings:
    spectrograms = np.random.default_rng(0).exponential(size=(3, *GRID))
    sounds = np.arange(GRID[1]) < np.asarray(N_FRAMES)[:, None, None]
    return Recordings(jnp.asarray(spectrograms * sounds, jnp.float32), N_FRAMES, jnp.array([0, 1, 2]))


def explain(name: str, methods: list[str], layer: str = "") -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Signed maps by method, and logits, of two members; and the members' logits as they are without attribution."""
    network = network_of(name)
    members = jax.jit(jax.vmap(lambda key: network.init(key, GRID)))(jax.random.split(jax.random.key(0), 2))
    configs = tuple(AttributionConfig(method, layer) for method in methods)
    found = explain_members(members, recordings(), np.arange(3)[:, None], network, 0, configs)
    return dict(zip(methods, found.signed_maps, strict=True)), found.logits


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layer"), LAYERS)
def test_methods_of_nodes_explain_layers(name, layer):
    """All methods on the last layer; on the others, those that compile quickly: each gets the same head as these."""
    network = network_of(name)
    is_last = layer == network.explained_layers()[0]
    of_nodes = [own for own, method in METHODS.items() if method.level == "nodes"]
    maps, logits = explain(name, of_nodes if is_last else ["gradcam", "hirescam", "layercam"], layer)
    for method, signed in maps.items():
        assert signed.shape == (2, 3, *network.geometry(layer, GRID).shape), method
        assert np.isfinite(signed).all(), method
        assert (np.ptp(signed, axis=(2, 3)) > 0).any(), method
    assert np.isfinite(logits).all()
    # Silence behind a recording is zero behind every layer, and so is what a node's own activations are weighted to.
    n_columns = -(-9 // network.geometry(layer, GRID).time.jump)
    assert not maps["hirescam"][:, 1, :, n_columns:].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_methods_of_the_input_and_of_tokens_explain_the_network(name):
    network = network_of(name)
    levels = ("input", "tokens") if network.attention() else ("input",)
    # What LRP gives of these networks adds up to the logit: test_known_factors.
    others = [own for own, method in METHODS.items() if method.level in levels and not own.endswith("_lrp")]
    maps, _ = explain(name, others)
    for method, signed in maps.items():
        on_input = METHODS[method].level == "input"
        shape = GRID if on_input else network.geometry(network.explained_layers()[0], GRID).shape
        assert signed.shape == (2, 3, *shape), method
        assert np.isfinite(signed).all(), method
        assert np.ptp(signed[:, 0]) > 0, method
        if on_input:
            assert not signed[:, 1, :, 9:].any(), method


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_order_in_time_is_learned(name):
    """Recordings in which the same two sounds come in one order or the other: no mean over the frames tells them."""
    network = network_of(name)
    rising = np.zeros((12, *GRID), np.float32)
    rising[:, 3, :8], rising[:, 12, 8:16] = 1, 1
    spectrograms = np.where(np.arange(12)[:, None, None] % 2 == 0, rising, rising[:, :, ::-1])
    noise = np.random.default_rng(0).uniform(0, 0.1, size=spectrograms.shape)
    batch = Batch(jnp.asarray(spectrograms + noise, jnp.float32), jnp.full(12, GRID[1]))
    labels, optimizer = jnp.arange(12) % 2, optax.adam(0.01)

    def loss(params, key):
        logits = network.logits({"params": params}, batch, 0, key)[0]
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def step(state, key):
        params, moments = state
        updates, moments = optimizer.update(jax.grad(loss)(params, key), moments)
        return (optax.apply_updates(params, updates), moments), None

    @jax.jit
    def train(params):
        keys = jax.random.split(jax.random.key(1), 60)
        (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), keys)
        return network.logits({"params": params}, batch, 0)[0]

    found = train(network.init(jax.random.key(0), GRID)["params"])
    np.testing.assert_array_equal(found.argmax(-1), labels)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"filters": (4, 4)}, "network.filters: needs 4 positive numbers"),
        ({"recurrent_units": 0}, "network.recurrent_units: must be positive"),
        ({"dropout_rate": 1.0}, r"network.dropout_rate: must lie in \[0, 1\)"),
    ],
)
def test_fields_of_the_crnn_are_checked(fields, message):
    with pytest.raises(UserError, match=message):
        CRNNConfig(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"patch_bins": 6},
            "network.patch_bins: must be a positive multiple of 4, which network.stem_filters pools by",
        ),
        ({"patch_frames": 0}, "network.patch_frames: must be a positive multiple of 4"),
        ({"stem_filters": (8, 0)}, "network.stem_filters: needs positive numbers, or none"),
        ({"channels": 90}, "network.channels: must be a positive multiple of 2 and of network.heads, 4"),
        ({"depth": 0}, "network.depth: must be positive"),
        ({"heads": 0}, "network.heads: must be positive"),
        ({"dropout_rate": -0.1}, "network.dropout_rate"),
    ],
)
def test_fields_of_the_transformer_are_checked(fields, message):
    with pytest.raises(UserError, match=message):
        SpectrogramTransformerConfig(**fields)


@pytest.mark.parametrize(
    ("network", "n_bins", "n_frames"), [(CRNNConfig(), 9, 5), (SpectrogramTransformerConfig(), 17, 9)]
)
def test_below_the_smallest_input_the_field_to_raise_is_named(network, n_bins, n_frames):
    def config(bins: int, frames: int) -> Config:
        # As many bins to the octave as keep their frequencies below half of the sample rate.
        representation = Cqt(n_bins=bins, bins_per_octave=12)
        return Config(network=network, representation=representation, corpus=SyntheticConfig(max_frames=frames))

    assert config(n_bins, n_frames).grid == (n_bins, n_frames)
    with pytest.raises(UserError, match=f"representation.n_bins: must be at least {n_bins}, what {network.name} needs"):
        config(n_bins - 1, n_frames)
    with pytest.raises(UserError, match=f"corpus.max_frames: must be at least {n_frames}, what {network.name} needs"):
        config(n_bins, n_frames - 1)


def test_sizes_for_the_papers_input_are_those_of_the_document():
    for name, n_parameters, shape in (("crnn", 266118, (12, 51)), ("spectrogram_transformer", 293766, (6, 26))):
        network = NETWORKS[name]().make(6, "float32")
        variables = jax.eval_shape(lambda key, own=network: own.init(key, (96, 202)), jax.random.key(0))
        assert sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(variables)) == n_parameters
        assert network.geometry(network.explained_layers()[0], (96, 202)).shape == shape


def test_without_convolutions_a_token_sees_its_patch_alone():
    network = SpectrogramTransformerConfig(stem_filters=()).make(2)
    assert network.explained_layers() == ("block_3", "block_2", "block_1", "patches")
    geometry = network.geometry("patches", (96, 202))
    assert geometry == ((6, 26), (16, 16, 7.5), (8, 8, 3.5))


def test_positions_along_the_time_are_sines_and_cosines():
    positions = time_positions(3, 4)
    column = np.arange(3)
    np.testing.assert_allclose(positions[:, 0], np.sin(column), atol=1e-6)
    np.testing.assert_allclose(positions[:, 1], np.sin(column / 100), atol=1e-6)
    np.testing.assert_allclose(positions[:, 2:], np.cos(column[:, None] / [1, 100]), atol=1e-6)
