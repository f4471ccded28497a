"""Annotations that Praat opens beside the sound, written by Praat itself (parselmouth)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import parselmouth
from parselmouth.praat import call

from convcam_jax.measures.segments import Stretch
from convcam_jax.system.files import write_whole


def write_text_grid(path: Path, duration_s: float, tiers: Mapping[str, Sequence[Stretch]]) -> None:
    """Write a TextGrid of interval tiers, whose stretches lie in order within the duration and do not overlap."""
    grid = parselmouth.TextGrid(0.0, duration_s, list(tiers), [])
    for tier, (_, stretches) in enumerate(tiers.items(), start=1):
        edges_s = {edge_s for own in stretches for edge_s in own[:2] if 0 < edge_s < duration_s}
        for edge_s in sorted(edges_s):
            call(grid, "Insert boundary", tier, edge_s)
        for own in stretches:
            interval = call(grid, "Get interval at time", tier, (own.start_s + own.end_s) / 2)
            call(grid, "Set interval text", tier, interval, own.text)
    write_whole(path, lambda temporary: grid.save(str(temporary)))
