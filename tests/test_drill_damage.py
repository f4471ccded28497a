"""Drill: damaged files of the cache and of a run are made again, or named in one line; the results stay the same."""

import random
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from damage import DAMAGES, put_back
from drill import LONGEST_S, begin, different_results, end, kill, results, written

pytestmark = pytest.mark.drill

N_CASES, DAMAGES_PER_CASE = 10, 5


class Whole(NamedTuple):
    """The cache of a finished run, its results, and a run that was killed in its training and one that is finished."""

    cache_dir: Path
    killed: Path
    finished: Path
    results: dict[str, str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    end(begin(folder / "finished", folder / "cache"))
    progress = folder / "killed" / "training" / "round_00_in_progress"
    assert kill(begin(folder / "killed", folder / "cache"), written(progress, "^2$"))
    return Whole(folder / "cache", folder / "killed", folder / "finished", results(folder / "finished"))


def damage_some(folders: list[Path], draw: random.Random) -> list[str]:
    """Damage files of the folders; what was done."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    done = []
    for path in draw.sample(files, DAMAGES_PER_CASE):
        damage = draw.choice(DAMAGES)
        damage(path, draw)
        done.append(f"{damage.__name__}: {path}")
    return done


def finish_with_help(workdir: Path, cache_dir: Path, done: list[str]) -> None:
    """Start the run until it succeeds; after an error do what its one line says: remove what it names."""
    for _ in range(DAMAGES_PER_CASE + 1):
        process = begin(workdir, cache_dir)
        _, said = process.communicate(timeout=LONGEST_S)
        assert "Traceback" not in said, (done, said[-3000:])
        if process.returncode == 0:
            return
        error = said.strip().splitlines()[-1]
        named = re.match(r"error: (/[^:]+): ", error)
        assert named, (done, error)
        path = Path(named[1])
        assert path not in (workdir, cache_dir), (done, error)
        # config.json cannot be made again: the run is begun anew.
        target = workdir if path.name == "config.json" else path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    pytest.fail(f"each start has another error: {done}")


@pytest.mark.parametrize("case", range(N_CASES))
def test_damaged_files_are_made_again_or_named(case, whole, tmp_path):
    draw = random.Random(case)
    workdir, cache_dir = tmp_path / "run", tmp_path / "cache"
    put_back(cache_dir, whole.cache_dir)
    put_back(workdir, whole.killed if case % 2 else whole.finished)
    # Figures are looked at by nobody but the user; what is damaged there is not made again.
    places = [cache_dir, workdir / "training"] if case % 2 else [workdir / "training", workdir / "tables", cache_dir]
    done = damage_some(places, draw)
    finish_with_help(workdir, cache_dir, done)
    assert different_results(workdir, whole.results) == [], done
