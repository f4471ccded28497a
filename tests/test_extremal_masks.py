"""Extremal masks: on a score of one patch, of which cells count at all, and against what cannot be kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import GRID, scored_by

from convcam_jax.attribution.perturbations.extremal_masks import AREAS, extremal_masks, on_grid, optimised_masks

# Of 12 bins x 26 frames; in all recordings.
PATCH = np.zeros(GRID, bool)
PATCH[3:6, 2:7] = True
N_FRAMES = np.array([26, 25, 24])
PRESENT = np.broadcast_to(np.arange(GRID[1]) < N_FRAMES[:, None, None], (3, *GRID))


def of_patch(spectrograms):
    """Only the patch counts."""
    return jnp.asarray(PATCH, jnp.float32)[None] * jnp.tanh(spectrograms)


@pytest.fixture(scope="module")
def explained():
    # As loud everywhere: that the patch is found is not for its energy.
    return scored_by(of_patch)._replace(spectrograms=jnp.asarray(PRESENT, jnp.float32), n_frames=jnp.asarray(N_FRAMES))


@pytest.fixture(scope="module")
def masks_of(explained):
    """Coarse masks by their area."""
    return jax.jit(lambda area: optimised_masks(explained, area))


def test_masks_find_the_patch(explained, masks_of):
    # The smallest one, in which not all of the patch has room.
    found = np.asarray(on_grid(masks_of(jnp.float32(AREAS[0])), explained))
    for own, present in zip(found, PRESENT, strict=True):
        highest = np.argsort(-own, axis=None)[: PATCH.sum()]
        assert PATCH.ravel()[highest].mean() > 0.75
        assert own[PATCH].mean() > 5 * own[~PATCH & present].mean()


@pytest.mark.parametrize("area", AREAS)
def test_masks_keep_their_area(explained, masks_of, area):
    """Of the recording's own cells, and nearly all of a mask is kept or not."""
    masks = masks_of(jnp.float32(area))
    np.testing.assert_allclose(masks.mean((1, 2)), area, atol=0.02)
    assert np.minimum(masks, 1 - masks).mean() < 0.02
    for mask, present in zip(np.asarray(on_grid(masks, explained)), PRESENT, strict=True):
        assert mask[present].mean() == pytest.approx(area, abs=0.03)


@pytest.mark.slow
def test_the_map_is_the_mean_of_the_masks_and_always_the_same(explained, masks_of):
    found = np.asarray(jax.jit(lambda: extremal_masks(explained))())
    expected = np.mean([on_grid(masks_of(jnp.float32(area)), explained) for area in AREAS], axis=0) * PRESENT
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_array_equal(jax.jit(lambda: extremal_masks(explained))(), found)
    assert found.min() >= 0
    assert found.max() <= 1
