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
    """Of the recording's own cells."""
    masks = masks_of(jnp.float32(area))
    np.testing.assert_allclose(masks.mean((1, 2)), area, atol=0.02)
    for mask, present in zip(np.asarray(on_grid(masks, explained)), PRESENT, strict=True):
        assert mask[present].mean() == pytest.approx(area, abs=0.03)


@pytest.mark.parametrize("area", AREAS)
def test_masks_hardly_keep_a_cell_in_part_and_hold_the_highest_slopes(area):
    """Where half of the cells count, each as much as was drawn for it: more than any mask has room for."""
    rng = np.random.default_rng(1)
    slopes = jnp.asarray(rng.exponential(size=GRID) * (rng.random(GRID) < 0.5), jnp.float32)[None]
    explained = scored_by(lambda spectrograms: slopes * spectrograms)
    explained = explained._replace(
        spectrograms=jnp.ones((1, *GRID)), n_frames=jnp.full(1, GRID[1]), targets=jnp.zeros(1, int)
    )
    mask = np.asarray(jax.jit(lambda: optimised_masks(explained, jnp.float32(area)))())
    assert np.minimum(mask, 1 - mask).mean() < 0.02
    of_cells = np.asarray(jax.grad(lambda cells: (slopes * on_grid(cells, explained)).sum())(jnp.asarray(mask)))
    highest = np.sort(of_cells, axis=None)[-round(area * mask.size) :]
    assert (of_cells * mask).sum() > 0.95 * highest.sum()


def test_cells_that_are_alike_are_wanted_to_be_the_same():
    cells = jnp.array([[0.3, 0.7, 0.71, 0.2, 0.69], [0.5, 0.5, 0.5, 0.5, 0.5], [0.1, 0.9, 0.3, 0.2, 0.4]])
    expected = [[0, 2 / 3, 2 / 3, 0, 2 / 3], [0.4] * 5, [0, 1, 0, 0, 1]]
    np.testing.assert_allclose(wanted_values(cells, jnp.asarray(2)), expected, rtol=1e-6)


def test_a_score_that_is_always_the_same_prefers_no_cell():
    explained = scored_by(lambda spectrograms: 0 * spectrograms)
    masks = np.asarray(jax.jit(lambda: optimised_masks(explained, jnp.float32(0.1)))())
    n_cells = min(COARSE[0], GRID[0]) * min(COARSE[1], GRID[1])
    np.testing.assert_array_equal(masks, masks[:, :1, :1] + np.zeros_like(masks))
    np.testing.assert_allclose(masks, round(0.1 * n_cells) / n_cells, atol=0.01)


@pytest.mark.parametrize("noise", [0, 1e-7, 1e-6])
def test_cells_that_hardly_count_are_all_alike(explained, noise):
    """However much more than the patch a mask is to keep, what is left goes nowhere in particular.

    A network's score depends on every cell a little, by its arithmetic if by nothing else.
    """
    slopes = noise * jnp.asarray(np.random.default_rng(0).normal(size=(1, *GRID)), jnp.float32)
    own = scored_by(lambda spectrograms: of_patch(spectrograms) + slopes * spectrograms)
    own = own._replace(spectrograms=explained.spectrograms, n_frames=explained.n_frames)
    found = np.asarray(on_grid(jax.jit(lambda: optimised_masks(own, jnp.float32(AREAS[-1])))(), own))
    # Beyond the reach of the cells that the patch lies in.
    far = np.ones(GRID, bool)
    far[1:8, :10] = False
    for mask, present in zip(found, PRESENT, strict=True):
        assert mask[PATCH].min() > 0.8
        np.testing.assert_allclose(mask[far & present], mask[11, 20], atol=0.02 if noise else 1e-3)


@pytest.mark.slow
def test_the_map_is_the_mean_of_the_masks_and_always_the_same(explained, masks_of):
    found = np.asarray(jax.jit(lambda: extremal_masks(explained))())
    expected = np.mean([on_grid(masks_of(jnp.float32(area)), explained) for area in AREAS], axis=0) * PRESENT
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_array_equal(jax.jit(lambda: extremal_masks(explained))(), found)
    assert found.min() >= 0
    assert found.max() <= 1
