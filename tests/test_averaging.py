"""The mean of the weights over a training, and the weights of classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.training.averaging import Average, averaged
from convcam_jax.training.class_weights import balanced_weights


def means(values: list[float], decay: float) -> list[float]:
    average, found = Average({"w": jnp.float32(99.0)}, jnp.asarray(0)), []
    for number, value in enumerate(values, start=1):
        average = averaged(average, {"w": jnp.float32(value)}, decay)
        assert int(average.n_steps) == number
        found.append(float(average.variables["w"]))
    return found


def test_the_average_is_a_plain_mean_at_first_and_fades_then():
    # 1 / (1 - 0.75) = 4 steps; what the training began with is forgotten at the first.
    np.testing.assert_allclose(means([1, 3, 5, 7, 9], 0.75), [1, 2, 3, 4, 0.75 * 4 + 0.25 * 9], rtol=1e-6)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_the_average_stays_within_what_is_averaged_and_that_of_a_constant_is_the_constant(decay):
    values = np.random.default_rng(0).normal(size=20).tolist()
    found = means(values, decay)
    assert all(min(values[: i + 1]) - 1e-6 <= own <= max(values[: i + 1]) + 1e-6 for i, own in enumerate(found))
    np.testing.assert_allclose(means([2.5] * 20, decay), 2.5, rtol=1e-6)


def test_balanced_weights_by_hand():
    np.testing.assert_allclose(balanced_weights(jnp.array([6, 2, 1])), [0.5, 1.5, 3.0])
    np.testing.assert_allclose(balanced_weights(jnp.array([4, 4])), [1, 1])
    np.testing.assert_allclose(balanced_weights(jnp.array([6, 0, 2])), [8 / 12, 0, 2])


@pytest.mark.parametrize("seed", range(3))
def test_balanced_classes_have_equal_shares_and_the_loss_keeps_its_scale(seed):
    counts = np.random.default_rng(seed).integers(1, 40, 6)
    weights = np.asarray(jax.jit(balanced_weights)(counts))
    np.testing.assert_allclose(weights * counts, counts.sum() / 6, rtol=1e-5)
    np.testing.assert_allclose((weights * counts).sum(), counts.sum(), rtol=1e-5)
