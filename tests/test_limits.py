"""Methods that cannot explain a network or a layer: the lists are true, and a run is refused before it begins."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_member, explain_members
from convcam_jax.benchmark.peers import KERAS_APPLICATIONS
from convcam_jax.data.recordings import Recordings
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.network import Network
from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError

# One of each way of taking a network apart.
WAYS = ("deep_lift", "composite_lrp", "full_grad")


def grid_of(network: Network) -> tuple[int, int]:
    """A small one, which the network can be explained on."""
    n_bins, n_frames = network.smallest_input()
    return max(n_bins, 20), max(n_frames, 20)


def trace(name: str, method: str, layer: str = "", precision: Precision = "float32") -> None:
    """Make the program that explains two recordings, without compiling it."""
    network = NETWORKS[name]().small().make(3, precision)
    grid = grid_of(network)
    n_frames = np.array([grid[1], grid[1] - 1])
    config = AttributionConfig(method, layer)
    layout = network.layout(n_frames[:, None])
    jax.eval_shape(
        partial(explain_member, network=network, layout=layout, configs=(config,)),
        jax.eval_shape(lambda: network.init(jax.random.key(0), grid)),
        jax.eval_shape(lambda: Recordings(jnp.ones((2, *grid)), jnp.asarray(n_frames), jnp.arange(2))),
        jax.ShapeDtypeStruct((1, 2), jnp.int32),
        jax.ShapeDtypeStruct((1, *grid), jnp.float32),
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", WAYS)
@pytest.mark.parametrize("name", KERAS_APPLICATIONS)
def test_networks_that_compile_long_are_taken_apart(name, method):
    trace(name, method)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in KERAS_APPLICATIONS])
def test_other_networks_have_a_map_by_every_way(name):
    network = NETWORKS[name]().small().make(3, "float32")
    grid = grid_of(network)
    n_frames = np.array([grid[1], grid[1] - 1])
    sounds = np.arange(grid[1]) < n_frames[:, None, None]
    spectrograms = np.random.default_rng(0).exponential(size=(2, *grid)).astype(np.float32) * sounds
    recordings = Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), jnp.arange(2))
    members = jax.jit(jax.vmap(lambda key: network.init(key, grid)))(jax.random.split(jax.random.key(0), 1))
    places, configs = np.arange(2)[:, None], tuple(AttributionConfig(method) for method in WAYS)
    found = explain_members(members, recordings, places, network, network.layout(n_frames[:, None]), configs)
    for method, signed in zip(WAYS, found.signed_maps, strict=True):
        assert np.isfinite(signed).all(), method
        assert (np.ptp(signed, axis=(2, 3)) > 0).all(), method


@pytest.mark.slow
def test_rounded_factors_have_a_rule():
    trace("simplenet", "composite_lrp", precision="bfloat16")


def layers_of(name: str) -> tuple[list[str], list[str]]:
    """Those that ShapleyCAM can explain, and the others."""
    network = NETWORKS[name]().make(2, "float32")
    attention = network.attention()
    layers = list(network.explained_layers())
    able = layers[:1] if attention is None else list(attention.layers)
    return able, [layer for layer in layers if layer not in able]


@pytest.mark.parametrize("name", NETWORKS)
def test_shapley_cam_is_refused_where_a_convolution_is_behind_the_layer(name):
    able, unable = layers_of(name)
    for layer in ("", *able):
        assert Config(network=NETWORKS[name](), attribution=AttributionConfig("shapleycam", layer))
    for layer in unable:
        with pytest.raises(UserError, match=rf"attribution\.layer: must be one of {able[0]}.* for shapleycam"):
            Config(network=NETWORKS[name](), attribution=AttributionConfig("shapleycam", layer))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simplenet", "spectrogram_transformer", "resnet_small"])
def test_shapley_cam_has_a_second_derivative_where_it_is_not_refused(name):
    network = NETWORKS[name]().small().make(3, "float32")
    attention = network.attention()
    layers = network.explained_layers()
    able = layers[:1] if attention is None else attention.layers
    for layer in able:
        trace(name, "shapleycam", layer)
    # Behind the transformer's last convolution are patches that do not overlap, which are a matrix product; it is
    # refused as all are that have a convolution behind them, whatever that is computed by.
    for layer in set(layers) - set(able) - ({"convolution_2"} if name == "spectrogram_transformer" else set()):
        with pytest.raises(ValueError, match="Linearization"):
            trace(name, "shapleycam", layer)
