"""TextGrids are read by Praat (parselmouth) as they were meant, whatever labels and paths hold."""

import os
import shutil
from pathlib import Path

import parselmouth
import pytest
from parselmouth.praat import call

from convcam_jax.measures.segments import Label
from convcam_jax.stages.without_labels.text_grid import write_text_grid

TIERS = {
    'of "F0"': [Label(0.25, 0.5, '"quoted"'), Label(0.5, 1.0, "joie é 喜び"), Label(1.5, 2.0, "xmin = 3 ! \\ye")],
    "none": [],
    "all": [Label(0.0, 2.5, "anger 0.62")],
}


def intervals(grid, tier: int) -> list[tuple[float, float, str]]:
    numbers = range(1, call(grid, "Get number of intervals", tier) + 1)
    edges = ("Get start time of interval", "Get end time of interval", "Get label of interval")
    return [tuple(call(grid, what, tier, number) for what in edges) for number in numbers]


@pytest.mark.parametrize("folder", [b"plain", b"caf\xe9", b"/".join([b"long" * 50] * 6)], ids=["", "bytes", "long"])
def test_praat_reads_what_was_meant(folder, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + folder)) / "a.TextGrid"
    write_text_grid(path, 2.5, TIERS)
    # Praat itself takes no such paths.
    shutil.copy(path, tmp_path / "plain.TextGrid")
    grid = parselmouth.read(str(tmp_path / "plain.TextGrid"))
    assert call(grid, "Get total duration") == 2.5
    assert [call(grid, "Get tier name", tier) for tier in (1, 2, 3)] == list(TIERS)
    assert intervals(grid, 1) == [
        (0.0, 0.25, ""),
        (0.25, 0.5, '"quoted"'),
        (0.5, 1.0, "joie é 喜び"),
        (1.0, 1.5, ""),
        (1.5, 2.0, "xmin = 3 ! \\ye"),
        (2.0, 2.5, ""),
    ]
    assert intervals(grid, 2) == [(0.0, 2.5, "")]
    assert intervals(grid, 3) == [(0.0, 2.5, "anger 0.62")]
