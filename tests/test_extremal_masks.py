"""Extremal masks: on a score of one patch, of which cells count at all, and against what cannot be kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import GRID, scored_by

from convcam_jax.attribution.perturbations.extremal_masks import (
    AREAS,
    COARSE,
    extremal_masks,
    on_grid,
    optimised_masks,
    wanted_values,
)

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
    """Of the recording's own cells; a mask that has no more room than the patch needs hardly keeps a cell in part."""
    masks = masks_of(jnp.float32(area))
    np.testing.assert_allclose(masks.mean((1, 2)), area, atol=0.02)
    assert np.minimum(masks, 1 - masks).mean() < 0.02 or area > AREAS[0]
    for mask, present in zip(np.asarray(on_grid(masks, explained)), PRESENT, strict=True):
        assert mask[present].mean() == pytest.approx(area, abs=0.03)


def test_equal_cells_are_wanted_to_be_the_same():
    cells = jnp.array([[0.3, 0.7, 0.7, 0.2, 0.7], [0.5, 0.5, 0.5, 0.5, 0.5], [0.1, 0.9, 0.3, 0.2, 0.4]])
    expected = [[0, 2 / 3, 2 / 3, 0, 2 / 3], [0.4] * 5, [0, 1, 0, 0, 1]]
    np.testing.assert_allclose(wanted_values(cells, jnp.asarray(2)), expected, rtol=1e-6)


def test_a_score_that_is_always_the_same_prefers_no_cell():
    explained = scored_by(lambda spectrograms: 0 * spectrograms)
    masks = np.asarray(jax.jit(lambda: optimised_masks(explained, jnp.float32(0.1)))())
    n_cells = min(COARSE[0], GRID[0]) * min(COARSE[1], GRID[1])
    np.testing.assert_array_equal(masks, masks[:, :1, :1] + np.zeros_like(masks))
    np.testing.assert_allclose(masks, round(0.1 * n_cells) / n_cells, atol=0.01)


def test_cells_that_do_not_count_are_all_alike(explained, masks_of):
    """However much more than the patch a mask is to keep, what is left goes nowhere in particular."""
    found = np.asarray(on_grid(masks_of(jnp.float32(AREAS[-1])), explained))
    # Beyond the reach of the cells that the patch lies in.
    far = np.ones(GRID, bool)
    far[1:8, :10] = False
    for own, present in zip(found, PRESENT, strict=True):
        assert own[PATCH].min() > 0.8
        np.testing.assert_allclose(own[far & present], own[11, 20], atol=1e-3)


@pytest.mark.slow
def test_the_map_is_the_mean_of_the_masks_and_always_the_same(explained, masks_of):
    found = np.asarray(jax.jit(lambda: extremal_masks(explained))())
    expected = np.mean([on_grid(masks_of(jnp.float32(area)), explained) for area in AREAS], axis=0) * PRESENT
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_array_equal(jax.jit(lambda: extremal_masks(explained))(), found)
    assert found.min() >= 0
    assert found.max() <= 1
