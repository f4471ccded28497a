"""Where the nodes of a convolution lie on the network's input, from the layers up to it.

Positions are counted in cells of the input: 0 is the centre of the first bin or frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Layer(NamedTuple):
    """A convolution or pooling along one axis, in cells of its own input.

    A dilated kernel counts with its whole extent, dilation * (kernel - 1) + 1.
    """

    kernel: int
    stride: int = 1
    padding: int = 0  # in front of the first cell
    padding_behind: int = 0  # behind the last cell


class ReceptiveField(NamedTuple):
    """What the nodes of a layer see of the network's input along one axis, in cells of the input."""

    size: int  # of one node's field
    jump: int  # between the centres of neighbouring nodes
    first_centre: float  # of node 0


class Geometry(NamedTuple):
    """The nodes (H, W) of a convolution, and what they see of the grid (F, T) of the network's input."""

    shape: tuple[int, int]
    frequency: ReceptiveField
    time: ReceptiveField


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


def receptive_field_centres(field: ReceptiveField, n_nodes: int) -> Float[np.ndarray, "n_nodes"]:
    """Positions [n_nodes] in the input on which nodes of the receptive field `field` are centred."""
    return field.first_centre + field.jump * np.arange(n_nodes, dtype=np.float64)


def count_nodes(layers: Sequence[Layer], n_cells: int) -> int:
    """How many nodes the last of `layers` has along an axis of `n_cells` cells of the input.

    Raises ValueError if a layer is left without a node.
    """
    n_nodes = n_cells
    for layer in layers:
        n_nodes = (n_nodes + layer.padding + layer.padding_behind - layer.kernel) // layer.stride + 1
        if n_nodes < 1:
            raise ValueError(f"{n_cells} cells of the input leave {layer} without a node")
    return n_nodes


def make_geometry(layers: tuple[Sequence[Layer], Sequence[Layer]], grid: tuple[int, int]) -> Geometry:
    """Geometry of the last of `layers`, which are those of the (frequency, time) axis, for inputs of the grid (F, T).

    Raises ValueError if the grid leaves a layer without a node.
    """
    height, width = (count_nodes(axis, n_cells) for axis, n_cells in zip(layers, grid, strict=True))
    frequency, time = (receptive_field(axis) for axis in layers)
    return Geometry((height, width), frequency, time)
