"""From a map of a convolution's nodes to a map on the grid of the network's input (paper, section 2.2 and Figure 6).

Both ways of doing so are one separable linear interpolation between the nodes' centres; they differ in where the
centres are. Positions are counted in cells of the input: 0 is the centre of the first bin or frame.
Axes: H, W rows and columns of the convolution; F frequency bin; T time frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from convcam_jax.settings.config import MapPlacement


class Layer(NamedTuple):
    """A convolution or pooling along one axis, in cells of its own input.

    A dilated kernel counts with its whole extent, dilation * (kernel - 1) + 1.
    """

    kernel: int
    stride: int = 1
    padding: int = 0  # in front of the first cell


class ReceptiveField(NamedTuple):
    """What the nodes of a layer see of the network's input along one axis, in cells of the input."""

    size: int  # of one node's field
    jump: int  # between the centres of neighbouring nodes
    first_centre: float  # of node 0


class Placement(NamedTuple):
    """Interpolation weights of both axes; every row sums to 1."""

    frequency: NDArray[np.float32]  # [F, H]
    time: NDArray[np.float32]  # [T, W]


def receptive_field(layers: Sequence[Layer]) -> ReceptiveField:
    """Receptive field of the last of `layers` (one axis, in order from the input).

    Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019.
    """
    size, jump, first_centre = 1, 1, 0.0
    for layer in layers:
        first_centre += ((layer.kernel - 1) / 2 - layer.padding) * jump
        size += (layer.kernel - 1) * jump
        jump *= layer.stride
    return ReceptiveField(size, jump, first_centre)


def receptive_field_centres(layers: Sequence[Layer], n_nodes: int) -> NDArray[np.float64]:
    """Positions [n_nodes] in the input on which the nodes behind `layers` are centred."""
    field = receptive_field(layers)
    return field.first_centre + field.jump * np.arange(n_nodes, dtype=np.float64)


def stretched_centres(n_nodes: int, n_cells: int) -> NDArray[np.float64]:
    """Positions [n_nodes] of the nodes when they are spread evenly over all `n_cells`, as in resizing a picture.

    These are half-pixel centres: node i covers the cells from i * n_cells / n_nodes to (i + 1) * n_cells / n_nodes.
    """
    return (np.arange(n_nodes, dtype=np.float64) + 0.5) * n_cells / n_nodes - 0.5


def interpolation_matrix(centres: NDArray[np.float64], n_cells: int) -> NDArray[np.float32]:
    """Weights [n_cells, n_nodes] of linear interpolation between nodes at the rising positions `centres` [n_nodes].

    Cells before the first or after the last centre take that node's value. Every row sums to 1.
    """
    nodes = np.eye(len(centres))
    columns = [np.interp(np.arange(n_cells), centres, node) for node in nodes]
    return np.stack(columns, axis=1).astype(np.float32)


def make_placement(
    map_placement: MapPlacement,
    map_shape: tuple[int, int],
    grid_shape: tuple[int, int],
    layers: tuple[Sequence[Layer], Sequence[Layer]],
) -> Placement:
    """Weights that bring a map of `map_shape` (H, W) to `grid_shape` (F, T).

    "receptive_field" puts each node where it looks, by the `layers` of the (frequency, time) axes up to the convolution
    of the map; "stretched" spreads the nodes over the whole grid, which is off by up to half a receptive field.
    """
    if map_placement == "receptive_field":
        centres = [receptive_field_centres(axis, n) for axis, n in zip(layers, map_shape, strict=True)]
    else:
        centres = [stretched_centres(n, n_cells) for n, n_cells in zip(map_shape, grid_shape, strict=True)]
    frequency, time = (interpolation_matrix(c, n) for c, n in zip(centres, grid_shape, strict=True))
    return Placement(frequency, time)


def identity_placement(grid_shape: tuple[int, int]) -> Placement:
    """Weights that leave a map that is on the grid of `grid_shape` (F, T) already as it is."""
    frequency, time = (np.eye(n, dtype=np.float32) for n in grid_shape)
    return Placement(frequency, time)


def place(node_map: jax.Array, placement: Placement) -> jax.Array:
    """Map [F, T] on the input's grid from the map [H, W] of the convolution's nodes; signed maps stay signed."""
    by_frequency = jnp.matmul(placement.frequency, node_map, precision=lax.Precision.HIGHEST)
    return jnp.matmul(by_frequency, placement.time.T, precision=lax.Precision.HIGHEST)


def normalise_and_crop(grid_map: jax.Array, n_frames: jax.Array | int) -> jax.Array:
    """Map [F, T] divided by its largest absolute value, and zero from frame `n_frames` on.

    The maximum is that of the whole map, the padding behind the recording included, so it can lie outside what is kept.
    A map that is zero everywhere stays zero.
    """
    peak = jnp.max(jnp.abs(grid_map))
    scaled = grid_map / jnp.where(peak > 0, peak, 1)
    in_recording = jnp.arange(grid_map.shape[1]) < n_frames
    return jnp.where(in_recording[None, :], scaled, 0)
