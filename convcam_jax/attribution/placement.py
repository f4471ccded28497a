"""From a map of a convolution's nodes to a map on the grid of the network's input (paper, section 2.2 and Figure 6).

Both ways of doing so are one separable linear interpolation between the nodes' centres; they differ in where the
centres are. Positions are counted in cells of the input: 0 is the centre of the first bin or frame.
Axes: S member; N recording; H, W rows and columns of the convolution; F frequency bin; T time frame.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Float32, Float64, Int

from convcam_jax.networks.geometry import Geometry, receptive_field_centres

MapPlacement = Literal["stretched", "receptive_field"]
# Where a map lies: on the nodes of a convolution, on those of a network of attention, or on the grid of the input.
Level = Literal["nodes", "tokens", "input"]


class Placement(NamedTuple):
    """Interpolation weights of both axes; every row sums to 1."""

    frequency: Float32[np.ndarray, "F H"]
    time: Float32[np.ndarray, "T W"]


def stretched_centres(n_nodes: int, n_cells: int) -> Float64[np.ndarray, " n_nodes"]:
    """Positions of the nodes when they are spread evenly over all `n_cells`, as in resizing a picture.

    These are half-pixel centres: node i covers the cells from i * n_cells / n_nodes to (i + 1) * n_cells / n_nodes.
    """
    return (np.arange(n_nodes, dtype=np.float64) + 0.5) * n_cells / n_nodes - 0.5


def interpolation_matrix(
    centres: Float64[np.ndarray, " n_nodes"], n_cells: int
) -> Float32[np.ndarray, "n_cells n_nodes"]:
    """Weights of linear interpolation between nodes at the rising positions `centres`.

    Cells before the first or after the last centre take that node's value. Every row sums to 1.
    """
    nodes = np.eye(len(centres))
    columns = [np.interp(np.arange(n_cells), centres, node) for node in nodes]
    return np.stack(columns, axis=1).astype(np.float32)


def make_placement(map_placement: MapPlacement, geometry: Geometry, grid: tuple[int, int]) -> Placement:
    """Weights that bring a map of the nodes of `geometry` (H, W) to `grid` (F, T).

    "receptive_field" puts each node where it looks; "stretched" spreads the nodes over the whole grid, which is off by
    up to half a receptive field.
    """
    if map_placement == "receptive_field":
        fields = (geometry.frequency, geometry.time)
        centres = [receptive_field_centres(field, n) for field, n in zip(fields, geometry.shape, strict=True)]
    else:
        centres = [stretched_centres(n, n_cells) for n, n_cells in zip(geometry.shape, grid, strict=True)]
    frequency, time = (interpolation_matrix(c, n) for c, n in zip(centres, grid, strict=True))
    return Placement(frequency, time)


def identity_placement(grid: tuple[int, int]) -> Placement:
    """Weights that leave a map that is on the grid (F, T) already as it is."""
    frequency, time = (np.eye(n, dtype=np.float32) for n in grid)
    return Placement(frequency, time)


def placement_of(level: Level, map_placement: MapPlacement, geometry: Geometry, grid: tuple[int, int]) -> Placement:
    """How the maps of a method of attribution come from where they lie to `grid` (F, T)."""
    return identity_placement(grid) if level == "input" else make_placement(map_placement, geometry, grid)


def place(node_map: Float[Array, "*batch H W"], placement: Placement) -> Float[Array, "*batch F T"]:
    """Map [F, T] on the input's grid from the map [H, W] of the convolution's nodes; signed maps stay signed."""
    by_frequency = jnp.matmul(placement.frequency, node_map, precision=lax.Precision.HIGHEST)
    return jnp.matmul(by_frequency, placement.time.T, precision=lax.Precision.HIGHEST)


def normalise_and_crop(grid_map: Float[Array, "F T"], n_frames: Int[ArrayLike, ""]) -> Float[Array, "F T"]:
    """Map divided by its largest absolute value, and zero from frame `n_frames` on.

    The maximum is that of the whole map, the padding behind the recording included, so it can lie outside what is kept.
    A map that is zero everywhere stays zero.
    """
    peak = jnp.max(jnp.abs(grid_map))
    scaled = grid_map / jnp.where(peak > 0, peak, 1)
    in_recording = jnp.arange(grid_map.shape[1]) < jnp.asarray(n_frames, int)
    return jnp.where(in_recording[None, :], scaled, 0)


def placed_map(
    signed_map: Float[Array, "H W"], n_frames: Int[ArrayLike, ""], placement: Placement
) -> Float[Array, "F T"]:
    """Map in 0..1 on the inputs' grid from one signed map, of which the positive part counts (Eq. 5)."""
    return normalise_and_crop(place(jax.nn.relu(signed_map), placement), n_frames)


@jax.jit
def placed_maps(
    signed_maps: Float[Array, "S N H W"], n_frames: Int[Array, " N"], placement: Placement
) -> Float[Array, "S N F T"]:
    """Maps in 0..1 on the inputs' grid from signed maps.

    H and W are those of `placement`; for maps that are on the grid already, F and T.
    """
    per_recording = jax.vmap(placed_map, in_axes=(0, 0, None))
    return jax.vmap(per_recording, in_axes=(0, None, None))(signed_maps, n_frames, placement)
