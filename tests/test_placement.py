"""Where a map's nodes lie on the grid of the input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.transform import resize

from convcam_jax.attribution import placement
from convcam_jax.networks.geometry import Geometry, ReceptiveField

pytestmark = pytest.mark.usefixtures("strict_promotion")

# Of the paper's network: three valid 3x3 convolutions with poolings (1, 2) and (1, 2) between them.
FIELDS = (ReceptiveField(7, 1, 3.0), ReceptiveField(18, 4, 8.5))
MAP_SHAPE, GRID_SHAPE = (90, 47), (96, 202)
GEOMETRY = Geometry(MAP_SHAPE, *FIELDS)


def random_map(shape=MAP_SHAPE, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random(shape), dtype=jnp.float32)


def test_interpolation_by_hand():
    weights = placement.interpolation_matrix(np.array([1.0, 3.0]), 5)
    np.testing.assert_array_equal(weights, [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]])
    np.testing.assert_array_equal(placement.interpolation_matrix(np.array([2.5]), 3), np.ones((3, 1)))


@pytest.mark.parametrize("map_placement", ["stretched", "receptive_field"])
@pytest.mark.parametrize(("map_shape", "grid_shape"), [(MAP_SHAPE, GRID_SHAPE), ((1, 3), (7, 26))])
def test_weights_sum_to_one(map_placement, map_shape, grid_shape):
    for weights in placement.make_placement(map_placement, Geometry(map_shape, *FIELDS), grid_shape):
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        assert weights.min() >= 0


def test_stretched_equals_resizing_a_picture():
    node_map = random_map()
    weights = placement.make_placement("stretched", GEOMETRY, GRID_SHAPE)
    expected = resize(np.asarray(node_map), GRID_SHAPE, order=1, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(placement.place(node_map, weights), expected, atol=1e-6)


def test_stretched_nodes_lie_where_the_reference_says():
    np.testing.assert_allclose(placement.stretched_centres(90, 96)[:2], [1 / 30, 1 / 30 + 96 / 90])
    np.testing.assert_allclose(placement.stretched_centres(47, 202)[:2], [1.649, 5.947], atol=1e-3)


def test_receptive_field_placement_returns_a_linear_ramp():
    """A map whose nodes hold the position they look at becomes that position, between the outermost nodes."""
    rows = 3 + jnp.arange(90.0)[:, None]
    columns = 8.5 + 4 * jnp.arange(47.0)[None, :]
    weights = placement.make_placement("receptive_field", GEOMETRY, GRID_SHAPE)
    placed = placement.place(10 * rows + columns, weights)
    bins, frames = np.arange(96)[:, None], np.arange(202)[None, :]
    expected = 10 * np.clip(bins, 3, 92) + np.clip(frames, 8.5, 192.5)
    np.testing.assert_allclose(placed, expected, rtol=1e-6)


def test_receptive_field_placement_weighs_by_distance():
    node_map = np.asarray(random_map())
    weights = placement.make_placement("receptive_field", GEOMETRY, GRID_SHAPE)
    placed = np.asarray(placement.place(jnp.asarray(node_map), weights))
    # Node (i, j) lies on bin i + 3 and frame 4j + 8.5, so frame 4j + 9 is an eighth of the way to node j + 1.
    np.testing.assert_allclose(placed[3:93, 9:193:4], 7 / 8 * node_map[:, :-1] + 1 / 8 * node_map[:, 1:], atol=1e-6)


def test_normalise_and_crop_by_hand():
    grid_map = jnp.array([[1.0, 2.0, 8.0], [4.0, 0.0, 0.0]])
    # The maximum, 8, lies in the frame that is cut off.
    np.testing.assert_array_equal(placement.normalise_and_crop(grid_map, 2), [[0.125, 0.25, 0], [0.5, 0, 0]])
    np.testing.assert_array_equal(placement.normalise_and_crop(-grid_map, 3), -grid_map / 8)
    np.testing.assert_array_equal(placement.normalise_and_crop(jnp.zeros((2, 3)), 2), np.zeros((2, 3)))


def test_scale_does_not_matter():
    grid_map = random_map(GRID_SHAPE)
    expected = placement.normalise_and_crop(grid_map, 150)
    np.testing.assert_allclose(placement.normalise_and_crop(1e-20 * grid_map, 150), expected, rtol=1e-5)


def test_jit_and_vmap_agree_with_a_loop():
    node_maps = jnp.stack([random_map(seed=seed) for seed in range(3)])
    n_frames = jnp.array([202, 50, 77])
    weights = placement.make_placement("receptive_field", GEOMETRY, GRID_SHAPE)

    def both(node_map, n):
        return placement.normalise_and_crop(placement.place(node_map, weights), n)

    loop = jnp.stack([both(node_map, n) for node_map, n in zip(node_maps, n_frames, strict=True)])
    np.testing.assert_allclose(jax.jit(jax.vmap(both))(node_maps, n_frames), loop, atol=1e-6)


@pytest.mark.parametrize("map_placement", ["stretched", "receptive_field"])
def test_placement_is_by_the_level(map_placement):
    """What explains the input lies on the grid already, whatever the placement of nodes."""
    nodes = placement.placement_of("nodes", map_placement, GEOMETRY, GRID_SHAPE)
    expected = placement.make_placement(map_placement, GEOMETRY, GRID_SHAPE)
    for weights, own in zip(nodes, expected, strict=True):
        np.testing.assert_array_equal(weights, own)
    on_grid = placement.placement_of("input", map_placement, GEOMETRY, GRID_SHAPE)
    grid_map = random_map(GRID_SHAPE) - 0.5
    np.testing.assert_array_equal(placement.place(grid_map, on_grid), grid_map)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("n_frames", [2, np.int32(2), np.int64(2)])
def test_a_placed_map_by_hand(n_frames, x64):
    one = jnp.array([[-4.0, 1.0, 2.0], [0.5, -1.0, 1.0]], jnp.float32)
    with jax.enable_x64(x64):
        placed = placement.placed_map(one, jnp.asarray(n_frames), placement.identity_placement((2, 3)))
    np.testing.assert_array_equal(placed, [[0, 0.5, 0], [0.25, 0, 0]])


def test_placed_maps_by_hand():
    """Only what is positive counts, the map is divided by its maximum, and is zero behind the recording."""
    identity = placement.identity_placement((2, 3))
    one = np.array([[-4.0, 1.0, 2.0], [0.5, -1.0, 1.0]], np.float32)
    expected = [[0, 0.5, 0], [0.25, 0, 0]]
    np.testing.assert_array_equal(placement.placed_map(jnp.asarray(one), 2, identity), expected)
    # Two members, two recordings; the second recording's map is nowhere positive.
    signed = jnp.asarray(np.stack([[one, -np.abs(one)], [2 * one, 0 * one]]))
    placed = placement.placed_maps(signed, jnp.array([2, 3]), identity)
    np.testing.assert_array_equal(placed, [[expected, np.zeros((2, 3))], [expected, np.zeros((2, 3))]])


def test_placed_maps_are_those_of_each_recording():
    signed = jnp.stack([random_map((2, *MAP_SHAPE), seed=seed) - 0.5 for seed in range(2)])
    n_frames = jnp.array([150, 202])
    weights = placement.make_placement("receptive_field", GEOMETRY, GRID_SHAPE)
    placed = placement.placed_maps(signed, n_frames, weights)
    assert placed.shape == (2, 2, *GRID_SHAPE)
    for member in range(2):
        for n in range(2):
            one = placement.placed_map(signed[member, n], n_frames[n], weights)
            np.testing.assert_allclose(placed[member, n], one, atol=1e-6)
