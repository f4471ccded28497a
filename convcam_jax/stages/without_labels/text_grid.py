"""Annotations that Praat opens beside the sound, written by Praat itself (parselmouth)."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import parselmouth
from parselmouth.praat import call

from convcam_jax.measures.segments import Label
from convcam_jax.system.files import write_whole

_LARGER_THAN_A_GRID = 2**20


def write_text_grid(path: Path, duration_s: float, tiers: Mapping[str, Sequence[Label]]) -> None:
    """Write a TextGrid of interval tiers, whose stretches lie in order within the duration and do not overlap."""
    grid = parselmouth.TextGrid(0.0, duration_s, list(tiers), [])
    for tier, (_, stretches) in enumerate(tiers.items(), start=1):
        edges_s = {edge_s for own in stretches for edge_s in own[:2] if 0 < edge_s < duration_s}
        for edge_s in sorted(edges_s):
            call(grid, "Insert boundary", tier, edge_s)
        for own in stretches:
            interval = call(grid, "Get interval at time", tier, (own.start_s + own.end_s) / 2)
            call(grid, "Set interval text", tier, interval, own.text)
    write_whole(path, partial(_save, grid))


def _save(grid: parselmouth.TextGrid, path: Path) -> None:
    try:
        grid.save(str(path))
    except parselmouth.PraatError:
        # Praat does not say what is in the way; Python, writing to the same place, raises the system's error.
        path.write_bytes(bytes(_LARGER_THAN_A_GRID))
        raise
