"""The masks of the emotions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.measures import masks

pytestmark = pytest.mark.usefixtures("strict_promotion")


@pytest.mark.parametrize("x64", [False, True])
def test_masks_by_hand(x64):
    maps = jnp.array([[[1.0, 0.0]], [[0.5, 0.5]], [[9.0, 9.0]], [[0.0, 1.0]]])
    emotion_index, correct = jnp.array([0, 0, 0, 2]), jnp.array([True, True, False, True])
    with jax.enable_x64(x64):
        result = masks.emotion_masks(maps, emotion_index, correct, n_emotions=3)
    assert result.dtype == maps.dtype
    np.testing.assert_array_equal(result, [[[1.5, 0.5]], [[0.0, 0.0]], [[0.0, 1.0]]])


def test_masks_equal_a_loop_over_recordings():
    rng = np.random.default_rng(0)
    maps = rng.random((20, 6, 9)).astype(np.float32)
    emotion_index, correct = rng.integers(0, 4, 20), rng.random(20) < 0.6
    expected = np.zeros((4, 6, 9))
    for one_map, emotion, right in zip(maps, emotion_index, correct, strict=True):
        if right:
            expected[emotion] += one_map
    result = jax.jit(masks.emotion_masks, static_argnums=3)(maps, emotion_index, correct, 4)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_ensemble_mask_counts_a_recording_once_per_member_that_is_right():
    rng = np.random.default_rng(1)
    maps = jnp.asarray(rng.random((3, 5, 2, 4)), dtype=jnp.float32)
    emotion_index = jnp.array([0, 1, 0, 1, 1])
    correct = jnp.asarray(rng.random((3, 5)) < 0.5)
    per_member = jax.vmap(lambda m, c: masks.emotion_masks(m, emotion_index, c, 2))(maps, correct)
    result = masks.ensemble_masks(per_member)
    flat = masks.emotion_masks(maps.reshape(15, 2, 4), jnp.tile(emotion_index, 3), correct.reshape(15), 2)
    np.testing.assert_allclose(result, flat, rtol=1e-6)


def test_binarise_by_hand():
    mask = jnp.array([[0.0, 0.5, 1.0], [4.0, 3.99, 40.0]])
    np.testing.assert_array_equal(masks.binarise(mask, 0.1), [[False, False, False], [True, False, True]])
    assert masks.binarise(mask, 1.0).sum() == 1


def test_binarise_does_not_depend_on_scale():
    mask = jnp.asarray(np.random.default_rng(2).random((8, 9)), dtype=jnp.float32)
    np.testing.assert_array_equal(masks.binarise(64 * mask, 0.1), masks.binarise(mask, 0.1))


def test_no_mask_has_no_cell():
    assert not masks.binarise(jnp.zeros((2, 3)), 0.1).any()
