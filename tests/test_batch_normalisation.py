"""Batch normalisation with what is behind it against its definition, and places of a batch that are empty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.kernels.batch_normalisation import Moments, normalise, normalise_batch, normalise_strip

EPSILON = 1e-3
PRESENT = jnp.array([True, False, True, True])


def _arrays() -> tuple[jax.Array, ...]:
    rng = np.random.default_rng(0)
    images = rng.normal([2.0, -1.0, 0.5], [3.0, 1.0, 0.2], (4, 3, 5, 3))
    # Some nodes below the ReLU and some above its cap.
    return tuple(jnp.asarray(a, jnp.float32) for a in (images, rng.uniform(2, 6, 3), rng.uniform(0, 4, 3)))


LIMITS = {"relu6": (0, 6), "relu": (0, np.inf), "none": (-np.inf, np.inf)}


def _by_definition(images, scale, offset, nonlinearity):
    """All by JAX's own derivatives, of the images that are present."""
    of_present = images[PRESENT]
    mean, variance = of_present.mean((0, 1, 2)), of_present.var((0, 1, 2))
    factor = scale / jnp.sqrt(variance + EPSILON)
    normalised = (images - mean[None, None, None]) * factor[None, None, None] + offset[None, None, None]
    return jnp.clip(normalised, *LIMITS[nonlinearity])


def test_known_moments_by_hand():
    moments = Moments(jnp.array([1.0]), jnp.array([4.0]))
    images = jnp.array([1.0, 3.0, -9.0, 99.0]).reshape(1, 2, 2, 1)
    found = normalise(images, moments, jnp.array([2.0]), jnp.array([0.5]), 0.0, "relu6")
    np.testing.assert_allclose(found.ravel(), [0.5, 2.5, 0.0, 6.0], rtol=1e-6)


@pytest.mark.parametrize("nonlinearity", LIMITS)
def test_values_moments_and_gradients_are_those_of_the_definition(nonlinearity):
    arrays = _arrays()
    cotangent = jnp.asarray(np.random.default_rng(1).standard_normal(arrays[0].shape), jnp.float32)
    found, pull, moments = jax.vjp(
        lambda *a: normalise_batch(*a, PRESENT, EPSILON, nonlinearity), *arrays, has_aux=True
    )
    expected, pull_expected = jax.vjp(lambda *a: _by_definition(*a, nonlinearity), *arrays)
    assert (expected.min() < 0) == (nonlinearity == "none")
    assert (expected.max() > 6) == (nonlinearity != "relu6")
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(moments.mean, arrays[0][PRESENT].mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(moments.variance, arrays[0][PRESENT].var((0, 1, 2)), rtol=1e-4)
    for own, reference in zip(pull(cotangent), pull_expected(cotangent), strict=True):
        np.testing.assert_allclose(own, reference, atol=1e-4 * np.abs(reference).max())


def test_what_is_in_an_empty_place_does_not_count():
    images, scale, offset = _arrays()
    others = jnp.where(PRESENT[:, None, None, None], images, 1e3)
    found, moments = normalise_batch(images, scale, offset, PRESENT, EPSILON, "relu6")
    found_of_others, moments_of_others = normalise_batch(others, scale, offset, PRESENT, EPSILON, "relu6")
    np.testing.assert_array_equal(found[PRESENT], found_of_others[PRESENT])
    np.testing.assert_array_equal(moments, moments_of_others)


def test_a_batch_without_anything_is_finite():
    found, moments = normalise_batch(*_arrays(), jnp.zeros(4, bool), EPSILON, "relu6")
    assert np.isfinite(found).all()
    assert np.isfinite(np.asarray(moments)).all()


def test_a_batch_without_anything_stays_finite_through_as_many_layers_as_a_deep_network_has():
    images, *learned = _arrays()
    ones = [jnp.ones_like(array) for array in learned]

    def through_all(images):
        for _ in range(60):
            images = normalise_batch(images, *ones, jnp.zeros(4, bool), 1e-5, "none")[0]
        return images

    found, gradient = jax.jit(jax.value_and_grad(lambda images: through_all(images).sum()))(images)
    assert np.isfinite(found)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_the_variance_bears_a_mean_that_is_far_larger(mean):
    images = jnp.asarray(mean + np.random.default_rng(0).standard_normal((4, 20, 30, 2)), jnp.float32)
    moments = normalise_batch(images, jnp.ones(2), jnp.zeros(2), PRESENT, EPSILON, "relu6")[1]
    exact = np.asarray(images, np.float64)[np.asarray(PRESENT)].var((0, 1, 2))
    np.testing.assert_allclose(moments.variance, exact, rtol=2e-3)


def test_a_strip_is_normalised_by_its_sounding_columns_as_images_of_a_column_are():
    """`[H, L, C]` as L images of one column, of which the silent ones are empty places."""
    images, scale, offset = _arrays()
    strip, cotangent = (jnp.moveaxis(a[:, :, 0], 0, 1) for a in (images, jnp.flip(images, 2)))
    found, pull, moments = jax.vjp(
        lambda *a: normalise_strip(*a, PRESENT, EPSILON, "relu"), strip, scale, offset, has_aux=True
    )

    def by_columns(strip, scale, offset):
        columns = jnp.moveaxis(strip, 1, 0)[:, :, None]
        normalised, moments = normalise_batch(columns, scale, offset, PRESENT, EPSILON, "relu")
        return jnp.where(PRESENT[None, :, None], jnp.moveaxis(normalised[:, :, 0], 0, 1), 0.0), moments

    expected, pull_expected, moments_expected = jax.vjp(by_columns, strip, scale, offset, has_aux=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not np.asarray(found[:, 1]).any()
    for own, reference in zip(
        (*moments, *pull(cotangent)), (*moments_expected, *pull_expected(cotangent)), strict=True
    ):
        np.testing.assert_allclose(own, reference, atol=1e-4 * np.abs(reference).max())
