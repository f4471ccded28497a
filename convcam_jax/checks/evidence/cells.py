"""Cells of the time-frequency grid: as boxes in seconds and Hz, and maps of other grids brought onto them.

Pure functions of one recording. Axes: F frequency bin; n frame; G, m rows and columns of another grid; N sample. Edges
are strictly rising and one more than there are bins or frames.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from convcam_jax.measures.segments import segments


class Box(NamedTuple):
    """A rectangle of cells: from where to where, in s and Hz."""

    start_s: float
    end_s: float
    low_hz: float
    high_hz: float


def boxes_of(
    cells: Bool[np.ndarray, "F n"], edges_s: Float[np.ndarray, " n+1"], edges_hz: Float[np.ndarray, " F+1"]
) -> list[Box]:
    """Rectangles that do not overlap and together are the cells: runs of frames, joined over bins where they are alike.

    >>> cells = np.array([[True, True, False], [True, True, False], [False, True, True]])
    >>> for box in boxes_of(cells, np.arange(4.0), np.array([50.0, 100.0, 200.0, 400.0])):
    ...     print(*box)
    0.0 2.0 50.0 200.0
    1.0 3.0 200.0 400.0
    """
    boxes: list[Box] = []
    begun: dict[tuple[int, int], int] = {}
    for row in range(len(cells) + 1):
        runs = {(own.start, own.stop) for own in segments(cells[row])} if row < len(cells) else set()
        for run in sorted(set(begun) - runs):
            boxes.append(Box(*edges_s[list(run)].tolist(), *edges_hz[[begun.pop(run), row]].tolist()))
        begun |= {run: row for run in runs if run not in begun}
    return boxes


def overlap_shares(edges: Float[np.ndarray, " E"], others: Float[np.ndarray, " D"]) -> Float[np.ndarray, "E-1 D-1"]:
    """What share of each cell's covered length every one of the other cells covers; 0 where none does."""
    ends = np.minimum(edges[1:, None], others[None, 1:])
    covered = np.maximum(ends - np.maximum(edges[:-1, None], others[None, :-1]), 0.0)
    total = covered.sum(axis=1, keepdims=True)
    return np.divide(covered, total, out=np.zeros_like(covered), where=total > 0)


def onto_cells(
    own_map: Float[np.ndarray, "G m"],
    map_edges: tuple[np.ndarray, np.ndarray],
    edges: tuple[np.ndarray, np.ndarray],
) -> Float[np.ndarray, "F n"]:
    """A map of another grid on the cells: each cell has the mean of what of the map's positive part lies in it.

    Edges are those in Hz `[G + 1]`, `[F + 1]` and those in s `[m + 1]`, `[n + 1]`. What the map does not cover is 0. A
    map that is the same everywhere stays so, and one of the same grid stays as it is. Values are those of float32.
    """
    frequency, time = (overlap_shares(*pair) for pair in zip(edges, map_edges, strict=True))
    mean = frequency @ np.maximum(own_map, 0) @ time.T
    # Else the order of cells that are alike would be that of their rounding errors, by which scores would rank them.
    # The scale is a power of two, which changes no digit.
    scale = 2.0 ** min(np.frexp(mean.max())[1], 1000)
    return (mean / scale).astype(np.float32).astype(np.float64) * scale


def waveform_onto_cells(
    relevance: Float[np.ndarray, " N"],
    rate_hz: float,
    magnitude: Float[np.ndarray, "F n"],
    edges_s: Float[np.ndarray, " n+1"],
) -> Float[np.ndarray, "F n"]:
    """Relevance of samples on the cells: the sum of its positive part in a frame, over the bins as their energy is.

    A waveform says when, not at what frequency. What lies before the first or behind the last frame does not count.
    """
    sample_s = np.arange(len(relevance)) / rate_hz
    inside = (sample_s >= edges_s[0]) & (sample_s < edges_s[-1])
    frame = np.searchsorted(edges_s, sample_s[inside], side="right") - 1
    in_frame = np.bincount(frame, np.maximum(relevance[inside], 0), minlength=magnitude.shape[1])
    energy = magnitude.astype(np.float64) ** 2
    total = energy.sum(axis=0)
    return energy * np.divide(in_frame, total, out=np.zeros_like(total), where=total > 0)
