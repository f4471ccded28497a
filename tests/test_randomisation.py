"""Randomising changes exactly the layers it says, labels keep their counts, and maps compare as by hand."""

import jax
import numpy as np
import pytest
from toy_network import GRID, TOY, toy_variables, variables_of

from convcam_jax.checks.sanity.randomisation import (
    cascade,
    compare_maps,
    fresh_variables,
    randomise_from_top,
    shuffled_labels,
)
from convcam_jax.data.members import Member
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.ensemble import init_round, member_keys

VARIABLES = variables_of(toy_variables(), 0)
MEMBERS = (Member("male", "all", 3), Member("male", "all", 4))
KEYS = member_keys(MEMBERS)
FRESH = fresh_variables(KEYS[0], TOY, GRID)
# The leaves of each layer of the toy network, in either collection.
LEAVES = {
    "readout": [("params", "readout", "kernel")],
    "bands": [("params", "filter", "kernel"), ("params", "norm", "scale"), ("batch_stats", "norm", "mean")],
}


def leaf(variables, path):
    for name in path:
        variables = variables[name]
    return np.asarray(variables)


@pytest.mark.parametrize("depth", range(3))
def test_a_depth_changes_exactly_the_layers_above(depth):
    randomised = randomise_from_top(VARIABLES, FRESH, TOY.layers(), depth)
    assert jax.tree.structure(randomised) == jax.tree.structure(VARIABLES)
    for place, layer in enumerate(TOY.layers()):
        source, other = (FRESH, VARIABLES) if place < depth else (VARIABLES, FRESH)
        for path in LEAVES[layer]:
            np.testing.assert_array_equal(leaf(randomised, path), leaf(source, path))
            assert (leaf(randomised, path) != leaf(other, path)).all()


def test_a_cascade_goes_from_the_top_to_a_network_without_trained_weights():
    """The same fresh variables at every depth, other ones for each member."""
    trained = toy_variables()
    (readout, above), (bands, everything) = cascade(trained, KEYS, TOY, GRID)
    assert (readout, bands) == ("readout", "bands")
    for path in LEAVES["bands"]:
        np.testing.assert_array_equal(leaf(above, path), leaf(trained, path))
        np.testing.assert_allclose(leaf(everything, path)[0], leaf(FRESH, path), rtol=1e-6)
        assert (leaf(everything, path)[0] != leaf(everything, path)[1]).all()
    for path in LEAVES["readout"]:
        np.testing.assert_array_equal(leaf(above, path), leaf(everything, path))


def test_the_layers_of_simplenet_hold_all_its_variables():
    network = SimpleNetConfig(filters=(3, 4, 5), dense_units=6).make(3)
    variables = jax.eval_shape(lambda: network.init(jax.random.key(0), (12, 40)))
    assert list(network.layers()) == ["output", "dense", "convolution_3", "convolution_2", "convolution_1"]
    assert {name for names in network.layers().values() for name in names} == set(variables["params"])


def test_fresh_weights_are_the_initialisers_own_and_not_those_the_member_began_with():
    network, grid = SimpleNetConfig(filters=(3, 4, 5), dense_units=6).make(3), (12, 40)
    fresh = jax.jit(lambda key: fresh_variables(key, network, grid))(KEYS[0])["params"]
    for layer in fresh.values():
        kernel, fan = np.asarray(layer["kernel"]), sum(layer["kernel"].shape[-2:])
        limit = np.sqrt(6 / (fan * np.prod(layer["kernel"].shape[:-2])))
        assert 0.8 * limit < np.abs(kernel).max() <= limit
        assert (np.asarray(layer["bias"]) == 0).all()
    began = init_round(MEMBERS[:1], network, TrainConfig(), grid).variables["params"]
    for name, layer in fresh.items():
        correlation = np.corrcoef(np.ravel(layer["kernel"]), np.ravel(began[name]["kernel"]))[0, 1]
        assert abs(correlation) < 0.75
    dense = np.corrcoef(np.ravel(fresh["dense"]["kernel"]), np.ravel(began["dense"]["kernel"]))[0, 1]
    assert abs(dense) < 0.2


def test_labels_are_permuted_within_each_set_and_nowhere_else():
    emotion = np.arange(60) % 6
    sets = [np.arange(0, 30), np.arange(30, 50)]
    shuffled = shuffled_labels(emotion, sets, seed=4)
    for indices in sets:
        np.testing.assert_array_equal(np.bincount(shuffled[indices]), np.bincount(emotion[indices]))
        assert (shuffled[indices] != emotion[indices]).mean() > 0.5
    np.testing.assert_array_equal(shuffled[50:], emotion[50:])
    np.testing.assert_array_equal(shuffled, shuffled_labels(emotion, sets, seed=4))
    assert (shuffled != shuffled_labels(emotion, sets, seed=5)).any()
    np.testing.assert_array_equal(emotion, np.arange(60) % 6)


def test_what_the_relu_hides_counts_in_the_signed_correlation_only():
    signed = np.linspace(-1, 1, 100).reshape(10, 10)
    other = np.where(signed < 0, -1 - signed, signed)
    maps = np.maximum(signed, 0), np.maximum(other, 0)
    compared = compare_maps(maps, (signed, other))
    assert compared.rank_correlation == pytest.approx(1)
    assert compared.signed_rank_correlation < 0.8
    assert compared.ssim == pytest.approx(1)
