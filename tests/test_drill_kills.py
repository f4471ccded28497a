"""Drill: a run that is killed, at any moment and as often as one likes, goes on and ends like an undisturbed one."""

import random
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from damage import put_back
from drill import after, begin, differences, end, kill, results, written

from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.folder import folder_name

pytestmark = pytest.mark.drill

CORPUS_FOLDER = folder_name(SyntheticConfig(speakers_per_gender=1), sample_rate_hz=16000)
N_KILLS, KILLS_PER_RUN, MOST_RUNS = 20, 4, 20
# Of what is being written when the run is killed: the folder, and the name.
WHILE_WRITTEN = {
    "features": ("{cache}/features", r"\.features"),
    "a recording": (f"{{cache}}/{CORPUS_FOLDER}/wav", r"\.wav"),
    "a compiled program": ("{cache}/xla", r"-cache$"),
    "the config": ("{run}", r"config\.json"),
    "a checkpoint": ("{run}/training/round_00_in_progress", r"."),
    "a later checkpoint": ("{run}/training/round_00_in_progress", r"^2"),
    "trained variables": ("{run}/training/round_00", r"."),
    "the history": ("{run}/training", r"history\.npz"),
    "explanations": ("{run}", r"explanations\.npz"),
    "a table": ("{run}", r"metrics\.csv"),
    "a table of the paper": ("{run}/tables", r"table3\.csv"),
    "a figure": ("{run}/figures", r"figure0[2-9]"),
    "the note of stages": ("{run}", r"stages\.json"),
    "sounds": ("{run}/listening", r"."),
    "the report": ("{run}", r"report\.html"),
}


class Undisturbed(NamedTuple):
    """A finished run: its results, its cache, and how long it took with what is compiled in the cache."""

    results: dict[str, str]
    cache_dir: Path
    duration_s: float


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("first", "second"):
        begun_s = time.monotonic()
        end(begin(folder / name, folder / "cache"))
    # The same seed gives the same bits.
    assert differences(folder / "second", results(folder / "first")) == []
    return Undisturbed(results(folder / "first"), folder / "cache", time.monotonic() - begun_s)


def test_killed_at_random_moments_again_and_again(undisturbed, tmp_path):
    draw, n_killed, n_runs = random.Random(0), 0, 0
    while n_killed < N_KILLS and n_runs < MOST_RUNS:
        workdir = tmp_path / str(n_runs)
        for _ in range(KILLS_PER_RUN):
            # A run that goes on has less before it; one that has come to its end does not count.
            moment = after(draw.uniform(0, undisturbed.duration_s / 2))
            n_killed += kill(begin(workdir, undisturbed.cache_dir), moment)
        end(begin(workdir, undisturbed.cache_dir))
        assert differences(workdir, undisturbed.results) == []
        n_runs += 1
    assert n_killed >= N_KILLS


@pytest.mark.parametrize("what", WHILE_WRITTEN)
def test_killed_while_something_is_written(what, undisturbed, tmp_path):
    workdir, cache_dir = tmp_path / "run", tmp_path / "cache"
    folder, pattern = WHILE_WRITTEN[what]
    if folder.startswith("{run}"):
        put_back(cache_dir, undisturbed.cache_dir)
    watched = Path(folder.format(cache=cache_dir, run=workdir))
    assert kill(begin(workdir, cache_dir), written(watched, pattern)), "the run ended before it could be killed"
    end(begin(workdir, cache_dir))
    assert differences(workdir, undisturbed.results) == []
