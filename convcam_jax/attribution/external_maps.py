"""Activation maps that another program made: which are sound, and how they come onto the grid of the input.

A map is one of two things, and its shape tells which: a map on the grid has a row for each of the F bins and a column
for each of the recording's n frames; all others are of the explained convolution. Where that has a node for each cell
and the recording fills the grid, both are the same.
Axes: F frequency bin; n frames of the recording; T frames after padding; H, W rows and columns of the convolution.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from convcam_jax.attribution.placement import Placement, normalise_and_crop, place
from convcam_jax.system.errors import RecordingError, UserError, counted_by_kind
from convcam_jax.system.namespaces import AXES, MAP
from convcam_jax.system.text import one_form

# Drawing cuts a value to the colour below it, so a colour stands for values that lie half a colour higher on average.
N_COLOURS = 256
# Between what float32 leaves and the least that another placement of the same nodes was seen to leave.
COLOUR_RESIDUALS = (3e-4, 3e-3)


class MapShapes(NamedTuple):
    """The shapes that a map can have: (F, T) of the grid, of which the recording's n frames count, and (H, W)."""

    grid: tuple[int, int]
    nodes: tuple[int, int]


def recordings_of(names: Sequence[str]) -> list[str | None]:
    """The recording of each of a file's arrays, given their names; None for the axes of `maps.npz`.

    Maps are called `map/RECORDING`; in a file where none is, every array is a map, and is named as its recording.
    """
    if not any(name.startswith(MAP) for name in names):
        return [one_form(name) for name in names]
    # They may stand in the file, so that a run's `maps.npz` can be given as it is.
    return [None if name in AXES else one_form(name.removeprefix(MAP)) for name in names]


def check_names(names: Iterable[str], recordings: Iterable[str], left_out: Iterable[RecordingError]) -> None:
    """Raise UserError unless every array's name is that of one of the `recordings`; of one `left_out` it says why."""
    unused = set(names) - set(recordings)
    problems = [problem for problem in left_out if problem.recording in unused]
    unknown = sorted(unused - {problem.recording for problem in problems})
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise UserError(
            f"--maps: array {unknown[0]}{more}: there is no such recording among those that the config uses; "
            "name each array as its wav file, without .wav"
        )
    if problems:
        raise UserError(
            f"--maps: arrays of recordings that are not used: {counted_by_kind(problems, with_example=True)}; "
            "mend that, or leave these arrays out"
        )


def check_maps(maps: Mapping[str, NDArray], n_frames: Mapping[str, int], shapes: MapShapes) -> None:
    """Raise UserError, naming the first array that is not sound; `n_frames` has each recording's."""
    for name, values in maps.items():
        check_values(name, values)
        check_shape(name, values.shape, n_frames[name], shapes)


def check_values(name: str, values: NDArray) -> None:
    """Raise UserError unless array `name` has finite real numbers >= 0 only; zeros throughout are allowed."""
    if values.dtype.kind not in "fiu":
        raise UserError(f"--maps: array {name}: holds {values.dtype} and not numbers; save it as float32")
    if values.size == 0:
        raise UserError(f"--maps: array {name}: is empty, of shape {_text(values.shape)}")
    wrong = {"NaN": np.isnan(values), "an infinite value": np.isinf(values), "a negative value": values < 0}
    for what, cells in wrong.items():
        if cells.any():
            position = ", ".join(str(index) for index in np.argwhere(cells)[0])
            advice = "apply the ReLU of Grad-CAM first" if what == "a negative value" else "replace it"
            where = f"1 cell, [{position}]" if cells.sum() == 1 else f"{cells.sum()} cells, first at [{position}]"
            raise UserError(f"--maps: array {name}: has {what} in {where}; {advice}")


def check_shape(name: str, shape: tuple[int, ...], n_frames: int, shapes: MapShapes) -> None:
    """Raise UserError unless array `name` is F x n or H x W."""
    if n_frames > shapes.grid[1]:
        raise UserError(
            f"--maps: array {name}: the recording has {n_frames} frames, more than corpus.max_frames = "
            f"{shapes.grid[1]}; leave the array out or raise the field"
        )
    on_grid = (shapes.grid[0], n_frames)
    if shape not in (on_grid, shapes.nodes):
        raise UserError(
            f"--maps: array {name}: has shape {_text(shape)}; it must be {_text(on_grid)} (bins, frames of the "
            f"recording) or {_text(shapes.nodes)} (the explained convolution)"
        )


def is_on_grid(values: NDArray, n_frames: int, shapes: MapShapes) -> bool:
    """Whether a sound map is one on the grid [F, n] and not one of the explained convolution [H, W]."""
    return values.shape == (shapes.grid[0], n_frames)


def scaled(values: NDArray) -> NDArray[np.float32]:
    """The map divided by its maximum, so that it lies in 0..1; zeros stay zeros."""
    exact = values.astype(np.float64)
    return (exact / (exact.max() or 1)).astype(np.float32)


def on_grid(values: NDArray[np.float32], n_frames: int, shapes: MapShapes, placement: Placement) -> NDArray[np.float32]:
    """Map `[F, T]` in 0..1, zero from frame `n_frames` on, from a sound map: placed if it is `[H, W]`."""
    if is_on_grid(values, n_frames, shapes):
        return np.pad(values, ((0, 0), (0, shapes.grid[1] - n_frames)))
    return np.asarray(normalise_and_crop(place(jnp.asarray(values), placement), n_frames))


def is_read_from_colours(values: NDArray, n_frames: int, shapes: MapShapes, stretched: Placement) -> bool:
    """Whether a sound map is one of nodes `stretched` over the grid, with the error of reading it from 256 colours.

    The nodes that fit such a map best leave 0.0008 to 0.0025 of its maximum (rms) in the 33 published pictures. A map
    that a program saved leaves nothing, and one that was made otherwise much more: 0.005 at least when the same nodes
    are placed at their receptive fields.
    """
    if not is_on_grid(values, n_frames, shapes) or not 0.5 < values.max() <= 1:
        return False
    residual = values - _fit(values.astype(np.float64), stretched)
    return bool(COLOUR_RESIDUALS[0] < np.sqrt(np.mean(np.square(residual))) < COLOUR_RESIDUALS[1])


def from_colours(values: NDArray, stretched: Placement) -> NDArray:
    """Map `[F, n]` freed from most of the error of reading it from a picture of 256 colours, from such a map in 0..1.

    Two steps. The colour of index k = 255 * value stands for values from k / 256 to (k + 1) / 256, and is given their
    centre; the lowest colour, which is that of the zeros which ReLU leaves, stays 0. Then the map is replaced by what
    the nodes that fit it best give when they are `stretched` over the grid: they are fewer than the cells.
    """
    values = values.astype(np.float64)
    return _fit(np.where(values > 0, ((N_COLOURS - 1) * values + 0.5) / N_COLOURS, 0), stretched)


def _fit(values: NDArray[np.float64], stretched: Placement) -> NDArray[np.float64]:
    time = stretched.time[: values.shape[1]]
    # Nodes that lie behind the recording have left no trace in it.
    time = time[:, time.any(axis=0)]
    nodes = np.linalg.pinv(stretched.frequency) @ values @ np.linalg.pinv(time).T
    return np.asarray(stretched.frequency @ np.maximum(nodes, 0) @ time.T, np.float64)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape) or "()"
