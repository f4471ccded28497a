"""Where a map's nodes lie on the grid of the input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.transform import resize

from convcam_jax.attribution import placement
from convcam_jax.attribution.placement import Layer

# Three valid 3x3 convolutions with poolings (1, 2) and (1, 2) between them: the layers of the paper's network.
FREQUENCY_LAYERS = (Layer(3), Layer(1, 1), Layer(3), Layer(1, 1), Layer(3))
TIME_LAYERS = (Layer(3), Layer(2, 2), Layer(3), Layer(2, 2), Layer(3))
LAYERS = (FREQUENCY_LAYERS, TIME_LAYERS)
MAP_SHAPE, GRID_SHAPE = (90, 47), (96, 202)


def random_map(shape=MAP_SHAPE, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random(shape), dtype=jnp.float32)


def test_receptive_field_of_the_papers_network():
    assert placement.receptive_field(FREQUENCY_LAYERS) == (7, 1, 3.0)
    assert placement.receptive_field(TIME_LAYERS) == (18, 4, 8.5)
    np.testing.assert_array_equal(placement.receptive_field_centres(FREQUENCY_LAYERS, 90), np.arange(90) + 3)
    np.testing.assert_array_equal(placement.receptive_field_centres(TIME_LAYERS, 47), 4 * np.arange(47) + 8.5)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ((), (1, 1, 0.0)),
        ((Layer(3, 1, 1),), (3, 1, 0.0)),
        ((Layer(2, 2),), (2, 2, 0.5)),
        # First layers of ResNet-50: 7x7 stride 2 padded by 3, pooling 3 stride 2 padded by 1.
        ((Layer(7, 2, 3), Layer(3, 2, 1)), (11, 4, 0.0)),
        # Thirteen 3x3 convolutions and four poolings of VGG16 up to its last convolution.
        (
            tuple(layer for block in (2, 2, 3, 3, 3) for layer in (Layer(2, 2), *(Layer(3, 1, 1),) * block))[1:],
            (196, 16, 7.5),
        ),
    ],
)
def test_receptive_field_of_known_networks(layers, expected):
    assert placement.receptive_field(layers) == expected


def test_receptive_field_is_what_a_node_depends_on():
    """Oracle: the input cells with a gradient, through a padded, strided network of random kernels."""
    layers = (Layer(5, 2, 1), Layer(2, 2, 0), Layer(3, 1, 1))

    def node(signal, index):
        for layer in layers:
            padded = jnp.pad(signal, (layer.padding, layer.padding))
            kernel = jnp.arange(1.0, layer.kernel + 1)
            signal = jnp.convolve(padded, kernel, mode="valid")[:: layer.stride]
        return signal[index]

    field = placement.receptive_field(layers)
    seen = np.flatnonzero(jax.grad(node)(jnp.ones(80), 5))
    assert len(seen) == field.size
    assert (seen[0] + seen[-1]) / 2 == field.first_centre + 5 * field.jump


def test_interpolation_by_hand():
    weights = placement.interpolation_matrix(np.array([1.0, 3.0]), 5)
    np.testing.assert_array_equal(weights, [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]])
    np.testing.assert_array_equal(placement.interpolation_matrix(np.array([2.5]), 3), np.ones((3, 1)))


@pytest.mark.parametrize("map_placement", ["stretched", "receptive_field"])
@pytest.mark.parametrize(("map_shape", "grid_shape"), [(MAP_SHAPE, GRID_SHAPE), ((1, 3), (7, 26))])
def test_weights_sum_to_one(map_placement, map_shape, grid_shape):
    for weights in placement.make_placement(map_placement, map_shape, grid_shape, LAYERS):
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        assert weights.min() >= 0


def test_stretched_equals_resizing_a_picture():
    node_map = random_map()
    weights = placement.make_placement("stretched", MAP_SHAPE, GRID_SHAPE, LAYERS)
    expected = resize(np.asarray(node_map), GRID_SHAPE, order=1, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(placement.place(node_map, weights), expected, atol=1e-6)


def test_stretched_nodes_lie_where_the_reference_says():
    np.testing.assert_allclose(placement.stretched_centres(90, 96)[:2], [1 / 30, 1 / 30 + 96 / 90])
    np.testing.assert_allclose(placement.stretched_centres(47, 202)[:2], [1.649, 5.947], atol=1e-3)


def test_receptive_field_placement_returns_a_linear_ramp():
    """A map whose nodes hold the position they look at becomes that position, between the outermost nodes."""
    rows = 3.0 + jnp.arange(90)[:, None]
    columns = 8.5 + 4 * jnp.arange(47)[None, :]
    weights = placement.make_placement("receptive_field", MAP_SHAPE, GRID_SHAPE, LAYERS)
    placed = placement.place(10 * rows + columns, weights)
    bins, frames = np.arange(96)[:, None], np.arange(202)[None, :]
    expected = 10 * np.clip(bins, 3, 92) + np.clip(frames, 8.5, 192.5)
    np.testing.assert_allclose(placed, expected, rtol=1e-6)


def test_receptive_field_placement_weighs_by_distance():
    node_map = np.asarray(random_map())
    weights = placement.make_placement("receptive_field", MAP_SHAPE, GRID_SHAPE, LAYERS)
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
    weights = placement.make_placement("receptive_field", MAP_SHAPE, GRID_SHAPE, LAYERS)

    def both(node_map, n):
        return placement.normalise_and_crop(placement.place(node_map, weights), n)

    loop = jnp.stack([both(node_map, n) for node_map, n in zip(node_maps, n_frames, strict=True)])
    np.testing.assert_allclose(jax.jit(jax.vmap(both))(node_maps, n_frames), loop, atol=1e-6)
