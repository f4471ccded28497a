"""Which arrays are sound maps, how they come onto the grid, and how colours are read back."""

import re

import numpy as np
import pytest

from convcam_jax.attribution import external_maps
from convcam_jax.attribution.external_maps import MapShapes
from convcam_jax.attribution.placement import make_placement
from convcam_jax.networks.geometry import Geometry, ReceptiveField
from convcam_jax.system.errors import RecordingError, UserError

SHAPES = MapShapes(grid=(96, 202), nodes=(90, 47))
N_FRAMES = 70
# Of the paper's network.
GEOMETRY = Geometry(SHAPES.nodes, ReceptiveField(7, 1, 3.0), ReceptiveField(18, 4, 8.5))
STRETCHED = make_placement("stretched", GEOMETRY, SHAPES.grid)


def random_nodes(seed=0):
    """A map of the last convolution, half of it zeros as after ReLU, with maximum 1 near its beginning."""
    nodes = np.maximum(np.random.default_rng(seed).normal(size=SHAPES.nodes), 0).astype(np.float32)
    nodes[10, 5] = 1.5 * nodes.max()
    return nodes / nodes.max()


def stretched_map(seed=0, n_frames=N_FRAMES):
    grid = STRETCHED.frequency @ random_nodes(seed) @ STRETCHED.time.T
    return grid[:, :n_frames]


def check(values, n_frames=N_FRAMES):
    external_maps.check_maps({"03a01Fa": values}, {"03a01Fa": n_frames}, SHAPES)


def with_cell(value):
    values = np.ones((96, N_FRAMES), np.float32)
    values[3, 4] = value
    return values


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.uint8, np.int64])
@pytest.mark.parametrize("shape", [(96, N_FRAMES), (90, 47)])
def test_both_shapes_and_all_kinds_of_numbers_are_sound(shape, kind):
    check(np.ones(shape, kind))
    check(np.zeros(shape, kind))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (with_cell(np.nan), r"has NaN in 1 cell, \[3, 4\]"),
        (with_cell(np.inf), r"has an infinite value in 1 cell, \[3, 4\]"),
        (with_cell(-np.inf), r"has an infinite value"),
        (with_cell(-1e-6), r"has a negative value in 1 cell, \[3, 4\]; apply the ReLU"),
        (np.full((96, N_FRAMES), "a"), "holds <U1 and not numbers"),
        (np.ones((96, N_FRAMES), complex), "holds complex128 and not numbers"),
        (np.ones((96, N_FRAMES), bool), "holds bool and not numbers"),
        (np.ones((0, 47), np.float32), "is empty, of shape 0 x 47"),
        (
            np.ones((N_FRAMES, 96)),
            r"has shape 70 x 96; it must be 96 x 70 \(bins, frames of the recording\) or 90 x 47",
        ),
        (np.ones((96, N_FRAMES + 1)), "has shape 96 x 71"),
        (np.ones((96, 47)), "has shape 96 x 47"),
        (np.ones((96, 202)), "has shape 96 x 202"),
        (np.ones((1, 96, N_FRAMES)), "has shape 1 x 96 x 70"),
        (np.float32(1), r"has shape \(\)"),
    ],
)
def test_what_is_wrong_with_an_array_is_said_with_its_name(values, problem):
    with pytest.raises(UserError, match=f"^--maps: array 03a01Fa: {problem}") as error:
        check(np.asarray(values))
    assert "\n" not in str(error.value)


def test_recording_longer_than_the_grid_is_refused():
    with pytest.raises(
        UserError, match=r"array 03a01Fa: the recording has 203 frames, more than corpus\.max_frames = 202"
    ):
        check(np.ones((96, 203)), n_frames=203)


def test_values_above_1_are_sound():
    check(with_cell(1.5))


def test_unknown_names():
    silent = RecordingError("s", "is silent", "silent")
    external_maps.check_names(["b"], ["a", "b"], [silent])
    for names, message in {
        ("b", "x"): "array x: there is no such recording",
        ("y", "x"): "array x (and 1 more): there is no such recording",
        ("s", "x"): "array x: there is no such recording",
        ("b", "s"): "arrays of recordings that are not used: 1 silent (s): is silent; mend that, or leave these arrays",
    }.items():
        with pytest.raises(UserError, match=re.escape(f"--maps: {message}")):
            external_maps.check_names(names, ["a", "b"], [silent])


