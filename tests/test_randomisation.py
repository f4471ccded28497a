"""Randomising changes exactly the layers it says, labels keep their counts, and maps compare as by hand."""

import jax
import numpy as np
import pytest
from small_network import MODEL, N_BINS, N_INPUT_FRAMES, make_params

from convcam_jax.checks.sanity.randomisation import (
    LAYERS,
    compare_maps,
    fresh_params,
    randomise_from_top,
    shuffled_labels,
)
from convcam_jax.settings.config import TrainConfig
from convcam_jax.training.ensemble import Member, init_group, member_keys

SHAPE = (N_BINS, N_INPUT_FRAMES)
PARAMS = make_params()
FRESH = jax.jit(lambda key: fresh_params(key, MODEL, SHAPE))(member_keys((Member("male", 3),))[0])


def test_layers_are_those_of_the_network_from_the_top():
    assert list(LAYERS) == ["output", "dense", "convolution_3", "convolution_2", "convolution_1"]
    assert set(LAYERS.values()) == set(PARAMS)


@pytest.mark.parametrize("depth", range(6))
def test_a_depth_changes_exactly_the_layers_above(depth):
    randomised = randomise_from_top(PARAMS, FRESH, depth)
    assert jax.tree.structure(randomised) == jax.tree.structure(PARAMS)
    for place, layer in enumerate(LAYERS.values()):
        source, other = (FRESH, PARAMS) if place < depth else (PARAMS, FRESH)
        np.testing.assert_array_equal(randomised[layer]["kernel"], source[layer]["kernel"])
        np.testing.assert_array_equal(randomised[layer]["bias"], source[layer]["bias"])
        assert (np.asarray(randomised[layer]["kernel"]) != np.asarray(other[layer]["kernel"])).all()


def test_fresh_weights_are_the_initialisers_own_and_not_those_the_member_began_with():
    for layer in FRESH.values():
        kernel, fan = np.asarray(layer["kernel"]), sum(layer["kernel"].shape[-2:])
        limit = np.sqrt(6 / (fan * np.prod(layer["kernel"].shape[:-2])))
        assert 0.8 * limit < np.abs(kernel).max() <= limit
        assert (np.asarray(layer["bias"]) == 0).all()
    began = init_group((Member("male", 3),), MODEL, TrainConfig(), SHAPE).params
    for name, layer in FRESH.items():
        correlation = np.corrcoef(np.ravel(layer["kernel"]), np.ravel(began[name]["kernel"]))[0, 1]
        assert abs(correlation) < 0.75
    dense = np.corrcoef(np.ravel(FRESH["dense"]["kernel"]), np.ravel(began["dense"]["kernel"]))[0, 1]
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
