"""Files of other libraries, too, end in one line where there is no room for them; the limit is the system's own."""

import resource
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure

from convcam_jax.data.members import Member
from convcam_jax.measures.segments import Label
from convcam_jax.report.recordings import Sounds
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.checks.listening_sounds import write_sounds
from convcam_jax.stages.without_labels.models_file import write_models
from convcam_jax.stages.without_labels.text_grid import write_text_grid
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import write_arrays, write_figure

TONE = np.sin(np.arange(16000) / 10)
MODELS = iter([{"params": {"kernel": np.zeros((1, 10, 10), np.float32)}}])
RECORD = {"config": flatten(Config())}
WRITERS = {
    "sounds": partial(write_sounds, "tone", Sounds(16000, TONE, [TONE], [TONE]), (0.5,)),
    "figure": lambda folder: write_figure(folder / "figure.png", Figure),
    "arrays": lambda folder: write_arrays(folder / "arrays.npz", {"tone": TONE}),
    "text_grid": lambda folder: write_text_grid(folder / "tone.TextGrid", 1.0, {"F0": [Label(0.0, 0.5, "100 Hz")]}),
    "models": lambda folder: write_models(folder / "models", RECORD, (Member("all", "0", 0),), 1, MODELS),
}


@contextmanager
def no_file_larger_than(n_bytes: int):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("writer", WRITERS)
def test_what_has_no_room_is_told_in_one_line_and_leaves_nothing(writer, tmp_path):
    with no_file_larger_than(100), pytest.raises(UserError, match="a file would be larger than is allowed"):
        WRITERS[writer](tmp_path)
    assert list(tmp_path.iterdir()) == []