def test_scaled_divides_by_the_maximum_even_of_numbers_beyond_single_precision():
    np.testing.assert_array_equal(external_maps.scaled(np.array([[0, 1], [2, 4]])), [[0, 0.25], [0.5, 1]])
    np.testing.assert_array_equal(external_maps.scaled(np.array([[1e300, 5e299]])), [[1, 0.5]])
    np.testing.assert_array_equal(external_maps.scaled(np.array([[1e-300, 5e-301]])), [[1, 0.5]])
    np.testing.assert_array_equal(external_maps.scaled(np.zeros((2, 2))), np.zeros((2, 2)))


@pytest.mark.parametrize("map_placement", ["stretched", "receptive_field"])
def test_nodes_and_what_they_give_on_the_grid_are_the_same_map(map_placement):
    placement = make_placement(map_placement, GEOMETRY, SHAPES.grid)
    nodes = random_nodes()
    by_hand = (placement.frequency @ nodes @ placement.time.T)[:, :N_FRAMES]
    from_nodes = external_maps.on_grid(nodes, N_FRAMES, SHAPES, placement)
    from_grid = external_maps.on_grid(by_hand, N_FRAMES, SHAPES, placement)
    assert from_nodes.shape == from_grid.shape == SHAPES.grid
    assert not from_nodes[:, N_FRAMES:].any()
    assert not from_grid[:, N_FRAMES:].any()
    # Of the nodes' map the maximum may lie behind the recording; a map on the grid has nothing there.
    np.testing.assert_allclose(external_maps.scaled(from_nodes), external_maps.scaled(from_grid), atol=1e-6)


@pytest.mark.parametrize("map_placement", ["stretched", "receptive_field"])
def test_nodes_as_many_as_cells_are_cut_where_the_recording_ends(map_placement):
    """As of the first convolution of several networks, in which each node has the place of a cell."""
    shapes = MapShapes(SHAPES.grid, SHAPES.grid)
    placement = make_placement(map_placement, Geometry(shapes.nodes, *2 * (ReceptiveField(3, 1, 0.0),)), shapes.grid)
    nodes = np.random.default_rng(0).random(shapes.nodes).astype(np.float32)
    external_maps.check_shape("03a01Fa", nodes.shape, N_FRAMES, shapes)
    placed = external_maps.on_grid(nodes, N_FRAMES, shapes, placement)
    np.testing.assert_allclose(placed[:, :N_FRAMES], nodes[:, :N_FRAMES] / nodes.max(), atol=1e-6)
    assert placed.shape == shapes.grid
    assert not placed[:, N_FRAMES:].any()
    assert not external_maps.is_on_grid(nodes, N_FRAMES, shapes)
    assert external_maps.is_on_grid(nodes, SHAPES.grid[1], shapes)


def as_drawn(exact):
    """As a picture has it: the value cut to one of 256 colours, the colour's number read as 0..255."""
    return np.minimum(np.floor(exact * 256), 255) / 255


def test_from_colours_recovers_a_drawn_map():
    exact = stretched_map()
    read = as_drawn(exact)
    restored = external_maps.from_colours(read, STRETCHED)
    before, after = (np.sqrt(np.mean(np.square(m - exact))) for m in (read, restored))
    assert after < 0.5 * before
    assert abs(np.mean(restored - exact)) < 0.1 / 256
    assert restored.min() >= 0


def test_only_drawn_maps_of_stretched_nodes_are_taken_for_such():
    def taken(values):
        return external_maps.is_read_from_colours(values, N_FRAMES, SHAPES, STRETCHED)

    exact, noise = stretched_map(), np.random.default_rng(3).random((SHAPES.grid[0], N_FRAMES))
    assert taken(as_drawn(exact))
    assert not taken(exact.astype(np.float32))
    assert not taken(as_drawn(noise))
    assert not taken(2 * as_drawn(exact))
    assert not taken(0.1 * as_drawn(exact))
    assert not taken(np.zeros_like(noise))
    assert not taken(random_nodes())
